//===- VerifyPhase.cpp - Reject what must be gone after a phase -----------===//
//
// One table of dialects per phase, then what the phase promises about
// functions and layouts (docs/architecture.md). Changes nothing.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

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
    WalkResult result = module.walk([&](Operation *op) -> WalkResult {
      if (llvm::is_contained(known->dialects,
                             op->getName().getDialectNamespace()))
        return WalkResult::advance();
      return op->emitOpError("must be gone after the phase '") << phase << "'";
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace mlc
