//===- OptimizerConfig.cpp - The optimizer of one parameter ---------------===//

#include "passes/analysis/OptimizerConfig.h"

#include "ir/graph/Program.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace mlc {

static void read(DictionaryAttr from, StringRef name, double &value) {
  if (auto attribute = from.getAs<FloatAttr>(name))
    value = attribute.getValueAsDouble();
}

static void read(DictionaryAttr from, StringRef name, int64_t &value) {
  if (auto attribute = from.getAs<IntegerAttr>(name))
    value = attribute.getInt();
}

static void read(DictionaryAttr from, StringRef name, bool &value) {
  if (auto attribute = from.getAs<BoolAttr>(name))
    value = attribute.getValue();
}

static StringRef kindOf(DictionaryAttr from) {
  auto kind = from.getAs<StringAttr>("kind");
  return kind ? kind.getValue() : "";
}

static LogicalResult readSchedule(ModuleOp module, DictionaryAttr from,
                                  LearningRate &rate) {
  using Kind = LearningRate::Kind;
  auto kind = llvm::StringSwitch<std::optional<Kind>>(kindOf(from))
                  .Case("constant", Kind::constant)
                  .Case("step", Kind::step)
                  .Case("linear", Kind::linear)
                  .Case("cosine", Kind::cosine)
                  .Default(std::nullopt);
  if (!kind)
    return module.emitError("has a learning rate of unknown kind \"")
           << kindOf(from) << "\"";
  rate.kind = *kind;
  read(from, "value", rate.peak);
  read(from, "peak", rate.peak);
  read(from, "floor", rate.floor);
  read(from, "gamma", rate.gamma);
  read(from, "every", rate.every);
  read(from, "warmup", rate.warmup);
  read(from, "total", rate.total);
  if (rate.every < 1 || rate.warmup < 0)
    return module.emitError("has a learning rate with every = ")
           << rate.every << " and warmup = " << rate.warmup
           << "; they must be at least 1 and 0";
  return success();
}

/// Fields that an optimizer and a parameter group share.
static LogicalResult readFields(ModuleOp module, DictionaryAttr from,
                                OptimizerConfig &config) {
  read(from, "weight_decay", config.weightDecay);
  read(from, "momentum", config.momentum);
  read(from, "dampening", config.dampening);
  read(from, "nesterov", config.nesterov);
  read(from, "beta1", config.beta1);
  read(from, "beta2", config.beta2);
  read(from, "eps", config.epsilon);
  if (auto schedule = from.getAs<DictionaryAttr>("lr"))
    return readSchedule(module, schedule, config.learningRate);
  return success();
}

FailureOr<OptimizerConfig> optimizerFor(ModuleOp module, StringRef path) {
  auto train = module->getAttrOfType<DictionaryAttr>("mlc.train");
  auto optimizer =
      train ? train.getAs<DictionaryAttr>("optimizer") : DictionaryAttr();
  if (!optimizer) {
    module.emitError("has gradients but no optimizer in mlc.train");
    return failure();
  }
  using Kind = OptimizerConfig::Kind;
  auto kind = llvm::StringSwitch<std::optional<Kind>>(kindOf(optimizer))
                  .Case("sgd", Kind::sgd)
                  .Case("adam", Kind::adam)
                  .Case("adamw", Kind::adamw)
                  .Default(std::nullopt);
  if (!kind) {
    module.emitError("has an optimizer of unknown kind \"")
        << kindOf(optimizer) << "\"";
    return failure();
  }
  OptimizerConfig config;
  config.kind = *kind;
  if (config.kind == Kind::adamw)
    config.weightDecay = 1e-2;
  if (failed(readFields(module, optimizer, config)))
    return failure();
  if (auto groups = train.getAs<ArrayAttr>("groups"))
    for (auto group : groups.getAsRange<DictionaryAttr>())
      if (graph::matchesPattern(group.getAs<StringAttr>("pattern").getValue(),
                                path))
        if (failed(readFields(module, group, config)))
          return failure();
  return config;
}

double clipNorm(ModuleOp module) {
  double norm = 0.0;
  if (auto train = module->getAttrOfType<DictionaryAttr>("mlc.train"))
    read(train, "clip_norm", norm);
  return norm;
}

} // namespace mlc
