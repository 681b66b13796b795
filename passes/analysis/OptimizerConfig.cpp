//===- OptimizerConfig.cpp - The optimizer of one parameter ---------------===//

#include "passes/analysis/OptimizerConfig.h"

#include "ir/graph/Program.h"

using namespace mlir;

namespace mlc {

/// A float, an integer or a bool as a number.
static std::optional<double> numberOf(Attribute attribute) {
  if (auto number = dyn_cast_or_null<FloatAttr>(attribute))
    return number.getValueAsDouble();
  if (auto flag = dyn_cast_or_null<BoolAttr>(attribute))
    return flag.getValue() ? 1.0 : 0.0;
  if (auto count = dyn_cast_or_null<IntegerAttr>(attribute))
    return static_cast<double>(count.getInt());
  return std::nullopt;
}

static void read(DictionaryAttr from,
                 ArrayRef<graph::Hyperparameter> hyperparameters,
                 graph::HyperparameterValues &values) {
  for (const graph::Hyperparameter &each : hyperparameters)
    if (std::optional<double> value = numberOf(from.get(each.name)))
      values.set(each.name, *value);
}

static StringRef kindOf(DictionaryAttr from) {
  auto kind = from.getAs<StringAttr>("kind");
  return kind ? kind.getValue() : "";
}

static LogicalResult readSchedule(ModuleOp module, DictionaryAttr from,
                                  OptimizerConfig &config) {
  config.schedule = graph::findSchedule(kindOf(from));
  if (!config.schedule)
    return module.emitError("has a learning rate of unknown kind \"")
           << kindOf(from) << "\"";
  ArrayRef<graph::Hyperparameter> known = config.schedule->hyperparameters;
  config.scheduleValues = graph::HyperparameterValues(known);
  read(from, known, config.scheduleValues);
  for (const graph::Hyperparameter &each : known)
    if (config.scheduleValues[each.name] < each.least)
      return module.emitError("has a learning rate with ")
             << each.name << " = " << config.scheduleValues[each.name]
             << "; it is at least " << each.least;
  return success();
}

/// Fields that an optimizer and a parameter group share.
static LogicalResult readFields(ModuleOp module, DictionaryAttr from,
                                OptimizerConfig &config) {
  read(from, config.kind->hyperparameters, config.values);
  if (std::optional<double> scale = numberOf(from.get("lr_scale")))
    config.learningRateScale = *scale;
  if (auto schedule = from.getAs<DictionaryAttr>("lr"))
    return readSchedule(module, schedule, config);
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
  OptimizerConfig config;
  config.kind = graph::findOptimizer(kindOf(optimizer));
  if (!config.kind) {
    module.emitError("has an optimizer of unknown kind \"")
        << kindOf(optimizer) << "\"";
    return failure();
  }
  config.values = graph::HyperparameterValues(config.kind->hyperparameters);
  config.schedule = graph::findSchedule("constant");
  config.scheduleValues.set("value", config.values["lr"]);
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

static double trainNumber(ModuleOp module, StringRef name) {
  auto train = module->getAttrOfType<DictionaryAttr>("mlc.train");
  return train ? numberOf(train.get(name)).value_or(0.0) : 0.0;
}

double clipNorm(ModuleOp module) { return trainNumber(module, "clip_norm"); }

double averageDecay(ModuleOp module) { return trainNumber(module, "ema"); }

} // namespace mlc
