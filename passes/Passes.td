//===- Passes.td - Every pass and its options ----------------*- tablegen -*-===//
//
// In pipeline order (Pipelines.cpp). A flag carries the dialect that the pass
// works on. `let description` says what changes and what the pass promises.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_TD
#define MLC_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyPhase : Pass<"verify-phase", "mlir::ModuleOp"> {
  let summary = "reject what must be gone after a phase";
  let description = [{
    Checks what docs/architecture.md promises about a module of the phase:
    which dialects may appear, the attributes of the functions, and the layouts.
    Changes nothing.
  }];
  let options = [
    Option<"phase", "phase", "std::string", /*default=*/"",
           "graph, grad, dist, local, schedule, kernels or plan">,
  ];
}

#endif // MLC_PASSES_TD
