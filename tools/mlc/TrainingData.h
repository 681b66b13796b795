//===- TrainingData.h - The batches of a training run -----------*- C++ -*-===//
//
// What `mlrun train` would feed a plan of the module, as literals: read by the
// runtime's own readers, and in its order.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_TOOLS_MLC_TRAININGDATA_H
#define MLC_TOOLS_MLC_TRAININGDATA_H

#include "ir/interpreter/ProgramRunner.h"
#include "runtime/data/BatchLoader.h"
#include "runtime/data/Dataset.h"

#include "mlir/IR/BuiltinOps.h"

#include <filesystem>
#include <memory>

namespace mlc::driver {

class TrainingData {
public:
  /// Opens the split `train` of `module`, whose files are relative to
  /// `folder`, for its program @train. \returns what `mlrun train` returns for
  /// missing or damaged data.
  static mlrt::Result<std::unique_ptr<TrainingData>>
  open(mlir::ModuleOp module, const std::filesystem::path &folder);

  /// Of the training, which the initial values have too.
  uint64_t seed() const { return trainingSeed; }
  uint64_t stepsPerEpoch() const { return loader->stepsPerEpoch(); }

  /// The next global batch, from the first step on; padding included.
  interpreter::Batch next();

private:
  struct Column {
    std::string input;
    mlir::RankedTensorType type; ///< [rows, ...], rows of the padded batch
    std::vector<std::byte> bytes;
  };

  explicit TrainingData(mlrt::Dataset data) : data(std::move(data)) {}

  mlrt::Dataset data;
  uint64_t trainingSeed = 0;
  std::vector<Column> columns;
  mlir::RankedTensorType maskType; ///< null: the program reads no mask
  std::vector<std::byte> mask;
  std::unique_ptr<mlrt::BatchLoader> loader;
};

/// Sets the initial values of all parameters that `mlrun init` gives, and of
/// the optimizer's state.
mlrt::Status initializeParameters(mlir::ModuleOp module, uint64_t seed,
                                  interpreter::NamedLiterals &parameters);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_TRAININGDATA_H
