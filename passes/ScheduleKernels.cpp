//===- ScheduleKernels.cpp - Fusion groups to plan.kernel -----------------===//
//
//   %0 = graph.dot %x, %w ...            plan.kernel @k0_dot(%x, %w, %b) -> ..
//   { %1 = graph.broadcast %b ...            the same ops %2 = graph.add %0, %1
//   plan.return %2
// becomes                                }
//
// Arguments stand in the order of their first use, results in the order of
// their ops. Two groups that print the same share one kernel.
//
//===----------------------------------------------------------------------===//

#include "passes/ScheduleKernels.h"

#include "ir/graph/GraphOps.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace mlc {

//===----------------------------------------------------------------------===//
// Preparation
//===----------------------------------------------------------------------===//

static Type withoutLayout(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getEncoding()
             ? RankedTensorType::get(tensor.getShape(), tensor.getElementType())
             : type;
}

static void stripLayouts(Operation *root) {
  root->walk([](Operation *op) {
    for (Value result : op->getResults())
      result.setType(withoutLayout(result.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(withoutLayout(argument.getType()));
    if (auto constant = dyn_cast<graph::ConstantOp>(op))
      if (auto value = dyn_cast<DenseElementsAttr>(constant.getValue()))
        constant.setValueAttr(
            value.reshape(cast<ShapedType>(constant.getResult().getType())));
    if (auto reshape = dyn_cast<graph::ReshapeOp>(op)) { // was for the layouts
      reshape.removeKeepFromAttr();
      reshape.removeKeepToAttr();
    }
    if (auto func = dyn_cast<FunctionOpInterface>(op)) {
      auto strip = [](ArrayRef<Type> types) {
        return llvm::map_to_vector(types, withoutLayout);
      };
      func.setType(FunctionType::get(op->getContext(),
                                     strip(func.getArgumentTypes()),
                                     strip(func.getResultTypes())));
    }
  });
}

/// `value` in the shape of `shape`: what it is a view of, a constant or
/// broadcast scalar of that shape, else a reshape.
static Value reshaped(OpBuilder &builder, Value value,
                      ArrayRef<int64_t> shape) {
  Type type = graph::withShape(value.getType(), shape);
  Location loc = value.getLoc();
  if (Value viewed = getViewedValue(value); viewed.getType() == type)
    return viewed;
  if (auto constant = value.getDefiningOp<graph::ConstantOp>())
    if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue()))
      return graph::ConstantOp::create(
          builder, loc, elements.reshape(cast<ShapedType>(type)));
  if (auto broadcast = value.getDefiningOp<graph::BroadcastOp>())
    if (cast<RankedTensorType>(broadcast->getOperand(0).getType()).getRank() ==
        0) {
      Operation *copy = builder.clone(*broadcast);
      copy->getResult(0).setType(type);
      return copy->getResult(0);
    }
  return graph::ReshapeOp::create(builder, loc, type, value);
}

/// Is `value` made anew by each reader, but in no other shape: a view of it
/// would have to be in memory.
static bool hasOneShape(Value value) {
  Operation *op = value.getDefiningOp();
  return op && isFree(op) && !isConstant(op) && !isa<graph::BroadcastOp>(op);
}

/// reshape(f(a, b)) -> f(reshape(a), reshape(b)) where only the reshape reads
/// f.
static void hoistReshapes(Operation *root) {
  SmallVector<graph::ReshapeOp> worklist;
  root->walk([&](graph::ReshapeOp op) { worklist.push_back(op); });
  while (!worklist.empty()) {
    graph::ReshapeOp reshape = worklist.pop_back_val();
    Operation *producer = reshape->getOperand(0).getDefiningOp();
    if (!producer || !producer->hasTrait<graph::Elementwise>() ||
        !producer->hasOneUse() || producer->getBlock() != reshape->getBlock() ||
        llvm::any_of(producer->getOperands(), hasOneShape))
      continue;
    auto type = cast<RankedTensorType>(reshape->getResult(0).getType());
    OpBuilder builder(producer);
    IRMapping mapping;
    for (Value operand : producer->getOperands())
      if (!mapping.contains(operand)) {
        Value shaped = reshaped(builder, operand, type.getShape());
        mapping.map(operand, shaped);
        if (auto op = shaped.getDefiningOp<graph::ReshapeOp>())
          worklist.push_back(op);
      }
    Operation *copy = builder.clone(*producer, mapping);
    copy->getResult(0).setType(type);
    reshape->getResult(0).replaceAllUsesWith(copy->getResult(0));
    reshape->erase();
    producer->erase();
  }
}

void prepareForKernels(Operation *func) {
  stripLayouts(func);
  hoistReshapes(func);
}

//===----------------------------------------------------------------------===//
// Outlining
//===----------------------------------------------------------------------===//

namespace {
/// Clones one group into a kernel's body.
class BodyBuilder {
public:
  BodyBuilder(plan::KernelOp kernel, const FusionGroups::Group &group)
      : builder(kernel.getContext()), group(group) {
    block = &kernel.getBody().emplaceBlock();
    builder.setInsertionPointToStart(block);
  }

  void build(SmallVectorImpl<Value> &inputs, ArrayRef<Value> outputs) {
    for (Operation *op : group.ops) {
      for (OpOperand &use : op->getOpOperands())
        map(use, inputs);
      builder.clone(*op, mapping);
    }
    SmallVector<Value> results;
    for (Value output : outputs)
      results.push_back(mapping.lookup(output));
    plan::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  }

private:
  /// Gives the operand a value of the body: one that is there, a copy of a
  /// free op, or a new argument.
  void map(OpOperand &use, SmallVectorImpl<Value> &inputs) {
    Value value = use.get();
    if (mapping.contains(value))
      return;
    Operation *producer = value.getDefiningOp();
    bool copied =
        producer && isFree(producer) &&
        !(needsMemory(use) && !llvm::is_contained(group.ops, producer));
    if (copied) {
      for (OpOperand &operand : producer->getOpOperands())
        map(operand, inputs);
      builder.clone(*producer, mapping);
      return;
    }
    inputs.push_back(value);
    mapping.map(value, block->addArgument(value.getType(), value.getLoc()));
  }

  OpBuilder builder;
  const FusionGroups::Group &group;
  Block *block;
  IRMapping mapping;
};
} // namespace

static Location fuseLocations(const FusionGroups::Group &group) {
  SmallVector<Location> locations;
  auto add = [&](Operation *op) {
    if (!llvm::is_contained(locations, op->getLoc()))
      locations.push_back(op->getLoc());
  };
  if (group.anchor) // reports name the first
    add(group.anchor);
  llvm::for_each(group.ops, add);
  return FusedLoc::get(group.ops.front()->getContext(), locations);
}

static void setCost(plan::KernelOp kernel) {
  int64_t flops = 0, bytes = 0;
  kernel.getBody().walk(
      [&](graph::CostOpInterface op) { flops += op.getFlops(); });
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(),
                                            kernel.getResultTypes()))
    bytes += plan::getTensorBytes(type);
  kernel.setFlops(flops);
  kernel.setBytes(bytes);
}

OutlinedKernel
KernelOutliner::outline(const FusionGroups::Group &group,
                        const llvm::DenseMap<Value, Value> &inPlace) {
  Operation *named = group.anchor ? group.anchor : group.ops.back();
  Location loc = fuseLocations(group);
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToEnd(module.getBody());
  auto kernel = plan::KernelOp::create(builder, loc, "kernel",
                                       builder.getFunctionType({}, {}));
  OutlinedKernel outlined{kernel, {}, FusionGroups::getOutputs(group), loc};
  BodyBuilder(kernel, group).build(outlined.inputs, outlined.outputs);
  kernel.setFunctionType(
      builder.getFunctionType(kernel.getBody().front().getArgumentTypes(),
                              TypeRange(ValueRange(outlined.outputs))));

  SmallVector<int64_t> shared(outlined.outputs.size(), -1);
  for (auto [i, output] : llvm::enumerate(outlined.outputs))
    if (auto it = inPlace.find(output); it != inPlace.end())
      if (auto input = llvm::find(outlined.inputs, it->second);
          input != outlined.inputs.end())
        shared[i] = input - outlined.inputs.begin();
  if (llvm::any_of(shared, [](int64_t argument) { return argument >= 0; }))
    kernel.setInPlace(shared);
  setCost(kernel);

  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  auto [it, fresh] = byStructure.try_emplace(text, kernel);
  if (!fresh) {
    kernel->erase();
    outlined.kernel = it->second;
    return outlined;
  }
  StringRef stem = group.anchor || group.ops.size() == 1
                       ? named->getName().stripDialect()
                       : "map";
  std::string name = ("k" + Twine(byStructure.size() - 1) + "_" + stem).str();
  kernel.setSymName(name);
  kernel.setSymbol("mlc_" + name); // llvm.func stands beside plan.kernel
  return outlined;
}

bool readsElementwise(const FusionGroups::Group &group, Value input) {
  for (OpOperand &use : input.getUses()) {
    Operation *user = use.getOwner();
    if (llvm::is_contained(group.ops, user)) {
      if (!user->hasTrait<graph::Elementwise>())
        return false;
      continue;
    }
    // Through a view or a broadcast that the group copies: other elements.
    SmallVector<Operation *> throughs;
    if (isFree(user) || isView(user))
      throughs.push_back(user);
    while (!throughs.empty()) {
      Operation *through = throughs.pop_back_val();
      for (Operation *next : through->getUsers()) {
        if (llvm::is_contained(group.ops, next))
          return false;
        if (isFree(next) || isView(next))
          throughs.push_back(next);
      }
    }
  }
  return true;
}

} // namespace mlc
