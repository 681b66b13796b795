//===- Infer.cpp - Outputs for given rows ---------------------------------===//

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/checkpoint/Npy.h"
#include "runtime/core/File.h"
#include "runtime/core/Float16.h"
#include "runtime/core/Suggest.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/run/Commands.h"
#include "runtime/run/Session.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mlrt {

namespace {

/// One input: the file's rows, converted to the ring's type row by row.
struct BoundInput {
  NpyFile file;
  const InputRing *ring;
  uint64_t limit = 0;
};

template <typename T> void put(std::byte *out, uint64_t i, T value) {
  std::memcpy(out + i * sizeof value, &value, sizeof value);
}

/// Stores `value` where every bit of it survives, or where only rounding to a
/// narrower float is lost.
bool storeAs(DType dtype, double value, std::byte *out, uint64_t i) {
  auto integer = [&](double low, double high) {
    return value == std::floor(value) && value >= low && value <= high;
  };
  switch (dtype) {
  case DType::f32:
    put(out, i, static_cast<float>(value));
    return true;
  case DType::f64:
    put(out, i, value);
    return true;
  case DType::f16:
    put(out, i, floatToF16(static_cast<float>(value)));
    return true;
  case DType::bf16:
    put(out, i, floatToBf16(static_cast<float>(value)));
    return true;
  case DType::i32:
    if (!integer(-0x1p31, 0x1p31 - 1))
      return false;
    put(out, i, static_cast<int32_t>(value));
    return true;
  case DType::i64:
    if (!integer(-0x1p53, 0x1p53))
      return false;
    put(out, i, static_cast<int64_t>(value));
    return true;
  case DType::u8:
    if (!integer(0, 255))
      return false;
    put(out, i, static_cast<uint8_t>(value));
    return true;
  case DType::boolean:
    if (!integer(0, 1))
      return false;
    put(out, i, static_cast<uint8_t>(value));
    return true;
  }
  return false;
}

Status fillRows(const BoundInput &input, uint64_t first, uint64_t count,
                uint64_t rows) {
  const NamedTensor &from = input.file.tensor();
  const InputRing &ring = *input.ring;
  std::byte *to = ring.slot(0);
  uint64_t elements = ring.rowBytes / sizeOf(ring.dtype);
  // Padding repeats the first row: kernels check labels in it, too.
  auto pad = [&] {
    for (uint64_t row = count; row < rows; ++row)
      std::memcpy(to + row * ring.rowBytes, to, ring.rowBytes);
  };
  if (from.dtype == ring.dtype && input.limit == 0) {
    std::memcpy(to, from.data + first * ring.rowBytes, count * ring.rowBytes);
    pad();
    return {};
  }
  for (uint64_t i = 0; i < count * elements; ++i) {
    double value = scalarAt(
        from.data + (first * elements + i) * sizeOf(from.dtype), from.dtype);
    std::string where = from.name + ": row " +
                        std::to_string(first + i / elements) + " (from 0)";
    if (input.limit > 0 &&
        (value < 0 || value >= static_cast<double>(input.limit)))
      return {StatusCode::kBadInput, where + " holds " + std::to_string(value) +
                                         ", outside [0, " +
                                         std::to_string(input.limit) +
                                         "), for the input " + ring.name};
    if (!storeAs(ring.dtype, value, to, i))
      return {StatusCode::kBadInput,
              where + " holds " + std::to_string(value) + ", which the input " +
                  ring.name + " of type " + std::string(nameOf(ring.dtype)) +
                  " cannot hold; convert the array"};
  }
  pad();
  return {};
}

std::string pathOf(const std::string &value) {
  return value.starts_with('@') ? value.substr(1) : value;
}

Result<std::vector<BoundInput>> bindInputs(const Plan &plan,
                                           const RunOptions &options,
                                           const Executor &executor) {
  std::vector<BoundInput> bound;
  std::vector<std::string> names;
  for (const InputRing &ring : executor.inputs())
    names.push_back(ring.name);
  for (const auto &[name, value] : options.inputs) {
    if (std::count_if(options.inputs.begin(), options.inputs.end(),
                      [&](auto &each) { return each.first == name; }) > 1)
      return Status(StatusCode::kInvalidArgument,
                    "--input " + name +
                        " is given twice; give each input one "
                        "file");
    if (std::find(names.begin(), names.end(), name) == names.end())
      return Status(StatusCode::kInvalidArgument,
                    "--input " + name + ": the program infer has no input '" +
                        name + "'" + didYouMean(name, names));
  }
  for (const InputRing &ring : executor.inputs()) {
    auto given =
        std::find_if(options.inputs.begin(), options.inputs.end(),
                     [&](auto &each) { return each.first == ring.name; });
    if (given == options.inputs.end())
      return Status(StatusCode::kInvalidArgument,
                    "infer needs the input '" + ring.name + "': give --input " +
                        ring.name + "=@FILE.npy");
    Result<NpyFile> file = NpyFile::open(pathOf(given->second));
    if (!file.ok())
      return file.status();
    BoundInput input{std::move(*file), &ring, 0};
    std::vector<int64_t> wanted;
    for (const schema::Input *each : *plan->inputs()) {
      if (textOf(each->name()) != ring.name)
        continue;
      input.limit = static_cast<uint64_t>(each->limit());
      if (each->shape())
        wanted.assign(each->shape()->begin(), each->shape()->end());
    }
    const NamedTensor &tensor = input.file.tensor();
    if (tensor.shape.empty() ||
        !std::equal(tensor.shape.begin() + 1, tensor.shape.end(),
                    wanted.begin(), wanted.end()))
      return Status(StatusCode::kBadInput,
                    tensor.name + ": is " +
                        typeText(tensor.dtype, tensor.shape) +
                        ", but the input " + ring.name + " has rows of " +
                        typeText(ring.dtype, wanted) +
                        "; the first dimension is the rows");
    if (!bound.empty() && tensor.shape[0] != bound[0].file.tensor().shape[0])
      return Status(StatusCode::kBadInput,
                    tensor.name + ": has " + std::to_string(tensor.shape[0]) +
                        " rows, but " + bound[0].file.tensor().name + " has " +
                        std::to_string(bound[0].file.tensor().shape[0]));
    bound.push_back(std::move(input));
  }
  if (bound.empty())
    return Status(StatusCode::kInvalidArgument,
                  plan.path() + ": the program infer has no inputs");
  return bound;
}

/// The value that --output names, and the bytes of all rows.
struct BoundOutput {
  const NamedValue *value;
  std::string path;
  std::vector<std::byte> rows;
  uint64_t rowBytes;
};

Result<std::vector<BoundOutput>> bindOutputs(const RunOptions &options,
                                             const Executor &executor,
                                             uint64_t rows) {
  std::vector<BoundOutput> bound;
  std::vector<std::string> names;
  std::string all;
  for (const NamedValue &value : executor.outputs()) {
    names.push_back(value.name);
    all += (all.empty() ? "" : ", ") + value.name;
  }
  if (options.outputs.empty())
    return Status(StatusCode::kInvalidArgument,
                  "infer needs --output NAME=@FILE.npy; the outputs are: " +
                      all);
  for (const auto &[name, path] : options.outputs) {
    auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end())
      return Status(StatusCode::kInvalidArgument,
                    "--output " + name + ": the model has no output '" + name +
                        "'" + didYouMean(name, names) +
                        (all.empty() ? "" : " (it has: " + all + ")"));
    const NamedValue &value =
        executor.outputs()[static_cast<size_t>(at - names.begin())];
    MLRT_RETURN_IF_ERROR(checkWritable(pathOf(path)));
    BoundOutput output{
        &value, pathOf(path), {}, value.sizeBytes / executor.rows()};
    output.rows.resize(output.rowBytes * rows);
    bound.push_back(std::move(output));
  }
  return bound;
}

void fillMask(const InputRing &ring, uint64_t count, uint64_t rows) {
  std::byte *mask = ring.slot(0);
  for (uint64_t i = 0; i < rows; ++i)
    if (ring.dtype == DType::f64)
      put(mask, i, i < count ? 1.0 : 0.0);
    else
      put(mask, i, i < count ? 1.0f : 0.0f);
}

} // namespace

CommandResult inferCommand(const RunOptions &options) {
  Result<Plan> plan = Plan::load(options.plan);
  if (!plan.ok())
    return plan.status();
  if (!plan->program("infer"))
    return Status(StatusCode::kInvalidArgument,
                  options.plan + ": has nothing to infer: the model has no "
                                 "output");
  if (options.weights.empty() && sizeOfVector((*plan)->parameters()) > 0)
    return Status(StatusCode::kInvalidArgument,
                  "infer needs --weights: a safetensors file or a checkpoint");
  if (Status status = plan->checkMachine(); !status.ok())
    return status;
  ProgramNeed need{"infer", 1};
  Result<std::unique_ptr<Session>> session =
      Session::create(*plan, nullptr, deviceOptions(options, 1), {&need, 1});
  if (!session.ok())
    return session.status();
  Executor &executor = *(*session)->executor("infer");
  if (!options.weights.empty()) {
    Result<Checkpoint> from = openWeights(options.weights);
    if (!from.ok())
      return from.status();
    if (Status status =
            (*session)->load(from->weights, false, !options.ignoreAverages);
        !status.ok())
      return status;
  }
  Result<std::vector<BoundInput>> inputs = bindInputs(*plan, options, executor);
  if (!inputs.ok())
    return inputs.status();
  auto rows = static_cast<uint64_t>(inputs->front().file.tensor().shape[0]);
  Result<std::vector<BoundOutput>> outputs =
      bindOutputs(options, executor, rows);
  if (!outputs.ok())
    return outputs.status();
  if (Status status = checkDevice(options); !status.ok())
    return status;

  for (uint64_t first = 0; first < rows; first += executor.rows()) {
    uint64_t count = std::min<uint64_t>(executor.rows(), rows - first);
    for (const BoundInput &input : *inputs)
      if (Status status = fillRows(input, first, count, executor.rows());
          !status.ok())
        return status;
    if (executor.mask())
      fillMask(*executor.mask(), count, executor.rows());
    RunArguments run;
    run.rows = count;
    run.firstRow = first;
    run.seed = options.seed.value_or((*plan)->training()->seed());
    if (Status status = executor.run(run); !status.ok())
      return status;
    for (BoundOutput &output : *outputs)
      executor.read(*output.value, output.rows.data() + first * output.rowBytes,
                    count * output.rowBytes);
  }
  for (const BoundOutput &output : *outputs) {
    std::vector<int64_t> shape = output.value->shape;
    shape[0] = static_cast<int64_t>(rows);
    if (Status status = writeNpy(output.path, output.value->dtype, shape,
                                 output.rows.data());
        !status.ok())
      return status;
  }
  return {};
}

} // namespace mlrt
