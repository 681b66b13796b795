// RUN: mlc-opt %s -split-input-file -graph-autodiff | FileCheck %s

// The second use of %w and the one of %h add up; the labels get no gradient.
graph.parameter @w : tensor<4x4xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
// CHECK-SAME: -> (tensor<f32> {graph.loss}, tensor<4x4xf32> {graph.gradient = @w})
func.func @train(%x: tensor<4x4xf32> {graph.input = "x"},
                 %y: tensor<4xi32> {graph.input = "y"},
                 %w: tensor<4x4xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  // CHECK: %[[H:.*]] = graph.dot %{{.*}}, %[[W:.*]] batch = [] x [] contract = [1] x [0]
  %h = graph.dot %x, %w batch = [] x [] contract = [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  %z = graph.dot %h, %w batch = [] x [] contract = [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
  %l = graph.softmax_cross_entropy %z, %y : tensor<4x4xf32>, tensor<4xi32>
  %s = graph.reduce sum %l dims = [0] : tensor<4xf32> to tensor<f32>
  // CHECK: %[[DZ:.*]] = graph.softmax_cross_entropy_grad
  // CHECK-DAG: %[[DH:.*]] = graph.dot %[[DZ]], %{{.*}} batch = [] x [] contract = [1] x [1]
  // CHECK-DAG: %[[DW2:.*]] = graph.dot %[[H]], %[[DZ]] batch = [] x [] contract = [0] x [0]
  // CHECK: %[[DW1:.*]] = graph.dot %{{.*}}, %[[DH]] batch = [] x [] contract = [0] x [0]
  // CHECK: %[[DW:.*]] = graph.add %[[DW2]], %[[DW1]]
  // CHECK: return %{{.*}}, %[[DW]]
  return %s : tensor<f32>
}

// -----

// A parameter that does not reach the loss gets no gradient, nor does a frozen
// one: nothing updates them. One that reaches it without a slope gets zeros.
module attributes {mlc.train = {groups = [{pattern = "*.b", frozen = true}]}} {
  graph.parameter @idle : tensor<3xf32> init #graph.init<zeros> role trained
  graph.parameter @h.b : tensor<3xf32> init #graph.init<zeros> role trained
  graph.parameter @flat : tensor<3xf32> init #graph.init<zeros> role trained
  graph.parameter @counted : tensor<3xf32> init #graph.init<zeros> role trained
  // CHECK-LABEL: @train
  // CHECK-SAME: -> (tensor<f32> {graph.loss}, tensor<f32> {graph.metric = "a"}, tensor<3xf32> {graph.gradient = @flat})
  func.func @train(%idle: tensor<3xf32> {graph.param = @idle},
                   %b: tensor<3xf32> {graph.param = @h.b},
                   %flat: tensor<3xf32> {graph.param = @flat},
                   %counted: tensor<3xf32> {graph.param = @counted})
      -> (tensor<f32> {graph.loss}, tensor<f32> {graph.metric = "a"}) {
    %metric = graph.reduce sum %idle dims = [0] : tensor<3xf32> to tensor<f32>
    %whole = graph.floor %flat : tensor<3xf32>
    // Through an integer there is no way for a gradient, as in PyTorch.
    %number = graph.cast %counted : tensor<3xf32> to tensor<3xi32>
    %back = graph.cast %number : tensor<3xi32> to tensor<3xf32>
    %0 = graph.add %b, %whole : tensor<3xf32>
    %1 = graph.add %0, %back : tensor<3xf32>
    %s = graph.reduce sum %1 dims = [0] : tensor<3xf32> to tensor<f32>
    // CHECK: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<3xf32>
    // CHECK: return %{{.*}}, %{{.*}}, %[[ZERO]]
    return %s, %metric : tensor<f32>, tensor<f32>
  }
}

// -----

// The gradient of a broadcast is a sum, with extents of 1 kept.
graph.parameter @b : tensor<1x3xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
func.func @train(%b: tensor<1x3xf32> {graph.param = @b}) -> (tensor<f32> {graph.loss}) {
  %w = graph.broadcast %b dims = [1, 2] : tensor<1x3xf32> to tensor<2x5x3xf32>
  %s = graph.reduce sum %w dims = [0, 1, 2] : tensor<2x5x3xf32> to tensor<f32>
  // CHECK: %[[SUM:.*]] = graph.reduce sum %{{.*}} dims = [0, 1] : tensor<2x5x3xf32> to tensor<3xf32>
  // CHECK: graph.reshape %[[SUM]] keep = [0] to [1] : tensor<3xf32> to tensor<1x3xf32>
  return %s : tensor<f32>
}

// -----

// Only @train is differentiated.
graph.parameter @w : tensor<3xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @eval
// CHECK-SAME: -> (tensor<f32> {graph.loss})
func.func @eval(%w: tensor<3xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  %s = graph.reduce sum %w dims = [0] : tensor<3xf32> to tensor<f32>
  return %s : tensor<f32>
}

// -----

// A master read in bf16: what is summed over the rows is carried in its type,
// through what adds such sums up, and not rounded before.
// CHECK-LABEL: @train
// CHECK-SAME: %[[W:[^:]*]]: tensor<4x2xf32>
graph.parameter @w : tensor<4x2xf32> init #graph.init<zeros> role trained
func.func @train(%w: tensor<4x2xf32> {graph.param = @w}, %x: tensor<3x4xbf16>, %y: tensor<3x4xbf16>)
    -> (tensor<f32> {graph.loss}) {
  %n = graph.cast %w : tensor<4x2xf32> to tensor<4x2xbf16>
  %a = graph.dot %x, %n batch = [] x [] contract = [1] x [0] : tensor<3x4xbf16>, tensor<4x2xbf16> to tensor<3x2xbf16>
  %b = graph.dot %y, %n batch = [] x [] contract = [1] x [0] : tensor<3x4xbf16>, tensor<4x2xbf16> to tensor<3x2xbf16>
  %p = graph.mul %a, %b : tensor<3x2xbf16>
  %f = graph.cast %p : tensor<3x2xbf16> to tensor<3x2xf32>
  %l = graph.reduce sum %f dims = [0, 1] : tensor<3x2xf32> to tensor<f32>
  // CHECK: graph.mul %{{.*}} : tensor<3x2xbf16>
  // CHECK-COUNT-2: graph.dot {{.*}} : tensor<{{.*}}xf32>, tensor<{{.*}}xf32> to tensor<{{.*}}xf32>
  // CHECK: %[[G:.*]] = graph.add {{.*}} : tensor<4x2xf32>
  // CHECK: return %{{.*}}, %[[G]] : tensor<f32>, tensor<4x2xf32>
  return %l : tensor<f32>
}

// -----

// A loop keeps what the loop backwards reads: the carried value for the gradient
// of %w, and the product, from which the tanh is cheap to compute again. The
// gradient of %w is one product over the iterations, after the loop.
graph.parameter @w : tensor<4x4xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
// CHECK-SAME: %[[XS:[^:]*]]: tensor<3x2x4xf32>, %[[H:[^:]*]]: tensor<2x4xf32>, %[[W:[^:]*]]: tensor<4x4xf32>
func.func @train(%xs: tensor<3x2x4xf32>, %h0: tensor<2x4xf32>, %w: tensor<4x4xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  // CHECK: %[[FORWARD:.*]]:4 = graph.scan 3 carry(%[[C:.*]] = %[[H]] : {{.*}}) over(%[[X:.*]] = %[[XS]] : {{.*}}) same(%[[M:.*]] = %[[W]] :
  // CHECK-NEXT: %[[P:.*]] = graph.dot %[[C]], %[[M]]
  // CHECK-NEXT: %[[A:.*]] = graph.add %[[P]], %[[X]]
  // CHECK-NEXT: %[[T:.*]] = graph.tanh %[[A]]
  // CHECK-NEXT: graph.yield %[[T]], %[[T]], %[[C]], %[[P]] :
  %h, %hs = graph.scan 3 carry(%c = %h0 : tensor<2x4xf32>) over(%x = %xs : tensor<3x2x4xf32>) same(%m = %w : tensor<4x4xf32>) {
    %0 = graph.dot %c, %m batch = [] x [] contract = [1] x [0] : tensor<2x4xf32>, tensor<4x4xf32> to tensor<2x4xf32>
    %1 = graph.add %0, %x : tensor<2x4xf32>
    %2 = graph.tanh %1 : tensor<2x4xf32>
    graph.yield %2, %2 : tensor<2x4xf32>, tensor<2x4xf32>
  } : tensor<2x4xf32>, tensor<3x2x4xf32>
  // CHECK: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<2x4xf32>
  // CHECK: %[[BACK:.*]]:2 = graph.scan 3 reverse carry(%[[DC:.*]] = %[[ZERO]] : {{.*}}) over(%[[DY:.*]] = %{{.*}} : {{.*}}, %{{.*}} = %[[FORWARD]]#2 : {{.*}}, %[[KEPT:.*]] = %[[FORWARD]]#3 : {{.*}}, %[[X2:.*]] = %[[XS]] : {{.*}}) same(%[[M2:.*]] = %[[W]] :
  // CHECK-NEXT: %[[A2:.*]] = graph.add %[[KEPT]], %[[X2]]
  // CHECK-NEXT: graph.tanh %[[A2]]
  // CHECK-NEXT: %[[DH:.*]] = graph.add %[[DC]], %[[DY]]
  // CHECK: %[[DP:.*]] = graph.mul %[[DH]], %{{.*}}
  // CHECK-NEXT: %[[NEXT:.*]] = graph.dot %[[DP]], %[[M2]] batch = [] x [] contract = [1] x [1]
  // CHECK-NEXT: graph.yield %[[NEXT]], %[[DP]]
  // CHECK: %[[DW:.*]] = graph.dot %[[FORWARD]]#2, %[[BACK]]#1 batch = [] x [] contract = [0, 1] x [0, 1] : tensor<3x2x4xf32>, tensor<3x2x4xf32> to tensor<4x4xf32>
  // CHECK-NEXT: return %{{.*}}, %[[DW]]
  %s = graph.reduce sum %hs dims = [0, 1, 2] : tensor<3x2x4xf32> to tensor<f32>
  return %s : tensor<f32>
}

// -----

// With `remat` the carried values alone are kept; the product runs again.
graph.parameter @w : tensor<4x4xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
func.func @train(%h0: tensor<2x4xf32>, %w: tensor<4x4xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  // CHECK: %[[FORWARD:.*]]:2 = graph.scan 3 remat carry(%[[C:[^ ]*]] = %
  // CHECK: graph.yield %{{.*}}, %[[C]] :
  %h = graph.scan 3 remat carry(%c = %h0 : tensor<2x4xf32>) same(%m = %w : tensor<4x4xf32>) {
    %0 = graph.dot %c, %m batch = [] x [] contract = [1] x [0] : tensor<2x4xf32>, tensor<4x4xf32> to tensor<2x4xf32>
    %1 = graph.tanh %0 : tensor<2x4xf32>
    graph.yield %1 : tensor<2x4xf32>
  } : tensor<2x4xf32>
  // CHECK: graph.scan 3 reverse carry({{.*}}) over(%[[KEPT:.*]] = %[[FORWARD]]#1 : {{.*}}) same(%[[M:.*]] = %
  // CHECK-NEXT: %[[P:.*]] = graph.dot %[[KEPT]], %[[M]]
  // CHECK-NEXT: graph.tanh %[[P]]
  %s = graph.reduce sum %h dims = [0, 1] : tensor<2x4xf32> to tensor<f32>
  return %s : tensor<f32>
}

// -----

// The gradient of a loop from the last slice runs from the first. What the loss
// does not depend on (%k) has no cotangent, and the gradient of slices is a
// slice each.
graph.parameter @w : tensor<3x4xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
// CHECK-SAME: %[[W:[^:]*]]: tensor<3x4xf32> {graph.param = @w}
func.func @train(%x: tensor<4xf32>, %n: tensor<4xf32>, %w: tensor<3x4xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  // CHECK: %[[FORWARD:.*]]:3 = graph.scan 3 reverse
  %y, %z = graph.scan 3 reverse carry(%c = %x : tensor<4xf32>, %k = %n : tensor<4xf32>) over(%m = %w : tensor<3x4xf32>) {
    %k1 = graph.add %k, %k : tensor<4xf32>
    %0 = graph.mul %c, %m : tensor<4xf32>
    %1 = graph.add %0, %k : tensor<4xf32>
    graph.yield %1, %k1 : tensor<4xf32>, tensor<4xf32>
  } : tensor<4xf32>, tensor<4xf32>
  // CHECK: %[[BACK:.*]]:2 = graph.scan 3 carry(%[[DC:.*]] = %{{[^:]*}} : tensor<4xf32>) over(%[[C:.*]] = %[[FORWARD]]#2 : {{.*}}, %[[M:.*]] = %[[W]] : tensor<3x4xf32>) {
  // CHECK-DAG: %[[NEXT:.*]] = graph.mul %[[DC]], %[[M]]
  // CHECK-DAG: %[[DM:.*]] = graph.mul %[[DC]], %[[C]]
  // CHECK: graph.yield %[[NEXT]], %[[DM]]
  // CHECK: return %{{.*}}, %[[BACK]]#1
  %s = graph.reduce sum %y dims = [0] : tensor<4xf32> to tensor<f32>
  return %s : tensor<f32>
}

// -----

// A loop in a loop runs again in the loop backwards, before its own gradient;
// the cotangent of what is the same in it is a sum over its iterations.
graph.parameter @w : tensor<3x4xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
func.func @train(%x: tensor<4xf32>, %w: tensor<3x4xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  // CHECK: %[[FORWARD:.*]]:2 = graph.scan 3 carry(%[[C:[^ ]*]] = %
  // CHECK: graph.yield %{{.*}}, %[[C]] :
  %y = graph.scan 3 carry(%c = %x : tensor<4xf32>) over(%m = %w : tensor<3x4xf32>) {
    %i = graph.scan 2 carry(%d = %c : tensor<4xf32>) same(%v = %m : tensor<4xf32>) {
      %0 = graph.mul %d, %v : tensor<4xf32>
      graph.yield %0 : tensor<4xf32>
    } : tensor<4xf32>
    graph.yield %i : tensor<4xf32>
  } : tensor<4xf32>
  // CHECK: graph.scan 3 reverse carry(%[[DC:.*]] = %{{.*}}) over(%[[KEPT:.*]] = %[[FORWARD]]#1 : {{.*}}, %[[M:.*]] = %
  // CHECK-NEXT: %[[AGAIN:.*]]:2 = graph.scan 2 carry(%{{.*}} = %[[KEPT]] : {{.*}}) same(%{{.*}} = %[[M]] :
  // CHECK: %[[INNER:.*]]:2 = graph.scan 2 reverse carry(%{{.*}} = %[[DC]] : {{.*}}) over(%{{.*}} = %[[AGAIN]]#1 : {{.*}}) same(%{{.*}} = %[[M]] :
  // CHECK: %[[SUM:.*]] = graph.reduce sum %[[INNER]]#1 dims = [0] : tensor<2x4xf32> to tensor<4xf32>
  // CHECK: graph.yield %[[INNER]]#0, %[[SUM]]
  %s = graph.reduce sum %y dims = [0] : tensor<4xf32> to tensor<f32>
  return %s : tensor<f32>
}

// -----

// A gradient of a layer's own takes the place of the derivative: %y needs no
// cotangent, and the one of the result that nobody reads is 0.
graph.parameter @w : tensor<3xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
func.func @train(%w: tensor<3xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  // CHECK: %[[Y:.*]] = graph.exp %[[W:.*]] :
  %y = graph.exp %w : tensor<3xf32>
  %r:2 = graph.custom_gradient %y, %y of(%w : tensor<3xf32>) {
  ^bb0(%a: tensor<3xf32>, %da: tensor<3xf32>, %db: tensor<3xf32>):
    %0 = graph.mul %a, %da : tensor<3xf32>
    %1 = graph.sub %0, %db : tensor<3xf32>
    graph.cotangents %1 : tensor<3xf32>
  } : tensor<3xf32>, tensor<3xf32>
  // CHECK: %[[S:.*]] = graph.reduce sum %[[Y]]
  %s = graph.reduce sum %r#0 dims = [0] : tensor<3xf32> to tensor<f32>
  // CHECK: %[[D:.*]] = graph.broadcast
  // CHECK: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<3xf32>
  // CHECK: %[[M:.*]] = graph.mul %[[W]], %[[D]]
  // CHECK: %[[G:.*]] = graph.sub %[[M]], %[[ZERO]]
  // CHECK-NEXT: return %[[S]], %[[G]]
  return %s : tensor<f32>
}

// -----

// Without a parameter, and in other programs, the values remain.
// CHECK-LABEL: @infer
// CHECK-NEXT: return %arg0
func.func @infer(%x: tensor<3xf32> {graph.input = "x"}) -> (tensor<3xf32> {graph.output = "y"}) {
  %r = graph.custom_gradient %x of(%x : tensor<3xf32>) {
  ^bb0(%a: tensor<3xf32>, %d: tensor<3xf32>):
    graph.cotangents %d : tensor<3xf32>
  } : tensor<3xf32>
  return %r : tensor<3xf32>
}

// -----

// Inside of a loop the backward loop has it.
graph.parameter @w : tensor<3xf32> init #graph.init<zeros> role trained
// CHECK-LABEL: @train
func.func @train(%w: tensor<3xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
  %r = graph.scan 4 carry(%c = %w : tensor<3xf32>) {
    %y = graph.exp %c : tensor<3xf32>
    %q = graph.custom_gradient %y of(%c : tensor<3xf32>) {
    ^bb0(%a: tensor<3xf32>, %d: tensor<3xf32>):
      %0 = graph.maximum %a, %d : tensor<3xf32>
      graph.cotangents %0 : tensor<3xf32>
    } : tensor<3xf32>
    graph.yield %q : tensor<3xf32>
  } : tensor<3xf32>
  // CHECK: graph.scan 4 reverse
  // CHECK: graph.maximum
  // CHECK-NOT: custom_gradient
  %s = graph.reduce sum %r dims = [0] : tensor<3xf32> to tensor<f32>
  return %s : tensor<f32>
}
