// RUN: mlc-opt %s -graph-hoist-from-loops | FileCheck %s

// CHECK-LABEL: @hoists_the_product_of_a_slice
// CHECK-SAME: %[[X:.*]]: tensor<5x3x4xf32>, %[[W:.*]]: tensor<4x2xf32>, %[[H:.*]]: tensor<3x2xf32>
func.func @hoists_the_product_of_a_slice(%x: tensor<5x3x4xf32>, %w: tensor<4x2xf32>, %h: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // CHECK: %[[P:.*]] = graph.dot %[[X]], %[[W]] batch = [] x [] contract = [2] x [0] : tensor<5x3x4xf32>, tensor<4x2xf32> to tensor<5x3x2xf32>
  // CHECK: graph.scan 5 carry(%[[C:.*]] = %[[H]] : tensor<3x2xf32>) over(%[[S:.*]] = %[[P]] : tensor<5x3x2xf32>) {
  %r = graph.scan 5 carry(%c = %h : tensor<3x2xf32>) over(%s = %x : tensor<5x3x4xf32>) same(%v = %w : tensor<4x2xf32>) {
    // CHECK-NEXT: graph.add %[[S]], %[[C]]
    %0 = graph.dot %s, %v batch = [] x [] contract = [1] x [0] : tensor<3x4xf32>, tensor<4x2xf32> to tensor<3x2xf32>
    %1 = graph.add %0, %c : tensor<3x2xf32>
    graph.yield %1 : tensor<3x2xf32>
  } : tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// What depends on a carried value stays, and so do its operands.
// CHECK-LABEL: @leaves_products_of_carried_values
func.func @leaves_products_of_carried_values(%x: tensor<5x2x2xf32>, %w: tensor<2x2xf32>, %h: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // CHECK-NEXT: graph.scan 5 carry({{.*}}) over({{.*}} : tensor<5x2x2xf32>) same({{.*}} : tensor<2x2xf32>) {
  %r = graph.scan 5 carry(%c = %h : tensor<3x2xf32>) over(%s = %x : tensor<5x2x2xf32>) same(%v = %w : tensor<2x2xf32>) {
    // CHECK-COUNT-2: graph.dot
    %0 = graph.dot %c, %v batch = [] x [] contract = [1] x [0] : tensor<3x2xf32>, tensor<2x2xf32> to tensor<3x2xf32>
    %1 = graph.dot %0, %s batch = [] x [] contract = [1] x [0] : tensor<3x2xf32>, tensor<2x2xf32> to tensor<3x2xf32>
    graph.yield %1 : tensor<3x2xf32>
  } : tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// The iterations would not be dimension 0 of the products.
// CHECK-LABEL: @leaves_a_slice_on_the_right
func.func @leaves_a_slice_on_the_right(%x: tensor<5x4x3xf32>, %w: tensor<2x4xf32>) -> tensor<5x2x3xf32> {
  // CHECK-NEXT: graph.scan
  %r = graph.scan 5 over(%s = %x : tensor<5x4x3xf32>) same(%v = %w : tensor<2x4xf32>) {
    // CHECK-NEXT: graph.dot
    %0 = graph.dot %v, %s batch = [] x [] contract = [1] x [0] : tensor<2x4xf32>, tensor<4x3xf32> to tensor<2x3xf32>
    graph.yield %0 : tensor<2x3xf32>
  } : tensor<5x2x3xf32>
  return %r : tensor<5x2x3xf32>
}
