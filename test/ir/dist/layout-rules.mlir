// RUN: mlc-opt %s -split-input-file -verify-diagnostics

// A graph op's result layouts follow from its operand layouts.

#rows = #dist.layout<@mesh, [{"data"}, {}]>
#col = #dist.layout<@mesh, [{"data"}]>
#whole2 = #dist.layout<@mesh, [{}, {}]>
#whole1 = #dist.layout<@mesh, [{}]>
#part1 = #dist.layout<@mesh, [{}], partial = ["data"]>
#part2 = #dist.layout<@mesh, [{}, {}], partial = ["data"]>

func.func @right(%x: tensor<8x4xf32, #rows>, %w: tensor<4x2xf32, #whole2>, %g: tensor<8x2xf32, #rows>) {
  %0 = graph.dot %x, %w batch = [] x [] contract = [1] x [0] : tensor<8x4xf32, #rows>, tensor<4x2xf32, #whole2> to tensor<8x2xf32, #rows>
  %1 = graph.dot %x, %g batch = [] x [] contract = [0] x [0] : tensor<8x4xf32, #rows>, tensor<8x2xf32, #rows> to tensor<4x2xf32, #part2>
  %2 = graph.add %1, %1 : tensor<4x2xf32, #part2>
  %3 = graph.transpose %2 perm = [1, 0] : tensor<4x2xf32, #part2> to tensor<2x4xf32, #part2>
  %4 = graph.constant dense<1.0> : tensor<8x4xf32, #rows>
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}, {}]>
#whole1 = #dist.layout<@mesh, [{}]>
func.func @missing_all_reduce(%x: tensor<8x4xf32, #rows>) {
  // expected-error @below {{result #0 is a partial sum over "data" by the layouts of the operands, but its type says replicated}}
  // expected-note @below {{an all_reduce of this value is missing}}
  %0 = graph.reduce sum %x dims = [0] : tensor<8x4xf32, #rows> to tensor<4xf32, #whole1>
  return
}

// -----

#part1 = #dist.layout<@mesh, [{}], partial = ["data"]>
// expected-note @below {{an all_reduce of this value is missing}}
func.func @nonlinear(%x: tensor<4xf32, #part1>) {
  // expected-error @below {{operand #0 is a partial sum over "data", and this op needs its value whole}}
  %0 = graph.exp %x : tensor<4xf32, #part1>
  return
}

// -----

#part1 = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @square(
    // expected-note @below {{an all_reduce of this value is missing}}
    %x: tensor<4xf32, #part1>) {
  // expected-error @below {{operand #1 is a partial sum over "data", and this op needs its value whole}}
  %0 = graph.mul %x, %x : tensor<4xf32, #part1>
  return
}

// -----

#part1 = #dist.layout<@mesh, [{}], partial = ["data"]>
#whole1 = #dist.layout<@mesh, [{}]>
func.func @sum_plus_whole(
    // expected-note @below {{an all_reduce of this value is missing}}
    %x: tensor<4xf32, #part1>,
    %y: tensor<4xf32, #whole1>) {
  // expected-error @below {{operand #0 is a partial sum over "data", but operand #1 is replicated}}
  %0 = "graph.add"(%x, %y) : (tensor<4xf32, #part1>, tensor<4xf32, #whole1>) -> tensor<4xf32, #part1>
  return
}

// -----

#rows1 = #dist.layout<@mesh, [{"data"}]>
#whole1 = #dist.layout<@mesh, [{}]>
func.func @rows_plus_whole(
    %x: tensor<4xf32, #rows1>,
    // expected-note @below {{operand #1 comes from here}}
    %y: tensor<4xf32, #whole1>) {
  // expected-error @below {{operand #1 is whole on dimension 0, which operand #0 has sharded over "data"}}
  %0 = "graph.add"(%x, %y) : (tensor<4xf32, #rows1>, tensor<4xf32, #whole1>) -> tensor<4xf32, #rows1>
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}, {}]>
#whole1 = #dist.layout<@mesh, [{}]>
func.func @needs_all_rows(
    // expected-note @below {{operand #0 comes from here}}
    %x: tensor<8x4xf32, #rows>) {
  // expected-error @below {{needs dimension 0 of operand #0 whole, but it is sharded over "data"}}
  %0 = graph.arg_reduce max %x dim = 0 : tensor<8x4xf32, #rows> to tensor<4xi32, #whole1>
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}, {}]>
func.func @gram(%x: tensor<8x4xf32, #rows>) {
  // expected-error @below {{would use an axis twice in the layout of result #0}}
  %0 = graph.dot %x, %x batch = [] x [] contract = [1] x [1] : tensor<8x4xf32, #rows>, tensor<8x4xf32, #rows> to tensor<8x8xf32, #rows>
  return
}

// -----

#rows1 = #dist.layout<@mesh, [{"data"}]>
func.func @forgets_a_layout(%x: tensor<4xf32, #rows1>) {
  // expected-error @below {{result #0 has no layout, but others have one}}
  %0 = "graph.neg"(%x) : (tensor<4xf32, #rows1>) -> tensor<4xf32>
  return
}

// -----

#a = #dist.layout<@a, [{}]>
#b = #dist.layout<@b, [{}]>
func.func @two_meshes(%x: tensor<4xf32, #a>, %y: tensor<4xf32, #b>) {
  // expected-error @below {{mixes the meshes @a and @b}}
  %0 = "graph.add"(%x, %y) : (tensor<4xf32, #a>, tensor<4xf32, #b>) -> tensor<4xf32, #a>
  return
}

// -----

#part0 = #dist.layout<@mesh, [], partial = ["data"]>
#whole0 = #dist.layout<@mesh, []>
func.func @divides_by_a_partial_sum(
    %x: tensor<f32, #whole0>,
    // expected-note @below {{an all_reduce of this value is missing}}
    %y: tensor<f32, #part0>) {
  // A partial sum may be divided, ...
  %0 = "graph.div"(%y, %x) : (tensor<f32, #part0>, tensor<f32, #whole0>) -> tensor<f32, #part0>
  // ... and may not divide.
  // expected-error @below {{operand #1 is a partial sum over "data", and this op needs its value whole}}
  %1 = "graph.div"(%x, %y) : (tensor<f32, #whole0>, tensor<f32, #part0>) -> tensor<f32, #part0>
  return
}

// -----

#max0 = #dist.layout<@mesh, [], partial_max = ["data"]>
func.func @negates_a_maximum(
    // expected-note @below {{an all_reduce of this value is missing}}
    %x: tensor<f32, #max0>) {
  // expected-error @below {{operand #0 is a partial maximum over "data", and this op needs its value whole}}
  %0 = graph.neg %x : tensor<f32, #max0>
  return
}
