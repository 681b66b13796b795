// RUN: mlc-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: @identities
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @identities(%x: tensor<4x8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>,
        tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %minus_zero = graph.constant dense<-0.0> : tensor<4x8xf32>
  %zero = graph.constant dense<0.0> : tensor<4x8xf32>
  %one = graph.constant dense<1.0> : tensor<4x8xf32>
  %0 = graph.add %minus_zero, %x : tensor<4x8xf32>
  %1 = graph.sub %x, %zero : tensor<4x8xf32>
  %2 = graph.mul %one, %x : tensor<4x8xf32>
  %3 = graph.div %x, %one : tensor<4x8xf32>
  %4 = graph.cast %x : tensor<4x8xf32> to tensor<4x8xf32>
  %5 = graph.reshape %x : tensor<4x8xf32> to tensor<4x8xf32>
  %6 = graph.transpose %x perm = [0, 1] : tensor<4x8xf32> to tensor<4x8xf32>
  %7 = graph.broadcast %x dims = [0, 1] : tensor<4x8xf32> to tensor<4x8xf32>
  %8 = graph.slice %x starts = [0, 0] limits = [4, 8] strides = [1, 1] : tensor<4x8xf32> to tensor<4x8xf32>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8
      : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>,
        tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: @inverses
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[P:.*]]: tensor<2xi1>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[P]]
func.func @inverses(%x: tensor<2x3xf32>, %p: tensor<2xi1>)
    -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xi1>) {
  %0 = graph.neg %x : tensor<2x3xf32>
  %1 = graph.neg %0 : tensor<2x3xf32>
  %2 = graph.transpose %x perm = [1, 0] : tensor<2x3xf32> to tensor<3x2xf32>
  %3 = graph.transpose %2 perm = [1, 0] : tensor<3x2xf32> to tensor<2x3xf32>
  %4 = graph.reshape %x : tensor<2x3xf32> to tensor<6xf32>
  %5 = graph.reshape %4 : tensor<6xf32> to tensor<2x3xf32>
  %6 = graph.not %p : tensor<2xi1>
  %7 = graph.not %6 : tensor<2xi1>
  return %1, %3, %5, %7 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xi1>
}

// The batch, of one row, comes first in %x and last in the result.
// CHECK-LABEL: @keeps_reshapes_that_move_the_batch
// CHECK-COUNT-2: graph.reshape
func.func @keeps_reshapes_that_move_the_batch(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
  %0 = graph.reshape %x keep = [0] to [0] : tensor<1x1xf32> to tensor<1xf32>
  %1 = graph.reshape %0 keep = [0] to [1] : tensor<1xf32> to tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}

// -0 + 0 is 0, so x + 0 is not x.
// CHECK-LABEL: @keeps_the_sum_with_zero
// CHECK: graph.add
func.func @keeps_the_sum_with_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = graph.constant dense<0.0> : tensor<4xf32>
  %0 = graph.add %x, %zero : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A rotation of three dimensions is not its own inverse.
// CHECK-LABEL: @keeps_a_rotation
// CHECK-COUNT-2: graph.transpose
func.func @keeps_a_rotation(%x: tensor<2x2x2xf32>) -> tensor<2x2x2xf32> {
  %0 = graph.transpose %x perm = [1, 2, 0] : tensor<2x2x2xf32> to tensor<2x2x2xf32>
  %1 = graph.transpose %0 perm = [1, 2, 0] : tensor<2x2x2xf32> to tensor<2x2x2xf32>
  return %1 : tensor<2x2x2xf32>
}

// The gradient of a split into three.
// CHECK-LABEL: @joins_concats_of_disjoint_parts
// CHECK-SAME: %[[A:.*]]: tensor<2x1xf32>, %[[B:.*]]: tensor<2x2xf32>, %[[C:.*]]: tensor<2x3xf32>
func.func @joins_concats_of_disjoint_parts(%a: tensor<2x1xf32>, %b: tensor<2x2xf32>, %c: tensor<2x3xf32>) -> tensor<2x6xf32> {
  %z5 = graph.constant dense<0.0> : tensor<2x5xf32>
  %z1 = graph.constant dense<0.0> : tensor<2x1xf32>
  %z3 = graph.constant dense<0.0> : tensor<2x3xf32>
  %0 = graph.concat dim = 1 %a, %z5 : (tensor<2x1xf32>, tensor<2x5xf32>) -> tensor<2x6xf32>
  %1 = graph.concat dim = 1 %z1, %b, %z3 : (tensor<2x1xf32>, tensor<2x2xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  %2 = graph.concat dim = 1 %z3, %c : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  %3 = graph.add %0, %1 : tensor<2x6xf32>
  %4 = graph.add %3, %2 : tensor<2x6xf32>
  // CHECK-NEXT: %[[R:.*]] = graph.concat dim = 1 %[[A]], %[[B]], %[[C]]
  // CHECK-NEXT: return %[[R]]
  return %4 : tensor<2x6xf32>
}

// CHECK-LABEL: @keeps_concats_that_overlap
func.func @keeps_concats_that_overlap(%a: tensor<2x4xf32>) -> tensor<2x6xf32> {
  %z = graph.constant dense<0.0> : tensor<2x2xf32>
  %0 = graph.concat dim = 1 %a, %z : (tensor<2x4xf32>, tensor<2x2xf32>) -> tensor<2x6xf32>
  %1 = graph.concat dim = 1 %z, %a : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
  // CHECK: graph.add
  %2 = graph.add %0, %1 : tensor<2x6xf32>
  return %2 : tensor<2x6xf32>
}

// CHECK-LABEL: @fills_gaps_with_zeros
func.func @fills_gaps_with_zeros(%a: tensor<2x1xf32>) -> tensor<2x6xf32> {
  %z5 = graph.constant dense<0.0> : tensor<2x5xf32>
  %z2 = graph.constant dense<0.0> : tensor<2x2xf32>
  %z3 = graph.constant dense<0.0> : tensor<2x3xf32>
  %0 = graph.concat dim = 1 %a, %z5 : (tensor<2x1xf32>, tensor<2x5xf32>) -> tensor<2x6xf32>
  %1 = graph.concat dim = 1 %z2, %a, %z3 : (tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  // CHECK: graph.concat dim = 1 %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x3xf32>)
  %2 = graph.add %0, %1 : tensor<2x6xf32>
  return %2 : tensor<2x6xf32>
}
