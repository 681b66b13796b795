//===- PlanTables.cpp - Names of a module as indices of a plan ------------===//

#include "codegen/PlanTables.h"

#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"
#include "ir/graph/SourceLines.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace mlc {

namespace schema = mlrt::schema;

LogicalResult PlanTables::collect(ModuleOp from) {
  module = from;
  arena = plan::ArenaOp::of(module);
  if (!arena || !arena.getBytes())
    return module.emitError("has no plan.arena with offsets");
  if (module.getOps<plan::BinaryOp>().empty())
    return module.emitError("has no plan.binary");
  for (auto buffer : arena.getOps<plan::BufferOp>()) {
    bufferIndex[buffer.getSymNameAttr()] = buffers.size();
    buffers.push_back(buffer);
  }
  for (auto kernel : module.getOps<plan::KernelOp>()) {
    kernelIndex[kernel.getSymNameAttr()] = kernels.size();
    kernels.push_back(kernel);
  }
  return success();
}

schema::DType PlanTables::dtypeOf(Type element) {
  if (element.isBF16())
    return schema::DType::bf16;
  if (element.isF16())
    return schema::DType::f16;
  if (element.isF64())
    return schema::DType::f64;
  if (element.isSignlessInteger(32))
    return schema::DType::i32;
  if (element.isSignlessInteger(64))
    return schema::DType::i64;
  if (element.isUnsignedInteger(8))
    return schema::DType::u8;
  if (element.isInteger(1))
    return schema::DType::boolean;
  return schema::DType::f32;
}

int32_t PlanTables::locate(Location loc) {
  SmallVector<FileLineColLoc> places = getSourceLines(loc);
  if (places.empty())
    return -1;
  FileLineColLoc place = places.front();
  std::string layer = getLayerText(loc);
  auto [it, fresh] =
      located.try_emplace(toString(place) + layer, locations.size());
  if (fresh) {
    auto out = std::make_unique<schema::LocationT>();
    out->file = llvm::sys::path::filename(place.getFilename().getValue()).str();
    out->line = place.getLine();
    out->column = place.getColumn();
    out->text = std::move(layer);
    locations.push_back(std::move(out));
  }
  return it->second;
}

LogicalResult PlanTables::appendBytes(Operation *op, ElementsAttr value,
                                      std::vector<uint8_t> &bytes,
                                      uint64_t offset, uint64_t mostBytes) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  int64_t size = plan::getElementBytes(type.getElementType());
  auto add = [&](uint64_t bits) {
    for (int64_t i = 0; i < size; ++i)
      bytes.push_back(static_cast<uint8_t>(bits >> (8 * i)));
  };
  constexpr int64_t kMostBytes = int64_t{1} << 30;
  if (type.getNumElements() > kMostBytes / size)
    return op->emitOpError("is a constant of more than 1 GiB; compute it from "
                           "smaller values, or make it an input");
  uint64_t end = offset + type.getNumElements() * size;
  if (end > mostBytes)
    return op->emitOpError("brings the constants to ")
           << end << " bytes, more than the " << mostBytes
           << " that a plan holds; compute it from smaller values, or make it "
              "an input";
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return op->emitOpError("has a value that is no dense constant");
  bytes.resize(offset);
  if (isa<FloatType>(type.getElementType())) {
    for (const llvm::APFloat &element : dense.getValues<llvm::APFloat>())
      add(element.bitcastToAPInt().getZExtValue());
  } else {
    for (const llvm::APInt &element : dense.getValues<llvm::APInt>())
      add(element.getZExtValue());
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Module attributes
//===----------------------------------------------------------------------===//

namespace {
/// Reads fields of a dictionary; a missing one has the given value.
struct Fields {
  DictionaryAttr dict;

  int64_t integer(StringRef name, int64_t missing = 0) const {
    auto attr = dict ? dict.getAs<IntegerAttr>(name) : IntegerAttr();
    return attr ? attr.getInt() : missing;
  }
  double number(StringRef name, double missing) const {
    auto attr = dict ? dict.getAs<FloatAttr>(name) : FloatAttr();
    return attr ? attr.getValueAsDouble() : missing;
  }
  bool boolean(StringRef name, bool missing) const {
    auto attr = dict ? dict.getAs<BoolAttr>(name) : BoolAttr();
    return attr ? attr.getValue() : missing;
  }
  std::string text(StringRef name, StringRef missing = "") const {
    auto attr = dict ? dict.getAs<StringAttr>(name) : StringAttr();
    return attr ? attr.str() : missing.str();
  }
};
} // namespace

static SmallVector<Fields> listOf(Attribute attr) {
  SmallVector<Fields> list;
  if (auto array = dyn_cast_or_null<ArrayAttr>(attr))
    for (Attribute item : array)
      if (auto dict = dyn_cast<DictionaryAttr>(item))
        list.push_back({dict});
  return list;
}

static schema::DType parseDType(StringRef name) {
  return llvm::StringSwitch<schema::DType>(name)
      .Case("f64", schema::DType::f64)
      .Case("f16", schema::DType::f16)
      .Case("bf16", schema::DType::bf16)
      .Default(schema::DType::f32);
}

static void writeSplits(ModuleOp module, schema::PlanT &plan) {
  for (Fields split : listOf(module->getAttr("mlc.splits"))) {
    auto out = std::make_unique<schema::SplitT>();
    out->name = split.text("name");
    out->reader = llvm::StringSwitch<schema::Reader>(split.text("reader"))
                      .Case("idx", schema::Reader::idx)
                      .Case("text", schema::Reader::text)
                      .Case("bin", schema::Reader::bin)
                      .Default(schema::Reader::csv);
    out->bytes = split.boolean("bytes", false);
    out->part_first = split.number("part_first", 0);
    out->part_last = split.number("part_last", 1);
    out->element = llvm::StringSwitch<schema::Token>(split.text("element"))
                       .Case("u16", schema::Token::u16)
                       .Case("i32", schema::Token::i32)
                       .Case("u32", schema::Token::u32)
                       .Case("i64", schema::Token::i64)
                       .Default(schema::Token::u8);
    out->file = split.text("file");
    out->header = split.boolean("header", false);
    out->first_row = split.integer("first_row");
    out->last_row = split.integer("last_row", -1);
    out->shuffle = split.boolean("shuffle", true);
    for (Fields column : listOf(split.dict.get("columns"))) {
      auto item = std::make_unique<schema::ColumnT>();
      item->input = column.text("input");
      item->first = column.integer("first");
      item->last = column.integer("last");
      item->file = column.text("file");
      out->columns.push_back(std::move(item));
    }
    plan.splits.push_back(std::move(out));
  }
}

static void writeParameters(PlanTables &tables, schema::PlanT &plan) {
  llvm::StringMap<int32_t> indices;
  SmallVector<std::pair<size_t, std::string>> averages;
  for (auto parameter : tables.module.getOps<graph::ParameterOp>()) {
    RankedTensorType type = parameter.getTensorType();
    ArrayRef<int64_t> shape = type.getShape().drop_front(
        graph::iterationDims(parameter.getSymName()));
    int64_t bytes = plan::getTensorBytes(
        RankedTensorType::get(shape, type.getElementType()));
    auto of =
        parameter->getAttrOfType<FlatSymbolRefAttr>(graph::kAverageOfAttr);
    std::vector<std::string> ofPaths;
    if (of)
      ofPaths = graph::iterationPaths(
          tables.module.lookupSymbol<graph::ParameterOp>(of));
    uint64_t offset = 0;
    for (auto [i, path] : llvm::enumerate(graph::iterationPaths(parameter))) {
      auto out = std::make_unique<schema::ParameterT>();
      out->path = path;
      out->dtype = tables.dtypeOf(type.getElementType());
      out->shape.assign(shape.begin(), shape.end());
      out->role = static_cast<schema::ParameterRole>(parameter.getRole());
      out->initializer = std::make_unique<schema::InitializerT>();
      out->initializer->kind =
          graph::stringifyInitKind(parameter.getInit().getKind()).str();
      out->initializer->a = parameter.getInit().getA();
      out->initializer->b = parameter.getInit().getB();
      out->buffer = tables.bufferIndex.lookup(parameter.getSymNameAttr());
      out->byte_offset = offset;
      out->location = tables.locate(parameter.getLoc());
      if (of)
        averages.emplace_back(plan.parameters.size(), ofPaths[i]);
      indices[path] = static_cast<int32_t>(plan.parameters.size());
      plan.parameters.push_back(std::move(out));
      offset += static_cast<uint64_t>(bytes);
    }
  }
  for (auto [index, of] : averages)
    if (auto at = indices.find(of); at != indices.end())
      plan.parameters[index]->average_of = at->second;
}

LogicalResult PlanTables::writeConfiguration(schema::PlanT &plan) {
  Fields train{module->getAttrOfType<DictionaryAttr>("mlc.train")};
  auto source = module->getAttrOfType<StringAttr>("mlc.source");
  plan.version_major = 1;
  plan.version_minor = 0;
  plan.producer = "mlc " MLC_VERSION;
  plan.model = module.getSymName().value_or("").str();
  plan.source_file =
      source ? llvm::sys::path::filename(source.getValue()).str() : "";
  auto digest = module->getAttrOfType<IntegerAttr>("mlc.model_digest");
  plan.model_digest = digest ? static_cast<uint64_t>(digest.getInt()) : 0;
  plan.target = "cpu";
  plan.compute_dtype = parseDType(train.text("precision", "f32"));
  plan.sum = train.text("sum", "tree") == "fast" ? schema::SumOrder::fast
                                                 : schema::SumOrder::tree;
  for (Fields axis : listOf(module->getAttr("mlc.mesh"))) {
    axisIndex[axis.text("name")] = plan.mesh.size();
    auto out = std::make_unique<schema::AxisT>();
    out->name = axis.text("name");
    out->size = axis.integer("size", 1);
    plan.mesh.push_back(std::move(out));
  }
  plan.training = std::make_unique<schema::TrainingT>();
  plan.training->batch = train.integer("batch");
  plan.training->microbatch = train.integer("microbatch");
  plan.training->microbatches = train.integer("microbatches");
  plan.training->epochs = train.integer("epochs");
  plan.training->steps = train.integer("steps");
  plan.training->seed = train.integer("seed");
  if (train.dict)
    plan.training->optimizer =
        Fields{train.dict.getAs<DictionaryAttr>("optimizer")}.text("kind");
  plan.training->best = train.text("best");
  plan.training->best_is_lowest = train.boolean("best_is_lowest", false);
  plan.training->patience = train.integer("patience");
  for (Fields input : listOf(module->getAttr("mlc.inputs"))) {
    auto out = std::make_unique<schema::InputT>();
    out->name = input.text("name");
    out->limit = input.integer("limit");
    auto attr = input.dict.getAs<TypeAttr>("type");
    auto type =
        attr ? dyn_cast<RankedTensorType>(attr.getValue()) : RankedTensorType();
    if (!type)
      return module.emitError("has an input without a tensor type in "
                              "mlc.inputs");
    out->dtype = dtypeOf(type.getElementType());
    out->shape.assign(type.getShape().begin(), type.getShape().end());
    for (StringRef program : {"train", "eval", "infer"})
      if (auto it = bufferIndex.find(StringAttr::get(
              module.getContext(), (program + "." + out->name).str()));
          it != bufferIndex.end() && out->location < 0)
        out->location = locate(buffers[it->second].getLoc());
    plan.inputs.push_back(std::move(out));
  }
  writeSplits(module, plan);
  writeParameters(*this, plan);
  auto seconds = module->getAttrOfType<FloatAttr>("mlc.predicted_step_seconds");
  plan.prediction->step_seconds = seconds ? seconds.getValueAsDouble() : 0.0;
  return success();
}

} // namespace mlc
