//===- SamplePlan.cpp - A plan with every construct, and plans to break ---===//

#include "SamplePlan.h"

#include "runtime/exec/Plan.h"

#include <algorithm>
#include <cstring>

namespace mlrt::test {

using namespace schema;

namespace {

class Sample {
public:
  PlanT build();

private:
  /// Appends a buffer behind those before it and gives its index.
  uint32_t buffer(const char *name, Section section, schema::DType dtype,
                  std::vector<int64_t> shape, uint32_t slots = 1);
  std::unique_ptr<RefT> ref(uint32_t buffer, uint64_t offset = 0,
                            std::vector<int64_t> strides = {}) const;
  uint32_t kernel(const char *symbol, std::vector<uint64_t> bytes,
                  std::vector<bool> written, int64_t tasks);
  template <typename T> std::unique_ptr<StepT> step(T kind) const {
    auto made = std::make_unique<StepT>();
    made->kind.Set(std::move(kind));
    return made;
  }
  std::unique_ptr<StepT> call(uint32_t kernel,
                              std::vector<std::unique_ptr<RefT>> args) const;
  void describe();
  void parameters();
  void data();
  std::unique_ptr<ProgramT> train();
  std::unique_ptr<ProgramT> evalOrInfer(const char *name);

  PlanT plan;
  uint32_t weights = 0, momentum = 0, constant = 0;
};

uint32_t Sample::buffer(const char *name, Section section, schema::DType dtype,
                        std::vector<int64_t> shape, uint32_t slots) {
  auto made = std::make_unique<BufferT>();
  made->name = name;
  made->section = section;
  made->dtype = dtype;
  made->slot_bytes = sizeOf(static_cast<mlrt::DType>(dtype));
  for (int64_t extent : shape)
    made->slot_bytes *= static_cast<uint64_t>(extent);
  made->shape = std::move(shape);
  made->slots = slots;
  made->slot_stride = (made->slot_bytes + 63) / 64 * 64;
  made->offset = plan.arena_bytes;
  plan.arena_bytes += made->slot_stride * slots;
  plan.buffers.push_back(std::move(made));
  return static_cast<uint32_t>(plan.buffers.size() - 1);
}

std::unique_ptr<RefT> Sample::ref(uint32_t buffer, uint64_t offset,
                                  std::vector<int64_t> strides) const {
  auto made = std::make_unique<RefT>();
  made->buffer = buffer;
  made->byte_offset = offset;
  made->strides = std::move(strides);
  return made;
}

uint32_t Sample::kernel(const char *symbol, std::vector<uint64_t> bytes,
                        std::vector<bool> written, int64_t tasks) {
  auto made = std::make_unique<KernelT>();
  made->symbol = symbol;
  made->arguments = static_cast<uint32_t>(bytes.size());
  made->argument_bytes = std::move(bytes);
  made->written = std::move(written);
  made->tasks = tasks;
  made->location = 0;
  plan.kernels.push_back(std::move(made));
  return static_cast<uint32_t>(plan.kernels.size() - 1);
}

std::unique_ptr<StepT>
Sample::call(uint32_t kernel, std::vector<std::unique_ptr<RefT>> args) const {
  CallT made;
  made.kernel = kernel;
  made.args = std::move(args);
  return step(std::move(made));
}

void Sample::describe() {
  plan.version_major = kPlanVersionMajor;
  plan.digest = 1; // 0 would be left out of the file
  plan.producer = "test";
  plan.model = "sample";
  plan.source_file = "sample.mlg";
  plan.target = "cpu";
  plan.cpu_name = "x86-64";
  plan.cpu_features = {"sse3", "ssse3"};
  plan.code.assign(64, 0xcc);
  auto axis = std::make_unique<AxisT>();
  axis->name = "data";
  axis->size = -1;
  plan.mesh.push_back(std::move(axis));
  plan.training = std::make_unique<TrainingT>();
  plan.training->batch = 16;
  plan.training->microbatch = 4;
  plan.training->microbatches = 4;
  plan.training->epochs = 3;
  plan.training->optimizer = "sgd";
  auto location = std::make_unique<LocationT>();
  location->file = "sample.mlg";
  location->line = 10;
  location->column = 8;
  plan.locations.push_back(std::move(location));
  plan.prediction = std::make_unique<PredictionT>();
  auto predicted = std::make_unique<CollectivePredictionT>();
  predicted->name = "w, loss";
  predicted->payload_bytes = 84;
  plan.prediction->collectives.push_back(std::move(predicted));
}

void Sample::parameters() {
  weights = buffer("w", Section::parameters, schema::DType::f32, {4, 5});
  momentum = buffer("w#sgd.m", Section::state, schema::DType::f32, {4, 5});
  for (uint32_t index : {weights, momentum}) {
    auto made = std::make_unique<ParameterT>();
    made->path = plan.buffers[index]->name;
    made->shape = {4, 5};
    made->role =
        index == weights ? ParameterRole::trained : ParameterRole::optimizer;
    made->initializer = std::make_unique<InitializerT>();
    made->initializer->kind = index == weights ? "truncated_normal" : "zeros";
    made->initializer->b = 0.5;
    made->buffer = index;
    made->location = 0;
    plan.parameters.push_back(std::move(made));
  }
  constant = buffer("constant", Section::constants, schema::DType::f64, {3});
  plan.constants_offset = plan.buffers[constant]->offset;
  plan.constants.assign(24, 1);
}

void Sample::data() {
  auto pixels = std::make_unique<InputT>();
  pixels->name = "x";
  pixels->shape = {4};
  plan.inputs.push_back(std::move(pixels));
  auto label = std::make_unique<InputT>();
  label->name = "y";
  label->dtype = schema::DType::i32;
  label->limit = 5;
  plan.inputs.push_back(std::move(label));
  for (bool idx : {false, true}) {
    auto split = std::make_unique<SplitT>();
    split->name = idx ? "test" : "train";
    split->reader = idx ? Reader::idx : Reader::csv;
    split->file = idx ? "" : "data.csv";
    split->last_row = idx ? -1 : 100;
    for (const char *input : {"x", "y"}) {
      auto column = std::make_unique<ColumnT>();
      column->input = input;
      column->first = *input == 'x' ? 0 : 4;
      column->last = *input == 'x' ? 4 : 5;
      column->file = idx ? "data.idx" : "";
      split->columns.push_back(std::move(column));
    }
    plan.splits.push_back(std::move(split));
  }
}

template <typename... T> std::vector<std::unique_ptr<RefT>> list(T... refs) {
  std::vector<std::unique_ptr<RefT>> made;
  (made.push_back(std::move(refs)), ...);
  return made;
}

std::unique_ptr<NamedBufferT> bind(const char *name, uint32_t buffer) {
  auto made = std::make_unique<NamedBufferT>();
  made->name = name;
  made->buffer = buffer;
  return made;
}

std::unique_ptr<ProgramT> Sample::train() {
  auto made = std::make_unique<ProgramT>();
  made->name = "train";
  made->rows = 4;
  uint32_t x = buffer("x", Section::inputs, schema::DType::f32, {4, 4}, 2);
  uint32_t y = buffer("y", Section::inputs, schema::DType::i32, {4}, 2);
  uint32_t mask = buffer("mask", Section::inputs, schema::DType::f32, {4}, 2);
  for (uint32_t index : {x, y}) {
    auto input = std::make_unique<InputBindingT>();
    input->name = plan.buffers[index]->name;
    input->buffer = index;
    made->inputs.push_back(std::move(input));
  }
  uint32_t count = buffer("count", Section::scalars, schema::DType::i64, {});
  uint32_t stepAt = buffer("step", Section::scalars, schema::DType::i64, {});
  uint32_t loss = buffer("loss", Section::scalars, schema::DType::f32, {});
  uint32_t table = buffer("table", Section::scalars, schema::DType::f32, {5});
  uint32_t bucket =
      buffer("bucket", Section::communication, schema::DType::f32, {21});
  uint32_t sums = buffer("sums", Section::transient, schema::DType::f32, {21});
  uint32_t part = buffer("part", Section::transient, schema::DType::f32, {16});
  made->mask = static_cast<int32_t>(mask);
  made->count = static_cast<int32_t>(count);
  made->step = static_cast<int32_t>(stepAt);
  made->loss = static_cast<int32_t>(loss);
  made->metrics.push_back(bind("table", table));

  uint32_t forward = kernel("forward", {64, 16, 16, 80, 84},
                            {false, false, false, false, true}, 3);
  uint32_t piece = kernel("piece", {16}, {true}, 1);
  uint32_t update =
      kernel("update", {84, 80, 80, 8, 4}, {false, true, true, false, true}, 2);
  LoopT inner;
  inner.count = 4;
  inner.body.push_back(call(piece, list(ref(part, 0, {0, 16}))));
  LoopT outer;
  outer.body.push_back(step(std::move(inner)));
  outer.body.push_back(
      call(forward, list(ref(x), ref(y), ref(mask), ref(weights), ref(sums))));
  auto sum = std::make_unique<LoopSumT>();
  sum->count = 21;
  sum->source = ref(sums);
  sum->result = ref(bucket);
  outer.sums.push_back(std::move(sum));
  made->sum_level_bytes = 128;

  FillT fill;
  fill.target = ref(table);
  fill.bytes = 20;
  made->steps.push_back(step(std::move(fill)));
  made->steps.push_back(step(std::move(outer)));
  AllReduceT reduce;
  reduce.count = 21;
  reduce.axes = {0};
  reduce.data = ref(bucket);
  reduce.name = "w, loss";
  reduce.location = 0;
  made->steps.push_back(step(std::move(reduce)));
  made->steps.push_back(
      call(update, list(ref(bucket), ref(weights), ref(momentum),
                        ref(constant, 16), ref(loss))));
  CopyT copy;
  copy.source = ref(bucket, 64);
  copy.target = ref(table);
  copy.bytes = 20;
  made->steps.push_back(step(std::move(copy)));
  return made;
}

std::unique_ptr<ProgramT> Sample::evalOrInfer(const char *name) {
  auto made = std::make_unique<ProgramT>();
  bool infer = *name == 'i';
  made->name = name;
  made->rows = 8;
  uint32_t x = buffer("x", Section::inputs, schema::DType::f32, {8, 4}, 2);
  auto input = std::make_unique<InputBindingT>();
  input->name = "x";
  input->buffer = x;
  made->inputs.push_back(std::move(input));
  uint32_t out =
      infer ? buffer("out", Section::outputs, schema::DType::f32, {8, 5})
            : buffer("loss", Section::scalars, schema::DType::f64, {});
  uint32_t code =
      kernel(name, {128, 80, infer ? 160u : 8u}, {false, false, true}, 5);
  std::unique_ptr<StepT> run = call(code, list(ref(x), ref(weights), ref(out)));
  if (infer) {
    made->outputs.push_back(bind("logits", out));
    made->steps.push_back(std::move(run));
    return made;
  }
  made->loss = static_cast<int32_t>(out);
  LoopT loop;
  loop.body.push_back(std::move(run));
  made->steps.push_back(step(std::move(loop)));
  return made;
}

PlanT Sample::build() {
  describe();
  parameters();
  data();
  plan.programs.push_back(train());
  plan.programs.push_back(evalOrInfer("eval"));
  plan.programs.push_back(evalOrInfer("infer"));
  return std::move(plan);
}

} // namespace

PlanT samplePlan() { return Sample().build(); }

std::vector<std::byte> pack(const PlanT &plan) {
  flatbuffers::FlatBufferBuilder builder;
  FinishPlanBuffer(builder, schema::Plan::Pack(builder, &plan));
  const auto *begin =
      reinterpret_cast<const std::byte *>(builder.GetBufferPointer());
  std::vector<std::byte> bytes(begin, begin + builder.GetSize());
  repairDigest(bytes);
  return bytes;
}

void repairDigest(std::vector<std::byte> &bytes) {
  flatbuffers::Verifier verifier(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  if (bytes.size() < 16 || !VerifyPlanBuffer(verifier))
    return;
  size_t at = digestOffsetOf(bytes);
  if (at == 0)
    return;
  uint64_t digest = planDigest(bytes, at);
  std::memcpy(bytes.data() + at, &digest, sizeof digest);
}

} // namespace mlrt::test
