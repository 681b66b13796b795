//===- ScheduleProgram.cpp - One function to one plan.program -------------===//
//
// First every value that others must find gets its memory: arguments, the
// members of buckets, results. Then the groups are emitted in order, and each
// remaining result of a kernel gets a transient buffer.
//
// The members of an all-reduce lie in one buffer, where the kernels of the loop
// write them, so that nothing is packed. A parameter's new value is written
// over the old one when it is computed elementwise from it by its last reader,
// or after all its readers; otherwise it goes through memory of its own and is
// copied at the end of the program.
//
//===----------------------------------------------------------------------===//

#include "passes/ScheduleProgram.h"

#include "ir/dist/MeshConfig.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlc {

using plan::RefAttr;
using plan::Section;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

std::string ProgramBuilder::named(StringRef name) {
  return (func.getSymName() + "." + name).str();
}

//===----------------------------------------------------------------------===//
// Memory of values
//===----------------------------------------------------------------------===//

void ProgramBuilder::bindArguments() {
  SmallVector<Attribute> inputs;
  int64_t rows = 0;
  for (BlockArgument argument : func.getArguments()) {
    unsigned i = argument.getArgNumber();
    RankedTensorType type = typeOf(argument);
    Location loc = argument.getLoc();
    auto scalar = [&](StringRef name) {
      return places[argument] =
                 arena.add(named(name), Section::Scalars, type, loc);
    };
    if (auto path =
            func.getArgAttrOfType<FlatSymbolRefAttr>(i, graph::kParamAttr)) {
      places[argument] = RefAttr::get(path);
    } else if (auto name =
                   func.getArgAttrOfType<StringAttr>(i, graph::kInputAttr)) {
      places[argument] =
          arena.add(named(name.getValue()), Section::Inputs, type, loc, 2);
      inputs.push_back(
          plan::BindingAttr::get(name, places[argument].getBuffer()));
      rows = type.getDimSize(0);
    } else if (func.getArgAttr(i, graph::kMaskAttr)) {
      places[argument] =
          arena.add(named("mask"), Section::Inputs, type, loc, 2);
      program.setMaskAttr(places[argument].getBuffer());
      rows = type.getDimSize(0);
    } else if (func.getArgAttr(i, graph::kCountAttr)) {
      program.setCountAttr(scalar("count").getBuffer());
    } else if (func.getArgAttr(i, graph::kStepAttr)) {
      program.setStepAttr(scalar("step").getBuffer());
    } else if (func.getArgAttr(i, graph::kRowAttr)) {
      program.setRowAttr(scalar("row").getBuffer());
      rows = type.getDimSize(0);
    } else if (func.getArgAttr(i, graph::kSeedAttr)) {
      program.setSeedAttr(scalar("seed").getBuffer());
    }
  }
  program.setInputsAttr(builder.getArrayAttr(inputs));
  program.setRows(rows);
}

bool ProgramBuilder::tryBind(Value value, RefAttr ref, Block *block) {
  value = getViewedValue(value);
  Operation *producer = value.getDefiningOp();
  if (!producer || producer->getBlock() != block || places.contains(value) ||
      isConstant(producer) ||
      isa<dist::AllReduceOp, dist::MicrobatchLoopOp>(producer))
    return false;
  places[value] = ref;
  return true;
}

RefAttr ProgramBuilder::placeOf(Value value) {
  value = getViewedValue(value);
  if (auto it = places.find(value); it != places.end())
    return it->second;
  if (ElementsAttr constant; matchPattern(value, m_Constant(&constant)))
    return places[value] = arena.addConstant(constant, value.getLoc());
  return places[value] = arena.add(named("t"), Section::Transient,
                                   typeOf(value), value.getLoc());
}

/// Has each rank exactly one micro-batch of the program, for every run.
static bool hasOneMicrobatchPerRank(func::FuncOp func) {
  auto module = func->getParentOfType<ModuleOp>();
  auto mesh = dist::readMesh(module);
  auto train = module->getAttrOfType<DictionaryAttr>("mlc.train");
  if (func.getSymName() != "train" || failed(mesh) || mesh->empty() || !train)
    return false;
  int64_t ranks = 1;
  for (const dist::MeshAxis &axis : *mesh)
    ranks *= axis.size;
  auto count = train.getAs<IntegerAttr>("microbatches");
  return count && ranks > 0 && count.getInt() == ranks;
}

/// Lays the operands of one element type side by side. Large members begin at
/// a multiple of 64 bytes, small ones of 16.
void ProgramBuilder::bindBucket(dist::AllReduceOp op, unsigned index) {
  bool inPlaceSums = hasOneMicrobatchPerRank(func);
  llvm::MapVector<Type, Bucket> byType;
  llvm::DenseMap<Type, int64_t> sizes;
  for (OpOperand &operand : op->getOpOperands()) {
    Type element = typeOf(operand.get()).getElementType();
    Bucket &bucket = byType[element];
    int64_t &size = sizes[element];
    int64_t bytes = plan::getTensorBytes(operand.get().getType());
    size = llvm::alignTo(size, bytes >= 4096 ? 64 : 16);
    bucket.operands.push_back(operand.getOperandNumber());
    bucket.offsets.push_back(size);
    bucket.fromLoop |= !!operand.get().getDefiningOp<dist::MicrobatchLoopOp>();
    size += bytes;
  }
  SmallVector<Bucket> &list = buckets[op];
  for (auto &[element, bucket] : byType) {
    int64_t bytes = plan::getElementBytes(element);
    bucket.type = RankedTensorType::get(
        {static_cast<int64_t>(llvm::divideCeil(sizes[element], bytes))},
        element);
    std::string name = named("bucket" + std::to_string(index));
    bucket.data = bucket.source =
        arena.add(name, Section::Communication, bucket.type, op.getLoc());
    if (bucket.fromLoop && !inPlaceSums)
      bucket.source = arena.add(name + ".microbatch", Section::Transient,
                                bucket.type, op.getLoc());
    for (auto [i, offset] : llvm::zip_equal(bucket.operands, bucket.offsets)) {
      RefAttr data = RefAttr::get(bucket.data.getBuffer(), offset);
      places[op->getResult(i)] = data;
      Value operand = op->getOperand(i);
      if (auto loop = operand.getDefiningOp<dist::MicrobatchLoopOp>()) {
        places.try_emplace(operand, data);
        auto yield =
            cast<dist::YieldOp>(loop.getBody().front().getTerminator());
        Value yielded =
            yield.getOperand(cast<OpResult>(operand).getResultNumber());
        RefAttr source = RefAttr::get(bucket.source.getBuffer(), offset);
        if (!tryBind(yielded, source, &loop.getBody().front()))
          loopCopies.push_back({yielded, source, op.getLoc()});
      } else if (!operand.hasOneUse() ||
                 !tryBind(operand, data, &func.getBody().front())) {
        // copied before the collective
      }
    }
    list.push_back(std::move(bucket));
  }
}

void ProgramBuilder::bindCollectives() {
  func.walk([&](dist::MicrobatchLoopOp loop) {
    for (auto [argument, input] :
         llvm::zip_equal(loop.getBody().getArguments(), loop.getInputs()))
      places[argument] = placeOf(input);
  });
  unsigned index = 0;
  func.walk([&](dist::AllReduceOp op) { bindBucket(op, index++); });
}

/// Is `writer` after every other reader of `parameter`.
bool ProgramBuilder::isLastReader(Value parameter, const Group &writer,
                                  ArrayRef<Group> order) {
  for (OpOperand &use : func.getBody().front().getTerminator()->getOpOperands())
    if (getViewedValue(use.get()) == parameter)
      return false;
  for (const Group *group = &writer + 1; group != order.end(); ++group)
    for (Operation *op : group->ops) {
      bool reads = false;
      forEachSource(op, [&](Value source) {
        reads |= getViewedValue(source) == parameter;
      });
      if (reads)
        return false;
    }
  return true;
}

void ProgramBuilder::bindUpdate(unsigned result, Value value,
                                ArrayRef<Group> order) {
  auto path =
      func.getResultAttrOfType<FlatSymbolRefAttr>(result, graph::kUpdateAttr);
  RefAttr target = RefAttr::get(path);
  Value root = getViewedValue(value), parameter;
  for (BlockArgument argument : func.getArguments())
    if (places.lookup(argument) == target)
      parameter = argument;
  if (root == parameter)
    return; // it keeps its value
  const Group *writer = llvm::find_if(order, [&](const Group &group) {
    return llvm::is_contained(group.ops, root.getDefiningOp());
  });
  if (root.getDefiningOp() && writer != order.end() &&
      (!parameter || isLastReader(parameter, *writer, order))) {
    bool reads = false;
    for (Operation *op : writer->ops)
      forEachSource(op, [&](Value source) {
        reads |= parameter && getViewedValue(source) == parameter;
      });
    bool elementwise = reads && !writer->anchor &&
                       root.getType() == parameter.getType() &&
                       readsElementwise(*writer, parameter);
    if ((!reads || elementwise) &&
        tryBind(root, target, &func.getBody().front())) {
      if (reads)
        inPlace[root] = parameter;
      return;
    }
  }
  updateCopies.push_back({value, target, value.getLoc()});
}

void ProgramBuilder::bindResults(ArrayRef<Group> order) {
  Operation *terminator = func.getBody().front().getTerminator();
  SmallVector<Attribute> metrics, outputs;
  for (OpOperand &use : terminator->getOpOperands()) {
    unsigned i = use.getOperandNumber();
    Value value = use.get();
    RefAttr place;
    auto add = [&](StringRef name, Section section) {
      place = arena.add(named(name), section, typeOf(value), value.getLoc());
      if (!tryBind(value, place, terminator->getBlock()))
        outputCopies.push_back({value, place, value.getLoc()});
    };
    if (func.getResultAttr(i, graph::kLossAttr)) {
      add("loss", Section::Scalars);
      program.setLossAttr(place.getBuffer());
    } else if (auto name = func.getResultAttrOfType<StringAttr>(
                   i, graph::kMetricAttr)) {
      add(name.getValue(), Section::Scalars);
      metrics.push_back(plan::BindingAttr::get(name, place.getBuffer()));
    } else if (auto output = func.getResultAttrOfType<StringAttr>(
                   i, graph::kOutputAttr)) {
      add(output.getValue(), Section::Outputs);
      outputs.push_back(plan::BindingAttr::get(output, place.getBuffer()));
    } else if (func.getResultAttr(i, graph::kUpdateAttr)) {
      bindUpdate(i, value, order);
    }
  }
  program.setMetricsAttr(builder.getArrayAttr(metrics));
  program.setOutputsAttr(builder.getArrayAttr(outputs));
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

void ProgramBuilder::emitCopy(Value value, RefAttr target, Location loc) {
  plan::CopyOp::create(builder, loc, placeOf(value), target,
                       plan::getTensorBytes(value.getType()));
}

void ProgramBuilder::emitCall(const Group &group) {
  OutlinedKernel outlined = kernels.outline(group, inPlace);
  SmallVector<Attribute> args;
  for (Value value : outlined.inputs)
    args.push_back(placeOf(value));
  for (Value value : outlined.outputs)
    args.push_back(placeOf(value));
  plan::CallOp::create(builder, outlined.loc, outlined.kernel.getSymName(),
                       builder.getArrayAttr(args));
}

void ProgramBuilder::emitLoop(dist::MicrobatchLoopOp loop) {
  SmallVector<Attribute> sums;
  int64_t levelBytes = program.getSumLevelBytes();
  bool inPlaceSums = false;
  func.walk([&](dist::AllReduceOp op) {
    for (const Bucket &bucket : buckets[op]) {
      if (op->getOperand(bucket.operands[0])
              .getDefiningOp<dist::MicrobatchLoopOp>() != loop)
        continue;
      auto kind = static_cast<plan::Reduction>(op.getKind());
      sums.push_back(plan::LoopSumAttr::get(
          builder.getContext(), kind, bucket.source, bucket.data, bucket.type));
      inPlaceSums |= bucket.source == bucket.data;
      levelBytes += plan::alignToArena(plan::getTensorBytes(bucket.type));
    }
  });
  program.setSumLevelBytes(levelBytes);
  auto step = plan::LoopOp::create(builder, loop.getLoc(), /*count=*/0,
                                   builder.getArrayAttr(sums), inPlaceSums);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&step.getBody().emplaceBlock());
  ++loopDepth;
  FusionGroups groups(loop.getBody().front(), mode);
  emitGroups(groups.getOrder());
  for (const PendingCopy &copy : loopCopies)
    emitCopy(copy.value, copy.target, copy.loc);
  loopCopies.clear();
  --loopDepth;
}

RefAttr ProgramBuilder::sliceOf(RefAttr ref, graph::ScanOp scan,
                                int64_t bytes) {
  SmallVector<int64_t> strides(ref.getStrides());
  strides.resize(loopDepth, 0);
  strides.push_back(scan.getReverse() ? -bytes : bytes);
  int64_t last = bytes * (static_cast<int64_t>(scan.getCount()) - 1);
  return RefAttr::get(builder.getContext(), ref.getBuffer(),
                      ref.getOffset() + (scan.getReverse() ? last : 0),
                      strides);
}

/// A carried value lies in one place, which gets the next one at the end of an
/// iteration; slices are places that move with the iterations.
void ProgramBuilder::emitScan(graph::ScanOp scan) {
  Block &body = scan.getBody().front();
  Location loc = scan.getLoc();
  for (auto [init, argument, result] : llvm::zip_equal(
           scan.getInits(), scan.getCarryArguments(), scan.getFinals())) {
    places[argument] = placeOf(result);
    DenseElementsAttr constant;
    int64_t bytes = plan::getTensorBytes(init.getType());
    if (matchPattern(getViewedValue(init), m_Constant(&constant)) &&
        matchPattern(getViewedValue(init), m_AnyZeroFloat()))
      plan::FillOp::create(builder, loc, placeOf(result), 0, bytes);
    else
      emitCopy(init, placeOf(result), loc);
  }
  for (auto [sequence, argument] :
       llvm::zip_equal(scan.getSequences(), scan.getSliceArguments()))
    places[argument] = sliceOf(placeOf(sequence), scan,
                               plan::getTensorBytes(argument.getType()));
  for (auto [value, argument] :
       llvm::zip_equal(scan.getSame(), scan.getSameArguments()))
    places[argument] = placeOf(value);
  SmallVector<PendingCopy> copies;
  auto put = [&](Value value, RefAttr target) {
    if (!tryBind(value, target, &body))
      copies.push_back({value, target, loc});
  };
  for (auto [value, stack] :
       llvm::zip_equal(scan.getYieldedSlices(), scan.getStacked()))
    put(value,
        sliceOf(placeOf(stack), scan, plan::getTensorBytes(value.getType())));

  auto step = plan::LoopOp::create(builder, loc, scan.getCount(),
                                   builder.getArrayAttr({}),
                                   /*in_place_sums=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&step.getBody().emplaceBlock());
  ++loopDepth;
  FusionGroups groups(body, mode);
  emitGroups(groups.getOrder());
  for (const PendingCopy &copy : copies)
    emitCopy(copy.value, copy.target, copy.loc);
  // A next value that another carried one is now moves first.
  SmallVector<std::pair<RefAttr, BlockArgument>> next;
  for (auto [argument, value] :
       llvm::zip(scan.getCarryArguments(), scan.getYield().getValues())) {
    Value root = getViewedValue(value);
    RefAttr from = placeOf(root);
    if (root == argument)
      continue;
    if (llvm::is_contained(scan.getCarryArguments(), root)) {
      RefAttr held =
          arena.add(named("t"), Section::Transient, typeOf(root), loc);
      emitCopy(root, held, loc);
      from = held;
    }
    next.push_back({from, argument});
  }
  for (auto [from, argument] : next)
    plan::CopyOp::create(builder, loc, from, placeOf(argument),
                         plan::getTensorBytes(argument.getType()));
  --loopDepth;
}

void ProgramBuilder::emitAllReduce(dist::AllReduceOp op, int64_t &id) {
  for (const Bucket &bucket : buckets[op]) {
    for (auto [i, offset] : llvm::zip_equal(bucket.operands, bucket.offsets)) {
      RefAttr place = RefAttr::get(bucket.data.getBuffer(), offset);
      Value operand = op->getOperand(i);
      if (placeOf(operand) != place)
        emitCopy(operand, place, op.getLoc());
    }
    auto kind = static_cast<plan::Reduction>(op.getKind());
    StringRef label = op.getLabel().value_or("all_reduce");
    plan::AllReduceOp::create(builder, op.getLoc(), kind, bucket.data,
                              bucket.type, op.getAxes(), id++, label);
  }
}

void ProgramBuilder::emitGroups(ArrayRef<Group> order) {
  for (const Group &group : order) {
    if (auto loop = dyn_cast<dist::MicrobatchLoopOp>(group.ops[0]))
      emitLoop(loop);
    else if (auto scan = dyn_cast<graph::ScanOp>(group.ops[0]))
      emitScan(scan);
    else if (auto reduce = dyn_cast<dist::AllReduceOp>(group.ops[0]))
      emitAllReduce(reduce, *nextId);
    else
      emitCall(group);
  }
}

LogicalResult ProgramBuilder::build(int64_t &id) {
  nextId = &id;
  builder.setInsertionPointToEnd(func->getParentOfType<ModuleOp>().getBody());
  program = plan::ProgramOp::create(
      builder, func.getLoc(), (func.getSymName() + ".program").str(),
      /*rows=*/0, builder.getArrayAttr({}), {}, {}, {}, {},
      builder.getArrayAttr({}), builder.getArrayAttr({}),
      /*sum_level_bytes=*/0, /*row=*/FlatSymbolRefAttr(),
      /*seed=*/FlatSymbolRefAttr());
  bindArguments();
  bindCollectives();
  FusionGroups groups(func.getBody().front(), mode);
  bindResults(groups.getOrder());

  builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
  emitGroups(groups.getOrder());
  for (const PendingCopy &copy : outputCopies)
    emitCopy(copy.value, copy.target, copy.loc);
  // A new value that is the old one of another parameter moves first.
  for (PendingCopy &copy : updateCopies) {
    Value root = getViewedValue(copy.value);
    if (!isa<BlockArgument>(root))
      continue;
    RefAttr place =
        arena.add(named("t"), Section::Transient, typeOf(root), copy.loc);
    emitCopy(root, place, copy.loc);
    places[root] = place;
  }
  for (const PendingCopy &copy : updateCopies)
    emitCopy(copy.value, copy.target, copy.loc);
  StringAttr name = func.getSymNameAttr();
  func.erase();
  program.setSymNameAttr(name);
  return success();
}

} // namespace mlc
