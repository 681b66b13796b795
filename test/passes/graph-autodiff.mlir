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
