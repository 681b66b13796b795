//===- Passes.td - Every pass and its options ----------------*- tablegen -*-===//
//
// In pipeline order (Pipelines.cpp). A flag carries the dialect that the pass
// works on. `let description` says what changes and what the pass promises.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_TD
#define MLC_PASSES_TD

include "mlir/Pass/PassBase.td"

def GraphAutodiff : Pass<"graph-autodiff", "mlir::ModuleOp"> {
  let summary = "add the backward graph to @train";
  let description = [{
    Appends the gradient of the loss with respect to every trained parameter to
    the results of `@train`, as `graph.gradient = @path`. Frozen parameters get
    none. Functions without a loss are left alone, and so are `@eval` and
    `@infer`.
  }];
  let dependentDialects = ["mlc::graph::GraphDialect"];
}

def GraphInsertOptimizer : Pass<"graph-insert-optimizer", "mlir::ModuleOp"> {
  let summary = "turn the gradients of @train into updates";
  let description = [{
    Replaces every result `graph.gradient = @path` by `graph.update = @path`,
    the parameter's new value under the optimizer, schedule, clipping and groups
    of `mlc.train`. The optimizer's state becomes `graph.parameter`s with role
    `optimizer`, named `path#adam.m`.
  }];
  let dependentDialects = ["mlc::graph::GraphDialect"];
}

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
