//===- VerifyPhase.cpp - Reject what must be gone after a phase -----------===//
//
// One table of dialects per phase, then what the phase promises about
// functions and layouts (docs/architecture.md), and the configured mesh, which
// later code reads unchecked. Changes nothing.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/DistDialect.h"
#include "ir/dist/MeshConfig.h"
#include "ir/graph/GraphGradientOps.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace mlc {

#define GEN_PASS_DEF_VERIFYPHASE
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;

struct Phase {
  StringRef name;
  SmallVector<StringRef> dialects;
};

ArrayRef<Phase> getPhases() {
  static const SmallVector<Phase> phases = {
      {"graph", {"builtin", "func", "graph"}},
      {"grad", {"builtin", "func", "graph"}},
      {"dist", {"builtin", "func", "graph", "dist"}},
      {"local", {"builtin", "func", "graph", "dist"}},
      {"schedule", {"builtin", "graph", "dist", "plan"}},
      {"kernels", {"builtin", "graph", "dist", "plan", "llvm"}},
      {"plan", {"builtin", "graph", "dist", "plan"}},
  };
  return phases;
}

constexpr StringRef kArgumentRoles[] = {
    graph::kParamAttr, graph::kInputAttr, graph::kMaskAttr, graph::kCountAttr,
    graph::kStepAttr,  graph::kRowAttr,   graph::kSeedAttr};
// The last one is there before the phase `grad` only: the optimizer turns
// gradients into updates.
constexpr StringRef kResultRoles[] = {graph::kLossAttr, graph::kMetricAttr,
                                      graph::kOutputAttr, graph::kUpdateAttr,
                                      graph::kGradientAttr};

/// The one role among `roles` that `attributes` names; empty for none or two.
StringRef roleOf(DictionaryAttr attributes, ArrayRef<StringRef> roles) {
  StringRef found;
  for (StringRef role : roles)
    if (attributes && attributes.contains(role)) {
      if (!found.empty())
        return {};
      found = role;
    }
  return found;
}

/// A parameter that an argument or result names exists and has its type.
LogicalResult verifyParameter(func::FuncOp func, Attribute path, Type type,
                              const Twine &what) {
  auto symbol = dyn_cast_if_present<FlatSymbolRefAttr>(path);
  auto parameter =
      symbol ? SymbolTable::lookupNearestSymbolFrom<graph::ParameterOp>(func,
                                                                        symbol)
             : nullptr;
  if (!parameter)
    return func.emitOpError()
           << what << " names " << path << ", which is not a graph.parameter";
  if (graph::sameShapeAndElement(parameter.getTensorType(), type))
    return success();
  InFlightDiagnostic diag = func.emitOpError()
                            << what << " is " << type << " but " << path
                            << " is " << parameter.getTensorType();
  diag.attachNote(parameter.getLoc()) << "declared here";
  return diag;
}

/// Arguments and results say what they are.
LogicalResult verifySignature(func::FuncOp func, bool gradients) {
  for (auto [index, type] : llvm::enumerate(func.getArgumentTypes())) {
    std::string what = "argument #" + std::to_string(index);
    StringRef role = roleOf(func.getArgAttrDict(index), kArgumentRoles);
    if (role.empty())
      return func.emitOpError()
             << what << " needs one of graph.param, graph.input, graph.mask, "
             << "graph.count, graph.step, graph.row and graph.seed";
    if (role == graph::kParamAttr &&
        failed(verifyParameter(func, func.getArgAttr(index, role), type, what)))
      return failure();
  }
  for (auto [index, type] : llvm::enumerate(func.getResultTypes())) {
    std::string what = "result #" + std::to_string(index);
    StringRef role =
        roleOf(func.getResultAttrDict(index),
               ArrayRef<StringRef>(kResultRoles).drop_back(gradients ? 0 : 1));
    if (role.empty())
      return func.emitOpError()
             << what << " needs one of graph.loss, graph.metric, graph.output "
             << "and graph.update";
    if (role == graph::kUpdateAttr &&
        failed(
            verifyParameter(func, func.getResultAttr(index, role), type, what)))
      return failure();
  }
  return success();
}

/// The axes of a layout are axes of the mesh.
LogicalResult verifyOnMesh(Operation *op, dist::LayoutAttr layout) {
  auto mesh =
      SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, layout.getMesh());
  if (!mesh)
    return op->emitOpError("has a layout on ")
           << layout.getMesh() << ", which is not a dist.mesh";
  for (StringAttr axis : layout.getNamedAxes())
    if (!mesh.getAxisSize(axis.getValue()))
      return op->emitOpError("has a layout over ")
             << axis << ", which " << layout.getMesh() << " has not";
  return success();
}

/// Every value has a layout, or none has.
LogicalResult verifyLayouts(Operation *op, bool wanted) {
  SmallVector<Type> types(op->getResultTypes());
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::append_range(types, block.getArgumentTypes());
  for (Type type : types) {
    if (!isa<RankedTensorType>(type))
      continue;
    dist::LayoutAttr layout = dist::LayoutAttr::of(type);
    if (!layout == wanted)
      return op->emitOpError()
             << (wanted ? "has no layout, which every value needs from the "
                          "phase dist on: "
                        : "has a layout before the phase dist: ")
             << type;
    if (layout && failed(verifyOnMesh(op, layout)))
      return failure();
  }
  return success();
}

/// At local shapes: rows and sums live in the loop, and collectives have ids.
LogicalResult verifyLocal(Operation *op) {
  if (auto sum = dyn_cast<dist::AllReduceOp>(op); sum && !sum.getId())
    return op->emitOpError("has no id; run dist-check-collective-order before");
  auto func = dyn_cast_if_present<func::FuncOp>(op->getParentOp());
  if (!func || func.getName() == "infer" || isa<dist::MicrobatchLoopOp>(op))
    return success();
  for (Type type : op->getResultTypes())
    if (dist::LayoutAttr layout = dist::LayoutAttr::of(type);
        layout && !layout.isReplicated())
      return op->emitOpError("works on rows or partial sums outside of the "
                             "microbatch_loop");
  return success();
}

struct VerifyPhase : impl::VerifyPhaseBase<VerifyPhase> {
  using VerifyPhaseBase::VerifyPhaseBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    const Phase *known = llvm::find_if(
        getPhases(), [&](const Phase &p) { return p.name == phase; });
    if (known == getPhases().end()) {
      module.emitError("unknown phase '") << phase << "'";
      return signalPassFailure();
    }
    if (failed(dist::readMesh(module)))
      return signalPassFailure();
    WalkResult result = module.walk<WalkOrder::PreOrder>(
        [&](Operation *op) -> WalkResult { return verifyOp(op, *known); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult verifyOp(Operation *op, const Phase &known) {
    if (!llvm::is_contained(known.dialects,
                            op->getName().getDialectNamespace()) ||
        isa<dist::ReshardOp>(op) ||
        (phase != "graph" && op->hasTrait<graph::ReplacedByOperands>()))
      return op->emitOpError("must be gone after the phase '") << phase << "'";
    if (!llvm::is_contained(known.dialects, "func"))
      return success();
    if (auto func = dyn_cast<func::FuncOp>(op))
      if (failed(verifySignature(func, phase == "graph")))
        return failure();
    if (failed(verifyLayouts(op, phase == "dist" || phase == "local")))
      return failure();
    return phase == "local" ? verifyLocal(op) : success();
  }
};

} // namespace
} // namespace mlc
