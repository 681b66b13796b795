// RUN: mlc-opt %s -split-input-file -dist-insert-collectives -verify-diagnostics | FileCheck %s

dist.mesh @mesh ["data"] sizes = [4]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
#whole = #dist.layout<@mesh, [{}]>
#whole0 = #dist.layout<@mesh, []>
#max = #dist.layout<@mesh, [{}], partial_max = ["data"]>

// CHECK-LABEL: @one_all_reduce_per_value
func.func @one_all_reduce_per_value(%a: tensor<4xf32, #part>) -> (tensor<4xf32, #whole>, tensor<4xf32, #whole>) {
  // CHECK: %[[R:.*]] = dist.all_reduce sum %{{.*}} over ["data"]
  // CHECK-NOT: dist.all_reduce
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  %1 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  // CHECK: return %[[R]], %[[R]]
  return %0, %1 : tensor<4xf32, #whole>, tensor<4xf32, #whole>
}

// Two gradients of one parameter: 2 x 16 bytes become 16.
// CHECK-LABEL: @adds_before_reducing
// CHECK-SAME: %[[A:[^:]*]]: tensor<4xf32{{.*}}, %[[B:[^:]*]]: tensor<4xf32
func.func @adds_before_reducing(%a: tensor<4xf32, #part>, %b: tensor<4xf32, #part>) -> (tensor<4xf32, #whole> {graph.update = @"w#adam.m"}) {
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  %1 = dist.reshard %b : tensor<4xf32, #part> to tensor<4xf32, #whole>
  // CHECK-NEXT: %[[N:.*]] = graph.neg %[[B]]
  %2 = graph.neg %1 : tensor<4xf32, #whole>
  // CHECK-NEXT: %[[S:.*]] = graph.add %[[A]], %[[N]]
  %3 = graph.add %0, %2 : tensor<4xf32, #whole>
  // CHECK-NEXT: dist.all_reduce sum %[[S]] over ["data"] {label = "w"}
  return %3 : tensor<4xf32, #whole>
}

// Scaling saves nothing: the value itself is reduced.
// CHECK-LABEL: @reduces_before_scaling
// CHECK-SAME: %[[A:[^:]*]]: tensor<4xf32
func.func @reduces_before_scaling(%a: tensor<4xf32, #part>, %s: tensor<4xf32, #whole>) -> tensor<4xf32, #whole> {
  // CHECK: dist.all_reduce sum %[[A]]
  // CHECK: graph.mul
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  %1 = graph.mul %0, %s : tensor<4xf32, #whole>
  return %1 : tensor<4xf32, #whole>
}

// A whole term counts once: it is added after the all-reduce.
// CHECK-LABEL: @adds_a_whole_term_after
// CHECK: dist.all_reduce
// CHECK: graph.add
func.func @adds_a_whole_term_after(%a: tensor<4xf32, #part>, %s: tensor<4xf32, #whole>) -> tensor<4xf32, #whole> {
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  %1 = graph.add %0, %s : tensor<4xf32, #whole>
  return %1 : tensor<4xf32, #whole>
}

// With another use the value is needed whole anyway.
// CHECK-LABEL: @keeps_a_value_with_two_uses
// CHECK-SAME: %[[A:[^:]*]]: tensor<4xf32
func.func @keeps_a_value_with_two_uses(%a: tensor<4xf32, #part>) -> (tensor<4xf32, #whole>, tensor<f32, #whole0>) {
  // CHECK: %[[R:.*]] = dist.all_reduce sum %[[A]]
  // CHECK: graph.reduce sum %[[R]]
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  %1 = graph.reduce sum %0 dims = [0] : tensor<4xf32, #whole> to tensor<f32, #whole0>
  return %0, %1 : tensor<4xf32, #whole>, tensor<f32, #whole0>
}

// CHECK-LABEL: @maximum
// CHECK: dist.all_reduce max
func.func @maximum(%a: tensor<4xf32, #max>) -> tensor<4xf32, #whole> {
  %0 = dist.reshard %a : tensor<4xf32, #max> to tensor<4xf32, #whole>
  return %0 : tensor<4xf32, #whole>
}

// -----

dist.mesh @mesh ["data"] sizes = [4]
#rows = #dist.layout<@mesh, [{"data"}]>
#whole = #dist.layout<@mesh, [{}]>
func.func @gather(%a: tensor<4xf32, #rows>) -> tensor<4xf32, #whole> {
  // expected-error @below {{moves parts between devices, which is not supported yet}}
  %0 = dist.reshard %a : tensor<4xf32, #rows> to tensor<4xf32, #whole>
  return %0 : tensor<4xf32, #whole>
}
