//===- TrainingData.cpp - The batches of a training run -------------------===//

#include "tools/mlc/TrainingData.h"

#include "codegen/PlanTables.h"
#include "codegen/PlanWriter.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"
#include "runtime/core/Float16.h"
#include "runtime/core/Random.h"
#include "runtime/data/PlanSplits.h"

#include <cstring>

using namespace mlir;

namespace mlc::driver {

static mlrt::DType dtypeOf(RankedTensorType type) {
  return static_cast<mlrt::DType>(PlanTables::dtypeOf(type.getElementType()));
}

static size_t bytesOf(RankedTensorType type) {
  return type.getNumElements() * mlrt::sizeOf(dtypeOf(type));
}

/// The literal of `type` whose elements lie one after another in `data`.
static graph::Literal literalFrom(RankedTensorType type,
                                  const std::byte *data) {
  graph::Literal literal(type);
  auto read = [&]<typename T>(T, auto &to, auto convert) {
    for (int64_t i = 0; i < literal.size(); ++i) {
      T element;
      std::memcpy(&element, data + i * sizeof(T), sizeof(T));
      to[i] = convert(element);
    }
  };
  auto same = [](auto element) { return element; };
  switch (dtypeOf(type)) {
  case mlrt::DType::f32:
    read(float{}, literal.floats, same);
    break;
  case mlrt::DType::f64:
    read(double{}, literal.floats, same);
    break;
  case mlrt::DType::bf16:
    read(uint16_t{}, literal.floats, mlrt::bf16ToFloat);
    break;
  case mlrt::DType::f16:
    read(uint16_t{}, literal.floats, mlrt::f16ToFloat);
    break;
  case mlrt::DType::i32:
    read(int32_t{}, literal.ints, same);
    break;
  case mlrt::DType::i64:
    read(int64_t{}, literal.ints, same);
    break;
  case mlrt::DType::u8:
  case mlrt::DType::boolean:
    read(uint8_t{}, literal.ints, same);
    break;
  }
  return literal;
}

mlrt::Result<std::unique_ptr<TrainingData>>
TrainingData::open(ModuleOp module, const std::filesystem::path &folder) {
  // What `mlc.train` says, as mlrun reads it from the plan.
  FailureOr<std::string> bytes = writeConfiguration(module);
  if (failed(bytes)) // the diagnostic is out
    return mlrt::Status(mlrt::StatusCode::kInternal,
                        "the module has no configuration");
  const mlrt::schema::Plan &plan = *mlrt::schema::GetPlan(bytes->data());
  mlrt::Result<mlrt::SplitSpec> spec = mlrt::splitOfPlan(plan, "train");
  if (!spec.ok())
    return spec.status();
  // Without a cache: nothing is written.
  mlrt::Result<mlrt::Dataset> dataset =
      mlrt::Dataset::open(*spec, folder, /*cacheDirectory=*/{});
  if (!dataset.ok())
    return dataset.status();
  std::unique_ptr<TrainingData> result(new TrainingData(std::move(*dataset)));

  const mlrt::schema::Training &training = *plan.training();
  mlrt::LoaderOptions options;
  options.seed = result->trainingSeed = training.seed();
  options.shuffle = spec->shuffle;
  options.batch = training.batch();
  options.rows = training.microbatch() * training.microbatches();
  auto function = module.lookupSymbol<func::FuncOp>("train");
  auto withRows = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(tensor.getShape());
    shape[0] = options.rows; // at phase local, of one micro-batch
    return RankedTensorType::get(shape, tensor.getElementType());
  };
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (function.getArgAttr(index, graph::kMaskAttr)) {
      result->maskType = withRows(type);
      options.maskDType = dtypeOf(result->maskType);
      result->mask.resize(bytesOf(result->maskType));
    }
    auto name = function.getArgAttrOfType<StringAttr>(index, graph::kInputAttr);
    if (!name)
      continue;
    std::optional<size_t> column = result->data.columnOf(name.getValue());
    if (!column)
      return mlrt::Status(mlrt::StatusCode::kInvalidArgument,
                          "the split 'train' has no column for the input '" +
                              name.str() +
                              "'; bind one in the model's data block");
    options.columns.push_back(*column);
    RankedTensorType whole = withRows(type);
    result->columns.push_back(
        {name.str(), whole, std::vector<std::byte>(bytesOf(whole))});
  }
  auto loader = mlrt::BatchLoader::create(result->data, options, 0, 0);
  if (!loader.ok())
    return loader.status();
  result->loader = std::move(*loader);
  return result;
}

interpreter::Batch TrainingData::next() {
  std::vector<std::byte *> targets;
  targets.reserve(columns.size());
  for (Column &column : columns)
    targets.push_back(column.bytes.data());
  mlrt::BatchPosition position =
      loader->next({targets, maskType ? mask.data() : nullptr});
  interpreter::Batch batch;
  for (const Column &column : columns)
    batch.inputs[column.input] = literalFrom(column.type, column.bytes.data());
  if (maskType)
    batch.mask = literalFrom(maskType, mask.data());
  batch.count = static_cast<int64_t>(position.batchRows);
  return batch;
}

mlrt::Status initializeParameters(ModuleOp module, uint64_t seed,
                                  interpreter::NamedLiterals &parameters) {
  for (auto parameter : module.getOps<graph::ParameterOp>()) {
    RankedTensorType type = parameter.getTensorType();
    graph::InitAttr how = parameter.getInit();
    std::vector<std::byte> values(bytesOf(type));
    std::vector<std::string> paths = graph::iterationPaths(parameter);
    auto count = static_cast<int64_t>(paths.size());
    for (int64_t i = 0; i < count; ++i)
      MLRT_RETURN_IF_ERROR(mlrt::fillInitial(
          {graph::stringifyInitKind(how.getKind()), how.getA(), how.getB()},
          seed, paths[i], dtypeOf(type), type.getNumElements() / count,
          values.data() + i * bytesOf(type) / count));
    parameters[parameter.getSymName().str()] = literalFrom(type, values.data());
  }
  return {};
}

} // namespace mlc::driver
