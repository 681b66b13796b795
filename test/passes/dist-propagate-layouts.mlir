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

// A carried zero has the layout of what it becomes.
// CHECK-LABEL: @carries_rows
func.func @carries_rows(%x: tensor<8x3x4xf32> {graph.input = "x"}, %w: tensor<3x4xf32>) -> (tensor<8x4xf32> {graph.output = "y"}) {
  // CHECK: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<8x4xf32, #[[ROWS]]>
  // CHECK-NEXT: graph.scan 3 carry(%[[C:.*]] = %[[ZERO]] : tensor<8x4xf32, #[[ROWS]]>) over(%[[V:.*]] = %{{.*}}, %[[U:.*]] = %{{.*}}) {
  // CHECK-NEXT: graph.broadcast %[[U]] {{.*}} to tensor<8x4xf32, #[[ROWS]]>
  %xs = graph.transpose %x perm = [1, 0, 2] : tensor<8x3x4xf32> to tensor<3x8x4xf32>
  %zero = graph.constant dense<0.0> : tensor<8x4xf32>
  %h = graph.scan 3 carry(%c = %zero : tensor<8x4xf32>) over(%v = %xs : tensor<3x8x4xf32>, %u = %w : tensor<3x4xf32>) {
    %0 = graph.broadcast %u dims = [1] : tensor<4xf32> to tensor<8x4xf32>
    %1 = graph.mul %c, %0 : tensor<8x4xf32>
    %2 = graph.add %1, %v : tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  } : tensor<8x4xf32>
  return %h : tensor<8x4xf32>
}

// A sum over the rows is carried in parts, and whole after the loop.
// CHECK-LABEL: @carries_a_sum
func.func @carries_a_sum(%x: tensor<8x4xf32> {graph.input = "x"}) -> tensor<4xf32> {
  // CHECK: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<4xf32, #[[PART]]>
  // CHECK-NEXT: %[[H:.*]] = graph.scan 3 carry(%[[C:.*]] = %[[ZERO]] : tensor<4xf32, #[[PART]]>)
  // CHECK-NEXT: %[[S:.*]] = graph.reduce sum %{{.*}} to tensor<4xf32, #[[PART]]>
  // CHECK-NEXT: graph.add %[[C]], %[[S]] : tensor<4xf32, #[[PART]]>
  // CHECK: %[[WHOLE:.*]] = dist.reshard %[[H]] : tensor<4xf32, #[[PART]]> to tensor<4xf32, #[[W1]]>
  // CHECK-NEXT: graph.exp %[[WHOLE]]
  %zero = graph.constant dense<0.0> : tensor<4xf32>
  %h = graph.scan 3 carry(%c = %zero : tensor<4xf32>) same(%v = %x : tensor<8x4xf32>) {
    %0 = graph.reduce sum %v dims = [0] : tensor<8x4xf32> to tensor<4xf32>
    %1 = graph.add %c, %0 : tensor<4xf32>
    graph.yield %1 : tensor<4xf32>
  } : tensor<4xf32>
  %e = graph.exp %h : tensor<4xf32>
  return %e : tensor<4xf32>
}

// What the sum begins with is a sum over the batch itself: its parts are taken.
// CHECK-LABEL: @goes_on_with_a_sum
func.func @goes_on_with_a_sum(%x: tensor<8x4xf32> {graph.input = "x"}) -> tensor<4xf32> {
  // CHECK: %[[S:.*]] = graph.reduce sum %{{.*}} to tensor<4xf32, #[[PART]]>
  // CHECK-NEXT: %[[N:.*]] = graph.neg %[[S]] : tensor<4xf32, #[[PART]]>
  // CHECK-NEXT: graph.scan 3 carry(%{{.*}} = %[[N]] : tensor<4xf32, #[[PART]]>)
  %s = graph.reduce sum %x dims = [0] : tensor<8x4xf32> to tensor<4xf32>
  %n = graph.neg %s : tensor<4xf32>
  %h = graph.scan 3 carry(%c = %n : tensor<4xf32>) same(%v = %x : tensor<8x4xf32>) {
    %0 = graph.reduce sum %v dims = [0] : tensor<8x4xf32> to tensor<4xf32>
    %1 = graph.add %c, %0 : tensor<4xf32>
    graph.yield %1 : tensor<4xf32>
  } : tensor<4xf32>
  return %h : tensor<4xf32>
}

// What the sum begins with depends on no row: each of the 8 has its share.
// CHECK-LABEL: @train
// CHECK-SAME: %[[W:[^:]*]]: tensor<4xf32, #[[W1]]>)
func.func @train(%x: tensor<8x4xf32> {graph.input = "x"}, %w: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-DAG: %[[EACH:.*]] = graph.constant dense<1.250000e-01> : tensor<8xf32, #{{.*}}>
  // CHECK-DAG: %[[ONE:.*]] = graph.reduce sum %[[EACH]] dims = [0]
  // CHECK-DAG: %[[ONES:.*]] = graph.broadcast %[[ONE]] {{.*}} to tensor<4xf32, #[[PART]]>
  // CHECK: %[[SHARE:.*]] = graph.mul %[[W]], %[[ONES]]
  // CHECK-NEXT: graph.scan 3 carry(%{{.*}} = %[[SHARE]] : tensor<4xf32, #[[PART]]>)
  %h = graph.scan 3 carry(%c = %w : tensor<4xf32>) same(%v = %x : tensor<8x4xf32>) {
    %0 = graph.reduce sum %v dims = [0] : tensor<8x4xf32> to tensor<4xf32>
    %1 = graph.add %c, %0 : tensor<4xf32>
    graph.yield %1 : tensor<4xf32>
  } : tensor<4xf32>
  return %h : tensor<4xf32>
}

// A splat that a loop takes from outside.
// CHECK-LABEL: @makes_parts_for_a_loop
func.func @makes_parts_for_a_loop(%x: tensor<8x4xf32> {graph.input = "x"}) -> (tensor<8x4xf32> {graph.output = "y"}) {
  // CHECK-NEXT: %[[TWO:.*]] = graph.constant dense<2.000000e+00> : tensor<8x4xf32, #[[ROWS]]>
  // CHECK-NEXT: graph.scan 3 carry({{.*}}) same(%{{.*}} = %[[TWO]] : tensor<8x4xf32, #[[ROWS]]>)
  %two = graph.constant dense<2.0> : tensor<8x4xf32>
  %h = graph.scan 3 carry(%c = %x : tensor<8x4xf32>) same(%t = %two : tensor<8x4xf32>) {
    %0 = graph.mul %c, %t : tensor<8x4xf32>
    graph.yield %0 : tensor<8x4xf32>
  } : tensor<8x4xf32>
  return %h : tensor<8x4xf32>
}

// A loop over no row, whose result is used with rows, runs on parts.
// CHECK-LABEL: @makes_parts_in_a_loop
func.func @makes_parts_in_a_loop(%x: tensor<8x4xf32> {graph.input = "x"}, %w: tensor<3x4xf32>) -> (tensor<8x4xf32> {graph.output = "y"}) {
  // CHECK-NEXT: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<8x4xf32, #[[ROWS]]>
  // CHECK-NEXT: %[[H:.*]] = graph.scan 3 carry(%{{.*}} = %[[ZERO]] : tensor<8x4xf32, #[[ROWS]]>)
  // CHECK: graph.add %{{.*}}, %[[H]] : tensor<8x4xf32, #[[ROWS]]>
  // CHECK-NEXT: return
  %zero = graph.constant dense<0.0> : tensor<8x4xf32>
  %h = graph.scan 3 carry(%c = %zero : tensor<8x4xf32>) over(%u = %w : tensor<3x4xf32>) {
    %0 = graph.broadcast %u dims = [1] : tensor<4xf32> to tensor<8x4xf32>
    %1 = graph.add %c, %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  } : tensor<8x4xf32>
  %y = graph.add %x, %h : tensor<8x4xf32>
  return %y : tensor<8x4xf32>
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

// -----

dist.mesh @mesh ["data"] sizes = [2]
func.func @loops_over_rows(%x: tensor<8x4xf32> {graph.input = "x"}, %h0: tensor<4xf32>) -> tensor<4xf32> {
  // expected-note @below {{these are its steps}}
  %n = graph.neg %x : tensor<8x4xf32>
  // expected-error @below {{a loop cannot run over the rows of the batch}}
  %h = graph.scan 8 carry(%c = %h0 : tensor<4xf32>) over(%v = %n : tensor<8x4xf32>) {
    %0 = graph.add %c, %v : tensor<4xf32>
    graph.yield %0 : tensor<4xf32>
  } : tensor<4xf32>
  return %h : tensor<4xf32>
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
func.func @waits_for_a_sum_in_a_loop(%x: tensor<8x4xf32> {graph.input = "x"}) -> tensor<4xf32> {
  %zero = graph.constant dense<0.0> : tensor<4xf32>
  %h = graph.scan 3 carry(%c = %zero : tensor<4xf32>) same(%v = %x : tensor<8x4xf32>) {
    // expected-note @below {{an all_reduce of this value is missing}}
    %0 = graph.reduce sum %v dims = [0] : tensor<8x4xf32> to tensor<4xf32>
    // expected-error @below {{cannot be computed from parts of the batch: operand #0 is a partial sum over "data", and this op needs its value whole}}
    %1 = graph.exp %0 : tensor<4xf32>
    %2 = graph.add %c, %1 : tensor<4xf32>
    graph.yield %2 : tensor<4xf32>
  } : tensor<4xf32>
  return %h : tensor<4xf32>
}
