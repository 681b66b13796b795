//===- RunCompiled.cpp - Compile a module and run its plan ----------------===//

#include "test/random/RunCompiled.h"

#include "codegen/PlanWriter.h"
#include "codegen/cpu/CpuCodegen.h"
#include "ir/plan/PlanOps.h"
#include "passes/Pipelines.h"
#include "runtime/run/Session.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::randomgraph {

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

/// `linkKernels`, or what it made of the same text before.
static LogicalResult linkOnce(ModuleOp module, const CpuTarget &target,
                              CodeCache &codes) {
  SmallVector<Operation *> functions;
  std::string text = target.cpu;
  llvm::raw_string_ostream os(text);
  for (Operation &op : *module.getBody())
    if (op.getName().getDialectNamespace() == "llvm") {
      functions.push_back(&op);
      op.print(os, OpPrintingFlags().useLocalScope());
    }
  auto found = codes.find(text);
  if (found == codes.end()) {
    if (failed(linkKernels(module, target)))
      return failure();
    auto binary = *module.getOps<plan::BinaryOp>().begin();
    codes[text] = binary.getCode().str();
    return success();
  }
  for (Operation *op : functions)
    op->erase();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<StringRef> features(target.features.begin(),
                                  target.features.end());
  plan::BinaryOp::create(
      builder, module.getLoc(), builder.getStringAttr(target.cpu),
      builder.getStrArrayAttr(features), builder.getStringAttr(found->second));
  return success();
}

FailureOr<std::string> compileToPlan(ModuleOp module, const Setting &setting,
                                     CodeCache &codes) {
  std::string error;
  std::optional<CpuTarget> target = CpuTarget::resolve(setting.cpu, error);
  if (!target)
    return module.emitError(error);
  PassManager manager(module.getContext());
  ScheduleOptions options;
  options.fusion = setting.fusion;
  options.reuse = setting.reuse;
  options.prepareKernels = [&](ModuleOp scheduled) {
    return setScratchBytes(scheduled, *target);
  };
  buildSchedulePipeline(manager, options);
  if (failed(manager.run(module)))
    return failure();
  OpBuilder builder(module.getContext());
  module->setAttr("mlc.cpu", builder.getStringAttr(target->cpu));
  if (failed(lowerKernels(module, *target)) || failed(verify(module)) ||
      failed(linkOnce(module, *target, codes)))
    return failure();
  return writePlan(module);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static unsigned widthOf(Type element) {
  return element.isInteger(1) ? 1 : element.getIntOrFloatBitWidth() / 8;
}

std::string toBytes(const Literal &literal) {
  Type element = literal.getElementType();
  unsigned width = widthOf(element);
  std::string bytes(literal.size() * width, '\0');
  for (int64_t i = 0; i < literal.size(); ++i) {
    uint64_t bits;
    if (literal.isFloat()) {
      APFloat value(literal.floats[i]);
      bool lossy;
      value.convert(cast<FloatType>(element).getFloatSemantics(),
                    APFloat::rmNearestTiesToEven, &lossy);
      bits = value.bitcastToAPInt().getZExtValue();
    } else {
      bits = static_cast<uint64_t>(literal.ints[i]);
    }
    std::memcpy(bytes.data() + i * width, &bits, width);
  }
  return bytes;
}

Literal fromBytes(RankedTensorType type, StringRef bytes) {
  Literal literal(type);
  Type element = type.getElementType();
  unsigned width = widthOf(element);
  for (int64_t i = 0; i < literal.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * width, width);
    if (auto floatType = dyn_cast<FloatType>(element)) {
      APFloat value(floatType.getFloatSemantics(), APInt(width * 8, bits));
      bool lossy;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &lossy);
      literal.floats[i] = value.convertToDouble();
    } else {
      literal.ints[i] = element.isInteger(32) ? static_cast<int32_t>(bits)
                                              : static_cast<int64_t>(bits);
    }
  }
  return literal;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {

/// Gives the executor the micro-batches of one batch, over and over.
class BatchFeed final : public mlrt::MicrobatchFeed {
public:
  BatchFeed(const mlrt::Executor &executor, const interpreter::Batch &batch,
            uint64_t parts)
      : executor(executor), parts(parts) {
    for (const mlrt::InputRing &ring : executor.inputs())
      rings.emplace_back(&ring, toBytes(batch.inputs.at(ring.name)));
    if (executor.mask())
      rings.emplace_back(executor.mask(), toBytes(*batch.mask));
  }

  mlrt::Status acquire(uint64_t number) override {
    for (auto &[ring, bytes] : rings) {
      size_t size = ring->rowBytes * executor.rows();
      std::memcpy(ring->slot(number), bytes.data() + number % parts * size,
                  size);
    }
    return {};
  }
  void release(uint64_t number) override {
    for (auto &[ring, bytes] : rings) // nobody may read it any more
      std::memset(ring->slot(number), 0xff, ring->rowBytes * executor.rows());
  }

private:
  const mlrt::Executor &executor;
  uint64_t parts;
  std::vector<std::pair<const mlrt::InputRing *, std::string>> rings;
};

std::string bytesOf(const std::byte *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

class PlanRun {
public:
  PlanRun(mlrt::Session &session, const Graph &graph, const Inputs &inputs)
      : session(session), graph(graph), inputs(inputs) {}

  void setParameters() {
    for (const mlrt::NamedTensor &tensor : session.tensors(true)) {
      auto *to = const_cast<std::byte *>(tensor.data); // ours, in the arena
      auto found = inputs.parameters.find(tensor.name);
      if (found == inputs.parameters.end())
        std::memset(to, 0, tensor.sizeBytes());
      else
        std::memcpy(to, toBytes(found->second).data(), tensor.sizeBytes());
    }
  }

  mlrt::Status infer() {
    mlrt::Executor *executor = session.executor("infer");
    if (!executor)
      return {};
    BatchFeed feed(*executor, inputs.batch, 1);
    mlrt::RunArguments run;
    run.rows = static_cast<uint64_t>(graph.rows() - graph.padding);
    run.feed = &feed;
    MLRT_RETURN_IF_ERROR(executor->run(run));
    for (const mlrt::NamedValue &value : executor->outputs())
      results["infer " + value.name] = bytesOf(value.data, value.sizeBytes);
    return {};
  }

  mlrt::Status train(uint64_t step) {
    mlrt::Executor &executor = *session.executor("train");
    auto parts = static_cast<uint64_t>(graph.microbatches);
    BatchFeed feed(executor, inputs.batch, parts);
    mlrt::RunArguments run;
    run.step = step;
    run.rows = static_cast<uint64_t>(graph.rows() - graph.padding);
    run.microbatches = parts;
    run.firstMicrobatch = step * parts;
    run.feed = &feed;
    MLRT_RETURN_IF_ERROR(executor.run(run));
    std::string prefix = "step" + std::to_string(step + 1) + " ";
    if (executor.hasLoss()) {
      double loss = executor.loss();
      results[prefix + "loss"].assign(reinterpret_cast<const char *>(&loss),
                                      sizeof loss);
    }
    for (const mlrt::NamedValue &value : executor.metrics())
      results[prefix + value.name] = bytesOf(value.data, value.sizeBytes);
    for (const mlrt::NamedTensor &tensor : session.tensors(true))
      results[prefix + tensor.name] = bytesOf(tensor.data, tensor.sizeBytes());
    return {};
  }

  RawResults results;

private:
  mlrt::Session &session;
  const Graph &graph;
  const Inputs &inputs;
};

} // namespace

std::optional<RawResults> runPlan(const std::string &bytes, const Graph &graph,
                                  const Inputs &inputs, int threads,
                                  std::string &error) {
  auto *begin = reinterpret_cast<const std::byte *>(bytes.data());
  auto plan = mlrt::Plan::fromBytes({begin, begin + bytes.size()}, "random");
  if (!plan.ok()) {
    error = plan.status().message();
    return std::nullopt;
  }
  std::vector<mlrt::ProgramNeed> needs;
  needs.push_back({"train", static_cast<uint64_t>(graph.microbatches)});
  if (plan->program("infer"))
    needs.push_back({"infer", 1});
  mlrt::DeviceOptions device;
  device.threads = threads;
  auto session = mlrt::Session::create(*plan, nullptr, device, needs);
  if (!session.ok()) {
    error = session.status().message();
    return std::nullopt;
  }
  PlanRun run(**session, graph, inputs);
  run.setParameters();
  mlrt::Status status = run.infer();
  for (uint64_t step = 0; step < 2 && status.ok(); ++step)
    status = run.train(step);
  if (status.ok())
    return std::move(run.results);
  error = status.message();
  return std::nullopt;
}

} // namespace mlc::randomgraph
