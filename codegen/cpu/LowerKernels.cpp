//===- LowerKernels.cpp - Every plan.kernel to an llvm.func ---------------===//
//
//   plan.kernel @k0(%x: tensor<4xf32>) -> tensor<4xf32> { ... }
// becomes
//   plan.kernel @k0 ... without a body, and
//   llvm.func @k0.HASH(%args: !llvm.ptr, %context: !llvm.ptr, %begin: i64,
//                      %end: i64)
// where HASH is of the kernel's signature (KernelAbi.h).
//
// A kernel has at most one op that combines elements (a product, a reduction, a
// loss): its anchor. What the anchor's strategy does not take is computed
// element by element, where other such ops are loops at their place of use.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Attention.h"
#include "codegen/cpu/BatchNorm.h"
#include "codegen/cpu/Conv.h"
#include "codegen/cpu/CpuCodegen.h"
#include "codegen/cpu/Lowering.h"
#include "runtime/schema/KernelAbi.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

#include <limits>

using namespace mlir;

namespace mlc {

using namespace mlc::cpu;

namespace cpu {

void Lowering::addPhase(int64_t tasks, ArrayRef<unsigned> written,
                        std::function<void(Value)> emit) {
  bool inPlace = llvm::any_of(
      written, [&](unsigned i) { return kernel.getInPlaceArgument(i) >= 0; });
  phases.push_back({tasks, std::move(emit), inPlace});
}

Value Lowering::scratch() {
  int64_t number = pointers.size() + results.size();
  return k.load(k.ptr(), k.gep(arguments, k.index(number), k.ptr()));
}

Evaluator Lowering::evaluator(unsigned lanes) {
  Evaluator e(k, lanes, wideIndex);
  e.pointers = pointers;
  e.randomKeys = &randomKeys;
  e.context = context;
  return e;
}

int64_t Lowering::measure(function_ref<void(Evaluator &)> emit,
                          unsigned lanes) {
  OpBuilder::InsertionGuard guard(k.b);
  Region *region = k.b.getInsertionBlock()->getParent();
  Block *last = &region->back();
  k.b.createBlock(region, region->end());
  Evaluator e = evaluator(lanes);
  emit(e);

  int64_t cost = 24 * e.gathers + 16 * e.math.perLaneCount;
  for (auto it = std::next(last->getIterator()); it != region->end(); ++it)
    cost += it->getOperations().size();
  while (&region->back() != last) {
    region->back().dropAllDefinedValueUses();
    region->back().dropAllReferences();
    region->back().erase();
  }
  return cost;
}

Index wholeIndex(int64_t rank, const Coord &at) {
  return rank == 0 ? Index() : Index{{0, rank, at}};
}

Index reshapedIndex(Evaluator &e, const Index &at, ArrayRef<int64_t> from,
                    ArrayRef<int64_t> to) {
  return from == to ? at : wholeIndex(to.size(), e.math.linearize(at, from));
}

bool followsElementwise(Value value, Value anchor) {
  llvm::DenseSet<Value> dependent = {anchor}, following = {anchor};
  auto isDependent = [&](Value v) { return dependent.contains(v); };
  // Each op once: where values are used twice, the paths are too many to walk.
  for (Operation &op : *anchor.getParentBlock()) {
    if (llvm::any_of(op.getOperands(), isDependent))
      dependent.insert_range(op.getResults());
    if ((op.hasTrait<graph::Elementwise>() || isa<graph::ReshapeOp>(op)) &&
        llvm::all_of(op.getOperands(), [&](Value v) {
          return !isDependent(v) || following.contains(v);
        }))
      following.insert_range(op.getResults());
  }
  return following.contains(value);
}

} // namespace cpu

namespace {

bool isWindowOp(Operation *op) {
  return isa<graph::ConvOp, graph::ConvKernelGradOp, graph::MaxPoolOp,
             graph::MaxPoolGradOp, graph::SumPoolOp>(op);
}

bool isAnchor(Operation *op) {
  return isa<graph::DotOp, graph::ReduceOp, graph::ArgReduceOp,
             graph::SoftmaxCrossEntropyOp, graph::SoftmaxCrossEntropyGradOp,
             graph::GatherOp, graph::ScatterAddOp, graph::AttentionOp,
             graph::AttentionGradOp, graph::BatchNormOp,
             graph::BatchNormGradOp>(op) ||
         isWindowOp(op);
}

bool isKnown(Operation *op) {
  return isAnchor(op) || op->hasTrait<graph::Elementwise>() || isRandom(op) ||
         isa<graph::ConstantOp, graph::IotaOp, graph::BroadcastOp,
             graph::ReshapeOp, graph::TransposeOp, graph::ConcatOp,
             graph::SliceOp, plan::ReturnOp>(op);
}

// The anchor that does the same work as `op`, if the kernel has one.
Operation *findPartner(Operation *op) {
  for (Operation &other : *op->getBlock()) {
    auto fusion = dyn_cast<graph::FusionOpInterface>(other);
    if (fusion && isAnchor(&other) && &other != op &&
        (fusion.sharesWorkWith(op) ||
         cast<graph::FusionOpInterface>(op).sharesWorkWith(&other)))
      return &other;
  }
  return nullptr;
}

bool lowerAnchor(Lowering &l, Operation *anchor, Operation *partner,
                 ArrayRef<unsigned> which) {
  if (auto dot = dyn_cast<graph::DotOp>(anchor))
    return lowerDot(l, dot, which);
  if (auto reduce = dyn_cast<graph::ReduceOp>(anchor))
    return lowerReduce(l, reduce, which);
  if (auto gather = dyn_cast<graph::GatherOp>(anchor))
    return lowerGather(l, gather, which);
  if (auto scatter = dyn_cast<graph::ScatterAddOp>(anchor))
    return lowerScatterAdd(l, scatter, which);
  if (auto attention = dyn_cast<graph::AttentionOp>(anchor))
    return lowerAttention(l, attention, which);
  if (auto gradient = dyn_cast<graph::AttentionGradOp>(anchor))
    return lowerAttentionGrad(l, gradient, which);
  if (auto conv = dyn_cast<graph::ConvOp>(anchor))
    return lowerConv(l, conv, which);
  if (auto gradient = dyn_cast<graph::ConvKernelGradOp>(anchor))
    return lowerConvKernelGrad(l, gradient, which);
  if (auto pool = dyn_cast<graph::MaxPoolOp>(anchor))
    return lowerMaxPool(l, pool, which);
  if (auto pool = dyn_cast<graph::MaxPoolGradOp>(anchor))
    return lowerMaxPoolGrad(l, pool, which);
  if (auto pool = dyn_cast<graph::SumPoolOp>(anchor))
    return lowerSumPool(l, pool, which);
  if (auto norm = dyn_cast<graph::BatchNormOp>(anchor))
    return lowerBatchNorm(l, norm, which);
  if (auto gradient = dyn_cast<graph::BatchNormGradOp>(anchor))
    return lowerBatchNormGrad(l, gradient, which);
  auto either = [&]<typename Op>(Op) {
    auto op = dyn_cast<Op>(anchor);
    return op ? op : dyn_cast_if_present<Op>(partner);
  };
  auto loss = either(graph::SoftmaxCrossEntropyOp());
  auto gradient = either(graph::SoftmaxCrossEntropyGradOp());
  return (loss || gradient) && lowerLoss(l, loss, gradient, which);
}

// Adds the phases: anchors first, the rest element by element.
void addPhases(Lowering &l) {
  SmallVector<unsigned> rest;
  for (unsigned i = 0; i < l.results.size(); ++i)
    rest.push_back(i);
  for (Operation &op : l.kernel.getBody().front()) {
    if (!isAnchor(&op))
      continue;
    Operation *partner = findPartner(&op);
    auto follows = [&](Value value) {
      auto followsResult = [&](Value result) {
        return followsElementwise(value, result);
      };
      return llvm::any_of(op.getResults(), followsResult) ||
             (partner && llvm::any_of(partner->getResults(), followsResult));
    };
    SmallVector<unsigned> mine, others;
    for (unsigned i : rest)
      (follows(l.results[i]) ? mine : others).push_back(i);
    if (!mine.empty() && lowerAnchor(l, &op, partner, mine))
      rest = others;
  }
  lowerElementwise(l, rest);
}

// Numbers the tasks of all phases one after another.
int64_t emitPhases(Lowering &l, Value begin, Value end) {
  KernelBuilder &k = l.k;
  // Where a result shares memory with an argument, another phase might still
  // want to read it: then one task does everything, that result last.
  bool ordered = l.phases.size() > 1 &&
                 llvm::any_of(l.phases, [](auto &p) { return p.inPlace; });
  if (ordered) {
    k.loop(begin, end, 1, [&](Value) {
      for (bool inPlace : {false, true})
        for (Lowering::Phase &phase : l.phases)
          if (phase.inPlace == inPlace)
            k.loop(k.index(0), k.index(phase.tasks), 1, phase.emit);
    });
    return 1;
  }
  int64_t first = 0;
  for (Lowering::Phase &phase : l.phases) {
    if (l.phases.size() == 1) {
      k.loop(begin, end, 1, phase.emit);
      return phase.tasks;
    }
    auto clamp = [&](Value task) { // to this phase's numbers
      Value low = k.index(0), high = k.index(phase.tasks);
      Value own = k.sub(task, k.index(first));
      own = k.select(k.icmp(IPred::slt, own, low), low, own);
      return k.smin(own, high);
    };
    k.loop(clamp(begin), clamp(end), 1, phase.emit);
    first += phase.tasks;
  }
  return first;
}

/// Names the code after its kernel and what it was made for, so that a plan
/// whose numbers were damaged finds no code.
void nameCode(plan::KernelOp kernel, LLVM::LLVMFuncOp function) {
  std::vector<mlrt::KernelArgument> arguments;
  for (int64_t i = 0; i < kernel.getNumPointers(); ++i)
    arguments.push_back({static_cast<uint64_t>(kernel.getPointerBytes(i)),
                         kernel.isPointerWritten(i)});
  uint64_t hash =
      llvm::xxh3_64bits(mlrt::kernelSignature(kernel.getTasks(), arguments));
  std::string digits = llvm::utohexstr(hash, /*LowerCase=*/true, /*Width=*/16);
  kernel.setSymbol((kernel.getSymName() + "." + digits).str());
  function.setSymName(kernel.getCodeSymbol());
}

LogicalResult lowerKernel(plan::KernelOp kernel, const CpuTarget &target,
                          OpBuilder &builder) {
  for (Operation &op : kernel.getBody().front())
    if (!isKnown(&op))
      return op.emitOpError("has no code for the CPU");

  Location loc = kernel.getLoc();
  KernelBuilder k(builder, loc, target);
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                  {k.ptr(), k.ptr(), k.i64(), k.i64()});
  builder.setInsertionPointAfter(kernel);
  auto function =
      LLVM::LLVMFuncOp::create(builder, loc, kernel.getCodeSymbol(), type);
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);

  Lowering l(k, kernel);
  Block &body = kernel.getBody().front();
  int64_t number = 0;
  auto nextPointer = [&] {
    Value place = k.gep(entry->getArgument(0), k.index(number++), k.ptr());
    return k.load(k.ptr(), place);
  };
  for (BlockArgument argument : body.getArguments())
    l.pointers[argument] = nextPointer();
  for (Value result : body.getTerminator()->getOperands()) {
    l.results.push_back(result);
    l.resultPointers.push_back(nextPointer());
  }
  l.arguments = entry->getArgument(0);
  l.context = entry->getArgument(1);
  auto isLarge = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements() >
           std::numeric_limits<int32_t>::max();
  };
  l.wideIndex = llvm::any_of(body.getArguments(), isLarge);
  for (Operation &op : body)
    l.wideIndex |= llvm::any_of(op.getResults(), isLarge);

  addPhases(l);
  int64_t tasks = emitPhases(l, entry->getArgument(2), entry->getArgument(3));
  LLVM::ReturnOp::create(builder, loc, ValueRange{});

  auto arena = plan::ArenaOp::of(kernel->getParentOfType<ModuleOp>());
  bool isPlanned = arena && arena.getBytes();
  if (isPlanned && int64_t(kernel.getScratchBytes()) != l.scratchBytes)
    return kernel.emitOpError("has ")
           << kernel.getScratchBytes() << " bytes of scratch memory but needs "
           << l.scratchBytes << " on " << target.cpu
           << "; compile from a phase before schedule for this processor";
  kernel.setScratchBytes(l.scratchBytes);
  kernel.setTasks(std::max<int64_t>(1, tasks));
  nameCode(kernel, function);
  Region &region = kernel.getBody();
  region.dropAllReferences();
  region.getBlocks().clear();
  return success();
}

} // namespace

LogicalResult setScratchBytes(ModuleOp module, const CpuTarget &target) {
  // The code itself says; making it takes some milliseconds.
  OwningOpRef<ModuleOp> copy = module.clone();
  if (failed(lowerKernels(*copy, target)))
    return failure();
  SymbolTable lowered(*copy);
  for (auto kernel : module.getOps<plan::KernelOp>())
    kernel.setScratchBytes(
        lowered.lookup<plan::KernelOp>(kernel.getSymName()).getScratchBytes());
  return success();
}

LogicalResult lowerKernels(ModuleOp module, const CpuTarget &target) {
  module.getContext()->loadDialect<LLVM::LLVMDialect>();
  OpBuilder builder(module.getContext());
  for (auto kernel :
       llvm::make_early_inc_range(module.getOps<plan::KernelOp>()))
    if (!kernel.isExternal() && failed(lowerKernel(kernel, target, builder)))
      return failure();
  return success();
}

} // namespace mlc
