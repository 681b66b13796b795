// RUN: mlc-opt %s -split-input-file -dist-propagate-layouts -verify-diagnostics | FileCheck %s

// CHECK-DAG: #[[W1:.*]] = #dist.layout<@mesh, [{}]>
// CHECK-DAG: #[[W2:.*]] = #dist.layout<@mesh, [{}, {}]>
// CHECK-DAG: #[[ROWS:.*]] = #dist.layout<@mesh, [{"data"}, {}]>
// CHECK-DAG: #[[PART:.*]] = #dist.layout<@mesh, [{}], partial = ["data"]>
dist.mesh @mesh ["data"] sizes = [4]

// CHECK-LABEL: @sum_of_rows
// CHECK-SAME: %[[X:[^:]*]]: tensor<8x4xf32, #[[ROWS]]> {graph.input = "x"}, %[[W:[^:]*]]: tensor<4x2xf32, #[[W2]]>
func.func @sum_of_rows(%x: tensor<8x4xf32> {graph.input = "x"}, %w: tensor<4x2xf32>) -> (tensor<2xf32>, tensor<8x2xf32> {graph.output = "y"}) {
  // CHECK: %[[Y:.*]] = graph.dot {{.*}} to tensor<8x2xf32, #[[ROWS]]>
  %y = graph.dot %x, %w batch = [] x [] contract = [1] x [0] : tensor<8x4xf32>, tensor<4x2xf32> to tensor<8x2xf32>
  // CHECK: %[[S:.*]] = graph.reduce sum %[[Y]] {{.*}} to tensor<2xf32, #[[PART]]>
  // CHECK: %[[R:.*]] = dist.reshard %[[S]] : tensor<2xf32, #[[PART]]> to tensor<2xf32, #[[W1]]>
  %s = graph.reduce sum %y dims = [0] : tensor<8x2xf32> to tensor<2xf32>
  // CHECK: graph.exp %[[R]] : tensor<2xf32, #[[W1]]>
  %e = graph.exp %s : tensor<2xf32>
  return %e, %y : tensor<2xf32>, tensor<8x2xf32>
}

// A splat used with rows and with a parameter of the same shape: made twice.
// CHECK-LABEL: @makes_parts_of_a_splat
func.func @makes_parts_of_a_splat(%x: tensor<4x4xf32> {graph.input = "x"}, %w: tensor<4x4xf32>) -> (tensor<4x4xf32> {graph.output = "y"}, tensor<4x4xf32>) {
  // CHECK-DAG: %[[WHOLE:.*]] = graph.constant dense<2.000000e+00> : tensor<4x4xf32, #[[W2]]>
  // CHECK-DAG: %[[PARTS:.*]] = graph.constant dense<2.000000e+00> : tensor<4x4xf32, #[[ROWS]]>
  %c = graph.constant dense<2.0> : tensor<4x4xf32>
  // CHECK: graph.mul %{{.*}}, %[[PARTS]] : tensor<4x4xf32, #[[ROWS]]>
  %0 = graph.mul %x, %c : tensor<4x4xf32>
  // CHECK: graph.mul %{{.*}}, %[[WHOLE]] : tensor<4x4xf32, #[[W2]]>
  %1 = graph.mul %w, %c : tensor<4x4xf32>
  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
}

// A chain from nothing is made in parts, and the whole one goes away.
// CHECK-LABEL: @makes_parts_of_a_chain
func.func @makes_parts_of_a_chain(%x: tensor<8xf32> {graph.input = "x"}, %s: tensor<f32>) -> (tensor<8xf32> {graph.output = "y"}) {
  // CHECK-NEXT: graph.broadcast %{{.*}} to tensor<8xf32, #[[D:.*]]>
  // CHECK-NEXT: graph.exp %{{.*}} : tensor<8xf32, #[[D]]>
  // CHECK-NEXT: graph.add
  // CHECK-NEXT: return
  %0 = graph.broadcast %s dims = [] : tensor<f32> to tensor<8xf32>
  %1 = graph.exp %0 : tensor<8xf32>
  %2 = graph.add %x, %1 : tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// expected-error @below {{needs a dist.mesh @mesh with the axis "data"}}
module {}

// -----

dist.mesh @mesh ["data"] sizes = [2]
// expected-note @below {{operand #0 comes from here}}
func.func @needs_all_rows(%x: tensor<8x4xf32> {graph.input = "x"}) -> tensor<4xi32> {
  // expected-error @below {{cannot be computed from parts of the batch: needs dimension 0 of operand #0 whole, but it is sharded over "data"}}
  %0 = graph.arg_reduce max %x dim = 0 : tensor<8x4xf32> to tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
// expected-note @below {{operand #1 comes from here}}
func.func @whole_with_rows(%x: tensor<8xf32> {graph.input = "x"}, %w: tensor<8xf32>) -> (tensor<8xf32> {graph.output = "y"}) {
  // expected-error @below {{cannot be computed from parts of the batch: operand #1 is whole on dimension 0, which operand #0 has sharded over "data"}}
  %0 = graph.add %x, %w : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
func.func @rows_as_loss(%x: tensor<8xf32> {graph.input = "x"}) -> (tensor<8xf32> {graph.loss}) {
  // expected-error @below {{result #0 of @rows_as_loss has a value for every row of the batch, but only an output may}}
  %0 = graph.neg %x : tensor<8xf32>
  // expected-note @below {{returned here}}
  return %0 : tensor<8xf32>
}
