//===- BatchLoader.h - Rows of a split, as micro-batches ------------------===//
//
// Step s of an epoch takes the positions [s * batch, (s + 1) * batch) of the
// epoch's order, fewer in the last step. Micro-batch m takes positions
// [m * rows, (m + 1) * rows) of these; what lies behind the step's last row is
// padding: copies of the step's first row with mask 0, so that nothing
// computed from it is non-finite unless a real row's value is.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_DATA_BATCHLOADER_H
#define MLC_RUNTIME_DATA_BATCHLOADER_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"
#include "runtime/schema/Memory.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mlrt {

class Dataset;

/// The order of an epoch: 0..rows-1, or the permutation shuffledOrder gives
/// for (seed, epoch), whatever the number of ranks. 4 bytes a row.
class Order {
public:
  Order(uint64_t rows, uint64_t seed, bool shuffle);
  void setEpoch(uint64_t epoch);
  uint32_t operator[](uint64_t position) const { return rows[position]; }
  uint64_t size() const { return rows.size(); }

private:
  std::vector<uint32_t> rows;
  uint64_t seed, epoch = 0;
  bool shuffle, valid = false;
};

struct LoaderOptions {
  uint64_t seed = 0;
  bool shuffle = true;
  uint64_t batch = 0;           ///< global rows; an evaluation: all rows
  uint64_t rows = 0;            ///< of one micro-batch
  uint64_t firstMicrobatch = 0; ///< of this rank, in the global batch
  uint64_t microbatches = 1;    ///< of this rank
  DType maskDType = DType::f32; ///< f32 or f64
  std::vector<size_t> columns;  ///< of the dataset, in the targets' order
  size_t ring = schema::kBatchesAhead; ///< micro-batches prepared ahead
};

/// Where a micro-batch goes: per input [rows, ...], and mask [rows] or null.
struct BatchTarget {
  std::span<std::byte *const> inputs;
  std::byte *mask = nullptr;
};

/// Which micro-batch it is.
struct BatchPosition {
  uint64_t epoch = 0;
  uint64_t step = 0;       ///< within the epoch
  uint64_t microbatch = 0; ///< within the global batch
  uint64_t realRows = 0;   ///< of this micro-batch
  uint64_t batchRows = 0;  ///< real rows of the global batch
};

/// ceil(rows / batch).
uint64_t stepsPerEpoch(uint64_t rows, uint64_t batch);

/// Fills micro-batch `microbatch` (global) of `step`, without prefetching.
BatchPosition fillMicrobatch(const Dataset &data, const Order &order,
                             const LoaderOptions &options, uint64_t step,
                             uint64_t microbatch, const BatchTarget &target);

/// The rank's micro-batches in order, from a start on without end: step after
/// step, epoch after epoch, prepared by a thread of its own.
class BatchLoader {
public:
  /// Starts at `step` (within the epoch) of `epoch`. `data` must outlive the
  /// loader. \returns kInvalidArgument for sizes of 0, a column that is not
  /// there or a step behind the epoch; kBadInput for 2^32 rows or more.
  static Result<std::unique_ptr<BatchLoader>>
  create(const Dataset &data, const LoaderOptions &options, uint64_t epoch,
         uint64_t step);
  ~BatchLoader();

  /// Waits for the next micro-batch and copies it to `target`. One caller at a
  /// time. Allocates nothing.
  BatchPosition next(const BatchTarget &target);

  uint64_t stepsPerEpoch() const;

private:
  struct State;
  explicit BatchLoader(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace mlrt

#endif // MLC_RUNTIME_DATA_BATCHLOADER_H
