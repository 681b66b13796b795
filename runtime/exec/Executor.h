//===- Executor.h - Runs a program of a plan ------------------------------===//
//
// Everything is resolved to addresses when the executor is built; run() walks
// an array of steps and allocates nothing.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_EXEC_EXECUTOR_H
#define MLC_RUNTIME_EXEC_EXECUTOR_H

#include "runtime/comm/Communicator.h"
#include "runtime/device/Device.h"
#include "runtime/exec/Plan.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace mlrt {

/// Who fills the input rings. Micro-batches of a rank are numbered on and on,
/// over steps; number k is in slot k % slots of every ring.
class MicrobatchFeed {
public:
  virtual ~MicrobatchFeed() = default;
  /// Returns when micro-batch `number` is in its slot.
  virtual Status acquire(uint64_t number) = 0;
  /// Its slot may be filled anew.
  virtual void release(uint64_t number) = 0;
};

/// One input ring, or the mask's.
struct InputRing {
  std::string name;
  DType dtype;
  uint64_t rowBytes;
  std::byte *base;
  uint32_t slots;
  uint64_t slotStride;

  std::byte *slot(uint64_t number) const {
    return base + number % slots * slotStride;
  }
};

/// The part [first, last) of `total` micro-batches that `rank` of `ranks`
/// takes: contiguous and near-equal.
struct MicrobatchRange {
  uint64_t first, last;
  uint64_t size() const { return last - first; }
};
MicrobatchRange microbatchRange(uint64_t total, int rank, int ranks);

struct ResolvedStep;

/// What changes from one run of a program to the next.
struct RunArguments {
  uint64_t step = 0;              ///< steps done before this one
  uint64_t rows = 0;              ///< real rows of the global batch
  uint64_t microbatches = 1;      ///< of this rank
  uint64_t firstMicrobatch = 0;   ///< number of the first in the rings
  uint64_t firstRow = 0;          ///< of the first one, in the global batch
  uint64_t seed = 0;              ///< of the run's random numbers
  MicrobatchFeed *feed = nullptr; ///< null: the slots are filled already
};

/// A value that a program computes; its data is in memory of the device.
struct NamedValue {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  const std::byte *data;
  uint64_t sizeBytes;
};

/// The symbol of a verified kernel's code: its name and the hash of its
/// signature (runtime/schema/KernelAbi.h).
std::string codeSymbol(const schema::Kernel &kernel);

/// Loads the machine code of `plan` on `device`.
///
/// \returns what Device::load returns; the message begins with the plan's path.
Result<std::unique_ptr<DeviceKernels>> loadKernels(const Plan &plan,
                                                   Device &device);

class Executor {
public:
  struct Options {
    uint64_t maxMicrobatches = 1;         ///< of this rank, in one run
    Communicator *communicator = nullptr; ///< of the axis data; null: one rank
    bool profile = false;                 ///< time every kernel
    /// For the levels of the sums; null: behind the plan's part of the arena.
    DeviceMemory *levels = nullptr;
  };

  ~Executor();

  /// Bytes of an arena that `program` needs: plan.fbs, arena(N).
  static uint64_t arenaBytes(const Plan &plan, const schema::Program &program,
                             uint64_t maxMicrobatches);

  /// \param kernels  of the plan, as loadKernels gives them.
  /// \param arena    at least arenaBytes; without Options::levels those lie
  /// behind
  ///   the plan's part. Plan, kernels, arena and stream outlive the executor.
  static Result<std::unique_ptr<Executor>>
  create(const Plan &plan, const schema::Program &program,
         const DeviceKernels &kernels, DeviceMemory &arena, Stream &stream,
         const Options &options);

  /// Runs the program once.
  ///
  /// \returns kBadInput for a label outside its range, naming row and line;
  ///   what the feed or the communicator returned.
  Status run(const RunArguments &arguments);

  uint32_t rows() const { return rowsOfMicrobatch; }
  const std::vector<InputRing> &inputs() const { return inputRings; }
  /// Null where the program has no mask.
  const InputRing *mask() const { return maskRing ? &*maskRing : nullptr; }

  bool hasLoss() const { return lossData != nullptr; }
  double loss() const;
  /// The first `sizeBytes` bytes of a metric or an output, after a run.
  void read(const NamedValue &value, void *to, uint64_t sizeBytes) const;
  const std::vector<NamedValue> &metrics() const { return metricValues; }
  const std::vector<NamedValue> &outputs() const { return outputValues; }

  /// With Options::profile: seconds and calls so far by kernel, and seconds in
  /// all-reduces. The fastest call is what the kernel needs when nothing else
  /// runs on the machine.
  struct KernelTime {
    double seconds = 0;
    double fastest = std::numeric_limits<double>::infinity();
    uint64_t calls = 0;
  };
  const std::vector<KernelTime> &kernelTimes() const { return times; }
  const KernelTime &collectiveTime() const { return collectives; }

private:
  friend class ExecutorBuilder;
  struct Parts;
  Executor();

  Status runSteps(uint32_t begin, uint32_t end);
  Status runLoop(uint32_t step);
  /// Numbers the rows of the next micro-batch, where the program reads them.
  void putRows(uint64_t first);
  Status runCall(uint32_t step);
  /// What the stream's fault means; null where the call is not known.
  Status kernelFailed(const ResolvedStep *step) const;

  std::unique_ptr<Parts> parts;
  uint32_t rowsOfMicrobatch = 0;
  std::vector<InputRing> inputRings;
  std::optional<InputRing> maskRing;
  const std::byte *lossData = nullptr;
  DType lossType = DType::f32;
  std::vector<NamedValue> metricValues, outputValues;
  std::vector<KernelTime> times;
  KernelTime collectives;
};

/// The first element of a float or integer scalar as a double.
double scalarAt(const std::byte *data, DType dtype);

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_EXECUTOR_H
