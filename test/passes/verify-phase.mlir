// RUN: split-file %s %t
// RUN: mlc-opt %t/graph.mlir -split-input-file -verify-phase=phase=graph -verify-diagnostics
// RUN: mlc-opt %t/grad.mlir -verify-phase=phase=grad -verify-diagnostics
// RUN: mlc-opt %t/dist.mlir -split-input-file -verify-phase=phase=dist -verify-diagnostics
// RUN: mlc-opt %t/local.mlir -split-input-file -verify-phase=phase=local -verify-diagnostics
// RUN: mlc-opt %t/schedule.mlir -split-input-file -verify-phase=phase=schedule -verify-diagnostics
// RUN: mlc-opt %t/mesh.mlir -split-input-file -verify-phase=phase=plan -verify-diagnostics
// RUN: mlc-opt %t/unknown.mlir -verify-phase=phase=later -verify-diagnostics

//--- graph.mlir
graph.parameter @w : tensor<4xf32> init #graph.init<zeros> role state
func.func @train(%w: tensor<4xf32> {graph.param = @w}, %c: tensor<i64> {graph.count}) -> (tensor<4xf32> {graph.update = @w}) {
  return %w : tensor<4xf32>
}

// -----
// expected-error @below {{argument #0 needs one of graph.param}}
func.func @no_role(%x: tensor<4xf32>) {
  return
}

// -----
// expected-error @below {{argument #0 needs one of graph.param}}
func.func @two_roles(%x: tensor<4xf32> {graph.mask, graph.input = "x"}) {
  return
}

// -----
// expected-error @below {{result #0 needs one of graph.loss}}
func.func @no_result_role(%x: tensor<4xf32> {graph.mask}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----
// expected-error @below {{argument #0 names @w, which is not a graph.parameter}}
func.func @no_parameter(%x: tensor<4xf32> {graph.param = @w}) {
  return
}

// -----
// expected-note @below {{declared here}}
graph.parameter @w : tensor<5xf32> init #graph.init<zeros> role state
// expected-error @below {{argument #0 is 'tensor<4xf32>' but @w is 'tensor<5xf32>'}}
func.func @another_shape(%x: tensor<4xf32> {graph.param = @w}) {
  return
}

// -----
#whole = #dist.layout<@mesh, [{}]>
// expected-error @below {{has a layout before the phase dist}}
func.func @early_layout(%x: tensor<4xf32, #whole> {graph.mask}) {
  return
}

// -----
// expected-error @below {{must be gone after the phase 'graph'}}
dist.mesh @mesh ["data"] sizes = [1]

//--- grad.mlir
func.func @gradient_of_its_own(%x: tensor<4xf32> {graph.mask}) {
  // expected-error @below {{must be gone after the phase 'grad'}}
  %r = graph.custom_gradient %x of(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %d: tensor<4xf32>):
    graph.cotangents %d : tensor<4xf32>
  } : tensor<4xf32>
  return
}

//--- dist.mlir
dist.mesh @mesh ["data"] sizes = [1]
// expected-error @below {{has no layout, which every value needs from the phase dist on}}
func.func @no_layout(%x: tensor<4xf32> {graph.mask}) {
  return
}

// -----
#whole = #dist.layout<@mesh, [{"data"}]>
// expected-error @below {{has a layout on @mesh, which is not a dist.mesh}}
func.func @no_mesh(%x: tensor<4xf32, #whole> {graph.mask}) {
  return
}

// -----
dist.mesh @mesh ["model"] sizes = [1]
#rows = #dist.layout<@mesh, [{"data"}]>
// expected-error @below {{has a layout over "data", which @mesh has not}}
func.func @no_axis(%x: tensor<4xf32, #rows> {graph.mask}) {
  return
}

// -----
dist.mesh @mesh ["data"] sizes = [1]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
#whole = #dist.layout<@mesh, [{}]>
func.func @reshard(%x: tensor<4xf32, #part> {graph.mask}) {
  // expected-error @below {{must be gone after the phase 'dist'}}
  %0 = dist.reshard %x : tensor<4xf32, #part> to tensor<4xf32, #whole>
  return
}

//--- local.mlir
dist.mesh @mesh ["data"] sizes = [1]
#rows = #dist.layout<@mesh, [{"data"}]>
func.func @rows_outside(%x: tensor<4xf32, #rows> {graph.mask}) {
  // expected-error @below {{works on rows or partial sums outside of the microbatch_loop}}
  %0 = graph.neg %x : tensor<4xf32, #rows>
  return
}

// -----
dist.mesh @mesh ["data"] sizes = [1]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @no_id(%x: tensor<4xf32, #part> {graph.mask}) {
  // expected-error @below {{has no id; run dist-check-collective-order before}}
  %0 = dist.all_reduce sum %x over ["data"] : tensor<4xf32, #part>
  return
}

//--- schedule.mlir
// expected-error @below {{must be gone after the phase 'schedule'}}
func.func @f() {
  return
}

//--- mesh.mlir
module attributes {mlc.mesh = [{name = "data", size = -1 : i64}, {name = "model", size = 2 : i64}]} {}

// -----
// expected-error @below {{expected a list of axes in mlc.mesh, not 4 : i64}}
module attributes {mlc.mesh = 4} {}

// -----
// expected-error @below {{expected {name = "...", size = ... : i64} in mlc.mesh, not {name = "data"}}}
module attributes {mlc.mesh = [{name = "data"}]} {}

// -----
// expected-error @below {{axis "data" of mlc.mesh has size 0; expected at least 1, or -1}}
module attributes {mlc.mesh = [{name = "data", size = 0 : i64}]} {}

// -----
// expected-error @below {{mlc.mesh has two axes named "data"}}
module attributes {mlc.mesh = [{name = "data", size = 1 : i64}, {name = "data", size = 2 : i64}]} {}

// -----
// expected-error @below {{mlc.mesh has more than one elastic axis}}
module attributes {mlc.mesh = [{name = "data", size = -1 : i64}, {name = "model", size = -1 : i64}]} {}

//--- unknown.mlir
// expected-error @below {{unknown phase 'later'}}
module {}
