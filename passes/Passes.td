//===- Passes.td - Every pass and its options ----------------*- tablegen -*-===//
//
// In pipeline order (Pipelines.cpp). A flag carries the dialect that the pass
// works on. `let description` says what changes and what the pass promises.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_TD
#define MLC_PASSES_TD

include "mlir/Pass/PassBase.td"

def GraphHoistFromLoops : Pass<"graph-hoist-from-loops", "mlir::ModuleOp"> {
  let summary = "take products that need no carried value out of loops";
  let description = [{
    A product of a sequence's slice with a value that is the same in every
    iteration becomes one product of the whole sequence, before the loop.
  }];
}

def GraphAutodiff : Pass<"graph-autodiff", "mlir::ModuleOp"> {
  let summary = "add the backward graph to @train";
  let description = [{
    Appends the gradient of the loss with respect to every trained parameter that
    it depends on to the results of `@train`, as `graph.gradient = @path`. Frozen
    parameters get none. Functions without a loss are left alone, and so are `@eval` and
    `@infer`. With `scale-loss`, and where `mlc.train` asks for it
    (`precision = "f16"`), they are those of the loss times `loss#scale`.
  }];
  let options = [Option<"scaleLoss", "scale-loss", "bool", /*default=*/"false",
                        "scale the loss where mlc.train says so">];
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

//===----------------------------------------------------------------------===//
// dist: layouts and collectives, at global shapes
//===----------------------------------------------------------------------===//

def CreateMesh : Pass<"dist-create-mesh", "mlir::ModuleOp"> {
  let summary = "declare the mesh that the module's configuration names";
  let description = [{
    Adds `dist.mesh @mesh` from the attribute `mlc.mesh`; without one, a mesh of
    one device. Keeps a mesh that is there.
  }];
  let dependentDialects = ["::mlc::dist::DistDialect"];
}

def PropagateLayouts : Pass<"dist-propagate-layouts", "mlir::ModuleOp"> {
  let summary = "give every tensor a layout";
  let description = [{
    Shards dimension 0 of every `graph.input` and of the mask over the axis
    `data`, and goes forward through the sharding rules. Where an op makes a
    partial value, a `dist.reshard` to whole follows. What an op needs sharded
    and is made from nothing (constants, broadcasts of scalars) is made again
    in parts. An error where an op needs all rows.
  }];
  let dependentDialects = ["::mlc::dist::DistDialect"];
}

def InsertCollectives : Pass<"dist-insert-collectives", "mlir::ModuleOp"> {
  let summary = "turn layout changes into collectives";
  let description = [{
    Moves a `dist.reshard` of partial sums behind linear ops where that makes
    fewer bytes (two gradients of one parameter are added first), then turns
    each into one `dist.all_reduce`.
  }];
  let dependentDialects = ["::mlc::dist::DistDialect"];
}

def Partition : Pass<"dist-partition", "mlir::ModuleOp"> {
  let summary = "global shapes -> one device and one micro-batch";
  let description = [{
    In `@train` and `@eval`, what is sharded or partial moves into one
    `dist.microbatch_loop` at the shapes of one micro-batch; what it needs goes
    before, its all-reduces and the rest after. `@infer` is one micro-batch as
    it stands. An error where the loop would need a value from after it.
  }];
  let dependentDialects = ["::mlc::dist::DistDialect"];
}

def BucketCollectives
    : Pass<"dist-bucket-collectives", "mlir::func::FuncOp"> {
  let summary = "merge small all-reduces";
  let description = [{
    Merges all-reduces of one kind and element type over the same axes, in
    program order, so that small gradients share one launch.
  }];
  let dependentDialects = ["::mlc::dist::DistDialect"];
  let options = [
    Option<"bucketBytes", "bucket-bytes", "int64_t", /*default=*/"0",
           "payload at which a bucket closes; 0: where the cost model says "
           "that the link is saturated">,
  ];
}

def CheckCollectiveOrder
    : Pass<"dist-check-collective-order", "mlir::ModuleOp"> {
  let summary = "show that all ranks issue the same collectives in one order";
  let description = [{
    Numbers the collectives of the module in issue order. An error where one
    stands inside a region, which ranks may enter a different number of times,
    or where a number that is there contradicts the order.
  }];
}

//===----------------------------------------------------------------------===//
// Every phase
//===----------------------------------------------------------------------===//

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

def PlanSchedule : Pass<"plan-schedule", "mlir::ModuleOp"> {
  let summary = "functions to kernels, buffers and steps";
  let description = [{
    Groups the ops of every function into kernels, one for each distinct
    structure, and lists the calls, loops, all-reduces and copies of each program
    in order. Every value that a step passes on gets a buffer of the arena, still
    without offset. Takes the layouts off; the collectives stay in their order.
  }];
  let options = [
    Option<"fusion", "fusion", "std::string", /*default=*/"\"all\"",
           "none: a kernel per op; elementwise: elementwise ops together; all: "
           "also with the dot, reduction or loss in front of them">,
  ];
  let dependentDialects = ["mlc::plan::PlanDialect"];
}

def PlanMemory : Pass<"plan-memory", "mlir::ModuleOp"> {
  let summary = "an arena offset for every buffer";
  let description = [{
    Buffers that keep their contents come first, in the order of the arena;
    transient ones share the memory behind them: with any buffer of another
    program, and with those of the same program that are not live at the same
    time. A call of a kernel with scratch memory gets a transient buffer for it.
  }];
  let options = [
    Option<"reuse", "reuse", "bool", /*default=*/"true",
           "let transient buffers share memory">,
  ];
}

#endif // MLC_PASSES_TD
