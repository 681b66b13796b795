//===- Session.h - A plan in the memory of one rank -----------------------===//
#ifndef MLC_RUNTIME_RUN_SESSION_H
#define MLC_RUNTIME_RUN_SESSION_H

#include "runtime/checkpoint/Safetensors.h"
#include "runtime/data/BatchLoader.h"
#include "runtime/data/Dataset.h"
#include "runtime/device/Device.h"
#include "runtime/exec/Executor.h"
#include "runtime/launch/Launch.h"

#include <filesystem>
#include <memory>

namespace mlrt {

/// A program that the session must be able to run.
struct ProgramNeed {
  std::string_view role; ///< train, eval, infer
  uint64_t microbatches; ///< of the global batch, over all ranks
};

/// Device, kernels, arena and executors of one rank.
class Session {
public:
  /// \param context  null: one rank, no communicator.
  /// \param device   its ranks are set from `context`.
  static Result<std::unique_ptr<Session>>
  create(const Plan &plan, WorkerContext *context, DeviceOptions device,
         std::span<const ProgramNeed> needs, bool profile = false);

  const Plan &plan() const { return *source; }
  int rank() const { return context ? context->rank() : 0; }
  int ranks() const { return context ? context->size() : 1; }
  int threads() const { return device->threads(); }
  uint64_t arenaBytes() const { return arena->sizeBytes(); }
  /// Null where it was not asked for.
  Executor *executor(std::string_view role);

  /// Parameters in the arena. `optimizer`: with the optimizer's state.
  std::vector<NamedTensor> tensors(bool optimizer) const;
  /// What the model is after training: the parameters, and where there are
  /// running averages and `averaged` asks for them, those in their place.
  std::vector<NamedTensor> weights(bool averaged) const;
  /// Computes every parameter's initial value.
  Status initialize(uint64_t seed);
  /// Copies the tensors of `file`, which must be exactly those of the plan.
  /// Without `optimizer` its state may be in the file, and is left alone; but
  /// parameters become their running averages, if the file has them and
  /// `averaged` asks for them.
  Status load(const SafetensorsFile &file, bool optimizer,
              bool averaged = true);
  /// Gives every rank the parameters of rank 0.
  Status broadcastParameters();
  Status broadcast(void *data, size_t sizeBytes, std::string_view what);

private:
  /// Where the parameter with this index in the plan lies.
  std::byte *placeOf(uint32_t parameter) const;
  Session(const Plan &p, WorkerContext *c) : source(&p), context(c) {}

  /// A parameter and its running average.
  struct Average {
    NamedTensor parameter, average;
  };
  std::vector<Average> averages() const;
  NamedTensor tensorOf(uint32_t parameter) const;
  /// Begins the running averages at the parameters.
  void resetAverages();

  const Plan *source;
  WorkerContext *context;
  std::unique_ptr<Device> device;
  std::unique_ptr<DeviceKernels> kernels;
  std::unique_ptr<DeviceMemory> arena;
  std::vector<std::unique_ptr<DeviceMemory>>
      levels; ///< that it has no room for
  std::vector<std::pair<std::string, std::unique_ptr<Executor>>> executors;
};

/// Copies a loader's micro-batches to the rings of an executor.
class LoaderFeed final : public MicrobatchFeed {
public:
  LoaderFeed(BatchLoader &loader, const Executor &executor);
  Status acquire(uint64_t number) override;
  void release(uint64_t) override {}

private:
  BatchLoader &loader;
  const Executor &executor;
  std::vector<std::byte *> pointers;
};

/// Options of a loader that feeds `executor`: its columns and mask.
/// \returns kInvalidArgument for an input that the split does not bind.
Result<LoaderOptions> loaderOptions(const Executor &executor,
                                    const Dataset &data);

/// What a program computed: its loss and metrics.
struct Measured {
  std::optional<double> loss;
  struct Metric {
    std::string name;
    std::vector<int64_t> shape; ///< empty: a scalar
    std::vector<double> values;
  };
  std::vector<Metric> metrics;
  double examplesPerSecond = 0;

  /// Room for what `executor` computes, so that read() allocates nothing.
  explicit Measured(const Executor &executor);
  void read(const Executor &executor);

private:
  std::vector<std::byte> scratch; ///< a metric as the device has it
};

/// Runs `eval` once over all rows of `data`.
Status evaluate(Session &session, const Dataset &data, uint64_t step,
                uint64_t seed, Measured &measured);

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_SESSION_H
