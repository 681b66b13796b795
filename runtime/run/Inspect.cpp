//===- Inspect.cpp - What is inside a plan, for programs ------------------===//

#include "runtime/run/Inspect.h"

#include "runtime/core/Hash.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/run/Commands.h"
#include "runtime/schema/Memory.h"

namespace mlrt {

using Json = nlohmann::ordered_json;

static Json shapeJson(const flatbuffers::Vector<int64_t> *shape) {
  Json extents = Json::array();
  if (shape)
    for (int64_t extent : *shape)
      extents.push_back(extent);
  return extents;
}

static std::string text(const flatbuffers::String *value) {
  return printable(textOf(value));
}

static Json parametersJson(const Plan &plan, uint64_t &trained) {
  Json list = Json::array();
  for (uint32_t i = 0; i < sizeOfVector(plan->parameters()); ++i) {
    const schema::Parameter *parameter = plan->parameters()->Get(i);
    uint64_t bytes = 0;
    DType dtype = dtypeOf(parameter->dtype());
    bytesOfShape(parameter->shape(), dtype, bytes);
    uint64_t count = bytes / sizeOf(dtype);
    if (parameter->role() == schema::ParameterRole::trained)
      trained += count;
    const schema::Initializer *initial = parameter->initializer();
    list.push_back({{"path", text(parameter->path())},
                    {"dtype", nameOf(dtype)},
                    {"shape", shapeJson(parameter->shape())},
                    {"count", count},
                    {"bytes", bytes},
                    {"role", schema::EnumNameParameterRole(parameter->role())},
                    {"initializer",
                     {{"kind", text(initial->kind())},
                      {"a", initial->a()},
                      {"b", initial->b()}}},
                    {"location", plan.location(parameter->location())}});
  }
  return list;
}

static Json buffersJson(const Plan &plan) {
  Json list = Json::array();
  for (const schema::Buffer *buffer : *plan->buffers())
    list.push_back({{"name", text(buffer->name())},
                    {"section", schema::EnumNameSection(buffer->section())},
                    {"dtype", nameOf(dtypeOf(buffer->dtype()))},
                    {"shape", shapeJson(buffer->shape())},
                    {"offset", buffer->offset()},
                    {"bytes", buffer->slot_bytes()},
                    {"slots", buffer->slots()},
                    {"location", plan.location(buffer->location())}});
  return list;
}

static Json kernelsJson(const Plan &plan) {
  Json list = Json::array();
  for (uint32_t i = 0; i < sizeOfVector(plan->kernels()); ++i) {
    const schema::Kernel *kernel = plan->kernels()->Get(i);
    list.push_back({{"symbol", text(kernel->symbol())},
                    {"arguments", kernel->arguments()},
                    {"tasks", kernel->tasks()},
                    {"flops", kernel->flops()},
                    {"bytes", kernel->bytes()},
                    {"location", plan.location(kernel->location())}});
  }
  return list;
}

using Steps = flatbuffers::Vector<flatbuffers::Offset<schema::Step>>;

static Json stepsJson(const Plan &plan, const Steps *steps, Json &collectives) {
  Json list = Json::array();
  for (uint32_t i = 0; i < sizeOfVector(steps); ++i) {
    const schema::Step *step = steps->Get(i);
    if (const schema::Call *call = step->kind_as_Call()) {
      list.push_back(
          {{"call", text(plan->kernels()->Get(call->kernel())->symbol())}});
    } else if (const schema::Loop *loop = step->kind_as_Loop()) {
      Json body = stepsJson(plan, loop->body(), collectives);
      list.push_back({{"loop",
                       {{"count", loop->count()},
                        {"sums", sizeOfVector(loop->sums())},
                        {"body", std::move(body)}}}});
    } else if (const schema::AllReduce *reduce = step->kind_as_AllReduce()) {
      DType dtype = dtypeOf(reduce->dtype());
      Json axes = Json::array();
      for (uint32_t axis : *reduce->axes())
        axes.push_back(text(plan->mesh()->Get(axis)->name()));
      Json entry = {
          {"id", reduce->id()},
          {"name", text(reduce->name())},
          {"axes", axes},
          {"reduction", schema::EnumNameReduction(reduce->reduction())},
          {"dtype", nameOf(dtype)},
          {"count", reduce->count()},
          {"payload_bytes", reduce->count() * sizeOf(dtype)},
          {"location", plan.location(reduce->location())}};
      collectives.push_back(entry);
      list.push_back({{"all_reduce", reduce->id()}});
    } else if (const schema::Copy *copy = step->kind_as_Copy()) {
      list.push_back({{"copy", copy->bytes()}});
    } else if (const schema::Fill *fill = step->kind_as_Fill()) {
      list.push_back({{"fill", fill->bytes()}});
    }
  }
  return list;
}

static Json programsJson(const Plan &plan) {
  Json list = Json::array();
  for (const schema::Program *program : *plan->programs()) {
    Json collectives = Json::array(), inputs = Json::array(),
         outputs = Json::array(), metrics = Json::array();
    Json steps = stepsJson(plan, program->steps(), collectives);
    for (uint32_t i = 0; i < sizeOfVector(program->inputs()); ++i)
      inputs.push_back(text(program->inputs()->Get(i)->name()));
    for (uint32_t i = 0; i < sizeOfVector(program->outputs()); ++i)
      outputs.push_back(text(program->outputs()->Get(i)->name()));
    for (uint32_t i = 0; i < sizeOfVector(program->metrics()); ++i)
      metrics.push_back(text(program->metrics()->Get(i)->name()));
    list.push_back({{"name", text(program->name())},
                    {"rows", program->rows()},
                    {"inputs", std::move(inputs)},
                    {"outputs", std::move(outputs)},
                    {"metrics", std::move(metrics)},
                    {"sum_level_bytes", program->sum_level_bytes()},
                    {"collectives", std::move(collectives)},
                    {"steps", std::move(steps)}});
  }
  return list;
}

static Json dataJson(const Plan &plan) {
  Json inputs = Json::array(), splits = Json::array();
  for (uint32_t i = 0; i < sizeOfVector(plan->inputs()); ++i) {
    const schema::Input *input = plan->inputs()->Get(i);
    inputs.push_back({{"name", text(input->name())},
                      {"dtype", nameOf(dtypeOf(input->dtype()))},
                      {"shape", shapeJson(input->shape())},
                      {"limit", input->limit()}});
  }
  for (uint32_t i = 0; i < sizeOfVector(plan->splits()); ++i) {
    const schema::Split *split = plan->splits()->Get(i);
    Json columns = Json::array();
    for (const schema::Column *column : *split->columns())
      columns.push_back({{"input", text(column->input())},
                         {"first", column->first()},
                         {"last", column->last()},
                         {"file", text(column->file())}});
    splits.push_back({{"name", text(split->name())},
                      {"reader", schema::EnumNameReader(split->reader())},
                      {"file", text(split->file())},
                      {"first_row", split->first_row()},
                      {"last_row", split->last_row()},
                      {"shuffle", split->shuffle()},
                      {"bytes", split->bytes()},
                      {"part_first", split->part_first()},
                      {"part_last", split->part_last()},
                      {"element", schema::EnumNameToken(split->element())},
                      {"columns", std::move(columns)}});
  }
  return {{"inputs", std::move(inputs)}, {"splits", std::move(splits)}};
}

/// What the loader prepares ahead for the training program.
static uint64_t inputStagingBytes(const Plan &plan) {
  const schema::Program *train = plan.program("train");
  if (!train)
    return 0;
  auto bytesOf = [&](uint32_t index) {
    const schema::Buffer *buffer = plan->buffers()->Get(index);
    uint64_t bytes = 0;
    bytesOfShape(buffer->shape(), dtypeOf(buffer->dtype()), bytes);
    return bytes;
  };
  uint64_t bytes = train->mask() >= 0
                       ? bytesOf(static_cast<uint32_t>(train->mask()))
                       : train->rows() * sizeof(float);
  for (uint32_t i = 0; i < sizeOfVector(train->inputs()); ++i)
    bytes += bytesOf(train->inputs()->Get(i)->buffer());
  return schema::kBatchesAhead * bytes;
}

static Json memoryJson(const Plan &plan) {
  Json memory = {{"arena_bytes", plan->arena_bytes()},
                 {"constant_bytes", sizeOfVector(plan->constants())},
                 {"code_bytes", sizeOfVector(plan->code())}};
  uint64_t perLevel = 0;
  if (const schema::Program *train = plan.program("train"))
    perLevel = train->sum_level_bytes();
  int axis = plan.dataAxisSize();
  uint64_t ranks = axis > 0 ? static_cast<uint64_t>(axis) : 1;
  uint64_t microbatches = plan->training()->microbatches();
  uint64_t inputs = inputStagingBytes(plan);
  auto sums = [&](uint64_t n) {
    return perLevel * schema::sumLevels((microbatches + n - 1) / n);
  };
  memory["sum_bytes"] = sums(ranks);
  memory["input_staging_bytes"] = inputs;
  memory["total_bytes"] = plan->arena_bytes() + sums(ranks) + inputs;
  memory["by_ranks"] = Json::array();
  uint64_t most = axis > 0 ? ranks : std::min<uint64_t>(microbatches, 64);
  for (uint64_t n = ranks; n <= most; n *= 2)
    memory["by_ranks"].push_back(
        {{"ranks", n},
         {"running_sum_bytes", sums(n)},
         {"total_bytes", plan->arena_bytes() + sums(n) + inputs},
         {"staging_bytes",
          {{"threads", schema::threadsStagingBytes(n)},
           {"shm", schema::shmStagingBytes(n)},
           {"gloo", schema::glooStagingBytes(n)}}}});
  if (const schema::Prediction *p = plan->prediction())
    memory["predicted"] = {{"parameter_bytes", p->parameter_bytes()},
                           {"state_bytes", p->state_bytes()},
                           {"input_bytes", p->input_bytes()},
                           {"transient_bytes", p->transient_bytes()}};
  return memory;
}

Json inspectJson(const Plan &plan) {
  uint64_t trained = 0;
  Json parameters = parametersJson(plan, trained);
  Json mesh = Json::array(), features = Json::array();
  for (uint32_t i = 0; i < sizeOfVector(plan->mesh()); ++i)
    mesh.push_back({{"name", text(plan->mesh()->Get(i)->name())},
                    {"size", plan->mesh()->Get(i)->size()}});
  for (uint32_t i = 0; i < sizeOfVector(plan->cpu_features()); ++i)
    features.push_back(text(plan->cpu_features()->Get(i)));
  const schema::Training &training = *plan->training();
  Json report = {{"schema_version", 1},
                 {"plan", plan.path()},
                 {"format", std::to_string(plan->version_major()) + "." +
                                std::to_string(plan->version_minor())},
                 {"digest", toHex(plan->digest())},
                 {"model_digest", toHex(plan->model_digest())},
                 {"producer", text(plan->producer())},
                 {"model", text(plan->model())},
                 {"source_file", text(plan->source_file())},
                 {"target", text(plan->target())},
                 {"cpu", text(plan->cpu_name())},
                 {"cpu_features", std::move(features)},
                 {"compute_dtype", nameOf(dtypeOf(plan->compute_dtype()))},
                 {"sum", schema::EnumNameSumOrder(plan->sum())},
                 {"mesh", std::move(mesh)},
                 {"training",
                  {{"batch", training.batch()},
                   {"microbatch", training.microbatch()},
                   {"microbatches", training.microbatches()},
                   {"epochs", training.epochs()},
                   {"steps", training.steps()},
                   {"seed", training.seed()},
                   {"optimizer", text(training.optimizer())}}},
                 {"parameter_count", trained},
                 {"memory", memoryJson(plan)},
                 {"data", dataJson(plan)},
                 {"parameters", std::move(parameters)},
                 {"programs", programsJson(plan)},
                 {"kernels", kernelsJson(plan)},
                 {"buffers", buffersJson(plan)}};
  if (const schema::Prediction *p = plan->prediction())
    report["predicted"] = {{"step_seconds", p->step_seconds()},
                           {"flops_per_microbatch", p->flops_per_microbatch()},
                           {"flops_per_step", p->flops_per_step()},
                           {"bytes_per_microbatch", p->bytes_per_microbatch()}};
  return report;
}

CommandResult inspectCommand(const RunOptions &options) {
  Result<Plan> plan = Plan::load(options.plan);
  if (!plan.ok())
    return plan.status();
  Json report = inspectJson(*plan);
  return printOutput(
      options.json
          ? report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
          : inspectText(report));
}

} // namespace mlrt
