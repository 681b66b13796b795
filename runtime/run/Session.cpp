//===- Session.cpp - A plan in the memory of one rank ---------------------===//

#include "runtime/run/Session.h"

#include "runtime/core/Random.h"
#include "runtime/exec/PlanChecks.h"

#include <algorithm>
#include <cstring>

namespace mlrt {

Result<std::unique_ptr<Session>>
Session::create(const Plan &plan, WorkerContext *context,
                DeviceOptions deviceOptions, std::span<const ProgramNeed> needs,
                bool profile) {
  std::unique_ptr<Session> session(new Session(plan, context));
  if (context) {
    deviceOptions.localRank = context->localRank();
    deviceOptions.localRanks = context->localSize();
  }
  Result<std::unique_ptr<Device>> device = openDevice(deviceOptions);
  if (!device.ok())
    return device.status();
  session->device = std::move(*device);
  Result<std::unique_ptr<DeviceKernels>> kernels =
      loadKernels(plan, *session->device);
  if (!kernels.ok())
    return kernels.status();
  session->kernels = std::move(*kernels);

  // The arena is what mlc reports for the first program, on every rank, though
  // some may have a micro-batch less. How many micro-batches the others have,
  // only the data knows: what they need beyond that is theirs.
  auto ranks = static_cast<uint64_t>(session->ranks());
  auto bytesOf = [&](const ProgramNeed &need) {
    return Executor::arenaBytes(plan, *plan.program(need.role),
                                (need.microbatches + ranks - 1) / ranks);
  };
  uint64_t bytes = needs.empty() ? plan->arena_bytes() : bytesOf(needs[0]);
  Result<std::unique_ptr<DeviceMemory>> arena =
      session->device->allocate(bytes);
  if (!arena.ok())
    return arena.status();
  session->arena = std::move(*arena);
  if (plan->constants() && plan->constants()->size() > 0)
    session->device->stream().upload(
        session->arena->data() + plan->constants_offset(),
        plan->constants()->data(), plan->constants()->size());

  Executor::Options options;
  options.profile = profile;
  if (session->ranks() > 1)
    options.communicator = &context->communicator();
  for (const ProgramNeed &need : needs) {
    options.maxMicrobatches = std::max<uint64_t>(
        1, microbatchRange(need.microbatches, session->rank(), session->ranks())
               .size());
    options.levels = nullptr;
    if (uint64_t more = bytesOf(need); more > bytes) {
      Result<std::unique_ptr<DeviceMemory>> levels =
          session->device->allocate(more - plan->arena_bytes());
      if (!levels.ok())
        return levels.status();
      session->levels.push_back(std::move(*levels));
      options.levels = session->levels.back().get();
    }
    Result<std::unique_ptr<Executor>> executor =
        Executor::create(plan, *plan.program(need.role), *session->kernels,
                         *session->arena, session->device->stream(), options);
    if (!executor.ok())
      return executor.status();
    session->executors.emplace_back(need.role, std::move(*executor));
  }
  return session;
}

Executor *Session::executor(std::string_view role) {
  for (auto &[name, executor] : executors)
    if (name == role)
      return executor.get();
  return nullptr;
}

std::byte *Session::placeOf(uint32_t index) const {
  const Plan &plan = *source;
  const schema::Parameter *parameter = plan->parameters()->Get(index);
  return arena->data() + plan->buffers()->Get(parameter->buffer())->offset() +
         parameter->byte_offset();
}

std::vector<NamedTensor> Session::tensors(bool optimizer) const {
  std::vector<NamedTensor> result;
  const Plan &plan = *source;
  for (uint32_t i = 0; i < sizeOfVector(plan->parameters()); ++i) {
    const schema::Parameter *parameter = plan->parameters()->Get(i);
    if (parameter->role() == schema::ParameterRole::optimizer && !optimizer)
      continue;
    result.push_back(tensorOf(i));
  }
  return result;
}

NamedTensor Session::tensorOf(uint32_t index) const {
  const Plan &plan = *source;
  const schema::Parameter *parameter = plan->parameters()->Get(index);
  NamedTensor tensor;
  tensor.name = textOf(parameter->path());
  tensor.dtype = dtypeOf(parameter->dtype());
  if (parameter->shape())
    tensor.shape.assign(parameter->shape()->begin(), parameter->shape()->end());
  tensor.data = placeOf(index);
  return tensor;
}

std::vector<Session::Average> Session::averages() const {
  std::vector<Average> result;
  const Plan &plan = *source;
  for (uint32_t i = 0; i < sizeOfVector(plan->parameters()); ++i)
    if (int32_t of = plan->parameters()->Get(i)->average_of(); of >= 0)
      result.push_back({tensorOf(static_cast<uint32_t>(of)), tensorOf(i)});
  return result;
}

std::vector<NamedTensor> Session::weights(bool averaged) const {
  std::vector<NamedTensor> result = tensors(/*optimizer=*/false);
  if (averaged)
    for (const Average &each : averages())
      for (NamedTensor &tensor : result)
        if (tensor.name == each.parameter.name)
          tensor.data = each.average.data;
  return result;
}

void Session::resetAverages() {
  for (const Average &each : averages())
    if (each.average.sizeBytes() > 0)
      device->stream().copy(const_cast<std::byte *>(each.average.data),
                            each.parameter.data, each.average.sizeBytes());
}

Status Session::initialize(uint64_t seed) {
  const Plan &plan = *source;
  for (uint32_t i = 0; i < sizeOfVector(plan->parameters()); ++i) {
    const schema::Parameter *parameter = plan->parameters()->Get(i);
    const schema::Initializer *how = parameter->initializer();
    uint64_t bytes = 0;
    DType dtype = dtypeOf(parameter->dtype());
    bytesOfShape(parameter->shape(), dtype, bytes);
    MLRT_RETURN_IF_ERROR(fillInitial({textOf(how->kind()), how->a(), how->b()},
                                     seed, textOf(parameter->path()), dtype,
                                     bytes / sizeOf(dtype), placeOf(i)));
  }
  resetAverages();
  return {};
}

Status Session::load(const SafetensorsFile &file, bool optimizer,
                     bool averaged) {
  std::vector<NamedTensor> targets = tensors(optimizer);
  MLRT_RETURN_IF_ERROR(file.check(targets, /*allowExtra=*/!optimizer));
  for (const NamedTensor &tensor : file.tensors()) {
    bool known = std::any_of(
        targets.begin(), targets.end(),
        [&](const NamedTensor &each) { return each.name == tensor.name; });
    if (!known && tensor.name.find('#') == std::string::npos)
      return {StatusCode::kBadInput,
              file.path().string() + ": has a tensor " + tensor.name +
                  " that the plan's model does not have; give weights of the "
                  "same model"};
  }
  for (const NamedTensor &target : targets)
    if (target.sizeBytes() > 0)
      device->stream().upload(
          const_cast<std::byte *>(target.data), // ours, in the arena
          file.find(target.name)->data, target.sizeBytes());
  if (optimizer)
    return {};
  for (const Average &each : averages())
    if (const NamedTensor *kept = file.find(each.average.name);
        averaged && kept && kept->dtype == each.average.dtype &&
        kept->shape == each.average.shape && kept->sizeBytes() > 0)
      device->stream().upload(const_cast<std::byte *>(each.parameter.data),
                              kept->data, kept->sizeBytes());
  resetAverages();
  return {};
}

Status Session::broadcast(void *data, size_t sizeBytes, std::string_view what) {
  if (ranks() == 1 || sizeBytes == 0)
    return {};
  CollectiveTag tag;
  tag.id = kFirstSetupId;
  tag.name = what;
  return context->communicator().broadcast(data, sizeBytes, 0, tag);
}

Status Session::broadcastParameters() {
  if (ranks() == 1)
    return {};
  for (const NamedTensor &tensor : tensors(/*optimizer=*/true))
    MLRT_RETURN_IF_ERROR(broadcast(const_cast<std::byte *>(tensor.data),
                                   tensor.sizeBytes(), "parameters"));
  return {};
}

LoaderFeed::LoaderFeed(BatchLoader &source, const Executor &target)
    : loader(source), executor(target), pointers(target.inputs().size()) {}

Status LoaderFeed::acquire(uint64_t number) {
  for (size_t i = 0; i < pointers.size(); ++i)
    pointers[i] = executor.inputs()[i].slot(number);
  loader.next(
      {pointers, executor.mask() ? executor.mask()->slot(number) : nullptr});
  return {};
}

Result<LoaderOptions> loaderOptions(const Executor &executor,
                                    const Dataset &data) {
  LoaderOptions options;
  options.rows = executor.rows();
  if (executor.mask())
    options.maskDType = executor.mask()->dtype;
  for (const InputRing &ring : executor.inputs()) {
    std::optional<size_t> column = data.columnOf(ring.name);
    if (!column)
      return Status(StatusCode::kInvalidArgument,
                    "the split '" + data.spec().name +
                        "' has no column for the input '" + ring.name +
                        "'; bind one in the model's data block");
    options.columns.push_back(*column);
  }
  return options;
}

Measured::Measured(const Executor &executor) {
  for (const NamedValue &value : executor.metrics()) {
    metrics.push_back(
        {value.name, value.shape,
         std::vector<double>(value.sizeBytes / sizeOf(value.dtype))});
    scratch.resize(std::max<size_t>(scratch.size(), value.sizeBytes));
  }
}

void Measured::read(const Executor &executor) {
  if (executor.hasLoss())
    loss = executor.loss();
  for (size_t m = 0; m < metrics.size(); ++m) {
    const NamedValue &value = executor.metrics()[m];
    executor.read(value, scratch.data(), value.sizeBytes);
    for (size_t i = 0; i < metrics[m].values.size(); ++i)
      metrics[m].values[i] =
          scalarAt(scratch.data() + i * sizeOf(value.dtype), value.dtype);
  }
}

} // namespace mlrt
