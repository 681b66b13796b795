//===- ImporterConfig.cpp - Blocks as attributes of the module ------------===//

#include "frontend/ImporterConfig.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace mlc::frontend {

namespace {
class Fields {
public:
  explicit Fields(MLIRContext *context) : builder(context) {}
  Fields &add(StringRef name, Attribute value) {
    attributes.append(name, value);
    return *this;
  }
  Fields &add(StringRef name, int64_t value) {
    return add(name, builder.getI64IntegerAttr(value));
  }
  Fields &add(StringRef name, double value) {
    return add(name, builder.getF64FloatAttr(value));
  }
  Fields &add(StringRef name, const std::string &value) {
    return add(name, builder.getStringAttr(value));
  }
  Fields &flag(StringRef name, bool value) {
    return add(name, builder.getBoolAttr(value));
  }
  template <class List> Fields &addAll(const List &list) {
    for (const auto &[name, value] : list)
      add(name, value);
    return *this;
  }
  DictionaryAttr get() {
    return attributes.getDictionary(builder.getContext());
  }

private:
  Builder builder;
  NamedAttrList attributes;
};

void addHyperparameters(Fields &fields, const Hyperparameters &values,
                        MLIRContext *context) {
  if (values.lr) {
    Fields lr(context);
    lr.add("kind", values.lr->kind)
        .addAll(values.lr->numbers)
        .addAll(values.lr->counts);
    fields.add("lr", lr.get());
  }
  fields.addAll(values.numbers);
  for (const auto &[name, value] : values.flags)
    fields.flag(name, value);
}

DictionaryAttr trainOf(MLIRContext *context, const TrainInfo &info) {
  Builder builder(context);
  SmallVector<Attribute> groups;
  for (const GroupInfo &group : info.groups) {
    Fields fields(context);
    fields.add("pattern", group.pattern);
    addHyperparameters(fields, group, context);
    groups.push_back(fields.get());
  }
  Fields fields(context);
  fields.add("batch", info.batch)
      .add("microbatch", info.microbatch)
      .add("microbatches", info.microbatches)
      .add("epochs", info.epochs)
      .add("steps", info.steps)
      .add("seed", info.seed)
      .add("precision", info.precision)
      .add("sum", info.sum)
      .add("clip_norm", info.clipNorm)
      .add("groups", builder.getArrayAttr(groups));
  if (info.ema > 0)
    fields.add("ema", info.ema);
  if (!info.best.empty())
    fields.add("best", info.best)
        .flag("best_is_lowest", info.bestIsLowest)
        .add("patience", info.patience);
  if (!info.optimizer.kind.empty()) {
    Fields optimizer(context);
    optimizer.add("kind", info.optimizer.kind);
    addHyperparameters(optimizer, info.optimizer, context);
    fields.add("optimizer", optimizer.get());
  }
  return fields.get();
}
} // namespace

void addConfiguration(ModuleOp module, const CheckedModel &model,
                      const std::string &sourceName, const SourceManager &) {
  MLIRContext *context = module.getContext();
  Builder builder(context);
  module->setAttr("mlc.source", builder.getStringAttr(sourceName));
  module->setAttr("mlc.train", trainOf(context, model.training));
  SmallVector<Attribute> mesh, inputs, splits;
  for (const AxisInfo &axis : model.mesh)
    mesh.push_back(
        Fields(context).add("name", axis.name).add("size", axis.size).get());
  for (const InputInfo &input : model.inputs) {
    SmallVector<int64_t> row;
    for (size_t i = 1; i < input.type.shape.size(); ++i)
      row.push_back(input.type.shape[i].size);
    auto type =
        RankedTensorType::get(row, elementTypeOf(context, input.type.dtype));
    inputs.push_back(Fields(context)
                         .add("name", input.name)
                         .add("type", TypeAttr::get(type))
                         .add("limit", input.limit)
                         .get());
  }
  for (const SplitInfo &split : model.splits) {
    SmallVector<Attribute> columns;
    for (const ColumnInfo &column : split.columns)
      columns.push_back(Fields(context)
                            .add("input", column.input)
                            .add("first", column.first)
                            .add("last", column.last)
                            .add("file", column.file)
                            .get());
    splits.push_back(Fields(context)
                         .add("name", split.name)
                         .add("reader", split.reader)
                         .add("file", split.file)
                         .flag("header", split.header)
                         .add("first_row", split.firstRow)
                         .add("last_row", split.lastRow)
                         .flag("shuffle", split.shuffle)
                         .flag("bytes", split.bytes)
                         .add("part_first", split.partFirst)
                         .add("part_last", split.partLast)
                         .add("element", split.element)
                         .add("columns", builder.getArrayAttr(columns))
                         .get());
  }
  module->setAttr("mlc.mesh", builder.getArrayAttr(mesh));
  module->setAttr("mlc.inputs", builder.getArrayAttr(inputs));
  module->setAttr("mlc.splits", builder.getArrayAttr(splits));
}

} // namespace mlc::frontend
