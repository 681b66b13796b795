//===- ImporterConfig.cpp - The blocks as attributes of the module --------===//
//
// Field by field as docs/architecture.md lists them; the names inside an
// optimizer and a learning rate are those that passes/analysis reads.
//
//===----------------------------------------------------------------------===//
#include "frontend/ImporterConfig.h"

#include "frontend/Source.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace mlc::frontend {

namespace {

/// Collects the entries of a dictionary.
class Fields {
public:
  explicit Fields(MLIRContext *context) : builder(context) {}

  void text(StringRef name, StringRef value) {
    add(name, builder.getStringAttr(value));
  }
  void count(StringRef name, int64_t value) {
    add(name, builder.getI64IntegerAttr(value));
  }
  void number(StringRef name, double value) {
    add(name, builder.getF64FloatAttr(value));
  }
  void flag(StringRef name, bool value) {
    add(name, builder.getBoolAttr(value));
  }
  void add(StringRef name, Attribute value) {
    entries.push_back(builder.getNamedAttr(name, value));
  }
  Attribute take() { return builder.getDictionaryAttr(entries); }

private:
  Builder builder;
  SmallVector<NamedAttribute> entries;
};

class Configuration {
public:
  Configuration(MLIRContext *context, const CheckedModel &model)
      : context(context), builder(context), model(model) {}

  Attribute train() {
    const TrainInfo &train = model.training;
    Fields fields(context);
    fields.count("batch", train.batch);
    fields.count("microbatch", train.microbatch);
    fields.count("microbatches", train.microbatches);
    fields.count("epochs", train.epochs);
    fields.count("steps", train.steps);
    fields.count("seed", train.seed);
    fields.text("precision", train.precision);
    fields.text("sum", train.sum);
    fields.number("clip_norm", train.clipNorm);
    if (!train.optimizer.kind.empty())
      fields.add("optimizer", optimizer(train.optimizer));
    SmallVector<Attribute> groups;
    for (const GroupInfo &group : train.groups) {
      Fields entry(context);
      entry.text("pattern", group.pattern);
      for (const auto &[name, value] : group.numbers)
        entry.number(name, value);
      entry.flag("frozen", group.frozen);
      groups.push_back(entry.take());
    }
    fields.add("groups", builder.getArrayAttr(groups));
    return fields.take();
  }

  Attribute mesh() {
    SmallVector<Attribute> axes;
    for (const AxisInfo &axis : model.mesh) {
      Fields fields(context);
      fields.text("name", axis.name);
      fields.count("size", axis.size);
      axes.push_back(fields.take());
    }
    return builder.getArrayAttr(axes);
  }

  Attribute inputs() {
    SmallVector<Attribute> inputs;
    for (const InputInfo &input : model.inputs) {
      SmallVector<int64_t> row;
      for (const Dim &dim : input.type.shape)
        if (!dim.isBatch)
          row.push_back(dim.size);
      Fields fields(context);
      fields.text("name", input.name);
      fields.add("type", TypeAttr::get(RankedTensorType::get(
                             row, elementTypeOf(*context, input.type.dtype))));
      fields.count("limit", input.limit);
      inputs.push_back(fields.take());
    }
    return builder.getArrayAttr(inputs);
  }

  Attribute splits() {
    SmallVector<Attribute> splits;
    for (const SplitInfo &split : model.splits) {
      Fields fields(context);
      fields.text("name", split.name);
      fields.text("reader", split.reader);
      fields.text("file", split.file);
      fields.flag("header", split.header);
      fields.count("first_row", split.firstRow);
      fields.count("last_row", split.lastRow);
      fields.flag("shuffle", split.shuffle);
      SmallVector<Attribute> columns;
      for (const ColumnInfo &column : split.columns) {
        Fields entry(context);
        entry.text("input", column.input);
        entry.count("first", column.first);
        entry.count("last", column.last);
        entry.text("file", column.file);
        columns.push_back(entry.take());
      }
      fields.add("columns", builder.getArrayAttr(columns));
      splits.push_back(fields.take());
    }
    return builder.getArrayAttr(splits);
  }

private:
  /// The language says `end`, `factor`, `steps`; the IR `floor`, `gamma`,
  /// `total`. No `steps` is the whole training, where its length is known.
  Attribute schedule(const Schedule &schedule) {
    Fields fields(context);
    fields.text("kind", schedule.kind);
    for (const auto &[name, value] : schedule.numbers)
      fields.number(name == "end"      ? "floor"
                    : name == "factor" ? "gamma"
                                       : StringRef(name),
                    value);
    for (const auto &[name, value] : schedule.counts) {
      bool total = name == "steps";
      fields.count(total ? "total" : StringRef(name),
                   total && value == 0 ? model.training.steps : value);
    }
    return fields.take();
  }

  Attribute optimizer(const Optimizer &optimizer) {
    Fields fields(context);
    fields.text("kind", optimizer.kind);
    fields.add("lr", schedule(optimizer.lr));
    for (const auto &[name, value] : optimizer.numbers)
      fields.number(name, value);
    for (const auto &[name, value] : optimizer.flags)
      fields.flag(name, value);
    return fields.take();
  }

  MLIRContext *context;
  Builder builder;
  const CheckedModel &model;
};

} // namespace

void setConfiguration(ModuleOp module, const CheckedModel &model,
                      const SourceManager &sources) {
  MLIRContext *context = module.getContext();
  Configuration configuration(context, model);
  std::string source;
  if (model.span.valid())
    source = llvm::sys::path::filename(sources.file(model.span.file).name());
  module->setAttr("mlc.source", StringAttr::get(context, source));
  module->setAttr("mlc.train", configuration.train());
  module->setAttr("mlc.mesh", configuration.mesh());
  module->setAttr("mlc.inputs", configuration.inputs());
  module->setAttr("mlc.splits", configuration.splits());
}

} // namespace mlc::frontend
