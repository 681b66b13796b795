// RUN: mlc-opt %s -split-input-file -graph-insert-optimizer | FileCheck %s

// Plain SGD: w - lr * g, the rate computed in f64 and cast at the end.
module attributes {mlc.train = {optimizer = {kind = "sgd", lr = {kind = "constant", value = 0.5 : f64}}}} {
  // CHECK: graph.parameter @w
  // CHECK-NOT: graph.parameter
  graph.parameter @w : tensor<3xf32> init #graph.init<zeros> role trained
  // CHECK-LABEL: @train
  // CHECK-SAME: %[[W:[^:]*]]: tensor<3xf32> {graph.param = @w}
  // CHECK-SAME: -> (tensor<f32> {graph.loss}, tensor<3xf32> {graph.update = @w})
  func.func @train(%w: tensor<3xf32> {graph.param = @w}, %g: tensor<3xf32>, %l: tensor<f32>)
      -> (tensor<f32> {graph.loss}, tensor<3xf32> {graph.gradient = @w}) {
    // CHECK: %[[RATE:.*]] = graph.constant dense<5.000000e-01> : tensor<f64>
    // CHECK: %[[CAST:.*]] = graph.cast %[[RATE]] : tensor<f64> to tensor<f32>
    // CHECK: %[[ALL:.*]] = graph.broadcast %[[CAST]]
    // CHECK: %[[STEP:.*]] = graph.mul %[[ALL]], %{{.*}}
    // CHECK: graph.sub %[[W]], %[[STEP]]
    return %l, %g : tensor<f32>, tensor<3xf32>
  }
}

// -----

// Adam keeps two moments as parameters; the group's weight decay replaces the
// optimizer's.
module attributes {mlc.train = {optimizer = {kind = "adamw", lr = {kind = "constant", value = 0.5 : f64}, weight_decay = 0.1 : f64},
                                groups = [{pattern = "*.b", weight_decay = 0.0 : f64}]}} {
  // CHECK: graph.parameter @h.b :
  // CHECK: graph.parameter @"h.b#adamw.m" : tensor<3xf32> init #graph.init<zeros> role optimizer
  // CHECK: graph.parameter @"h.b#adamw.v" : tensor<3xf32> init #graph.init<zeros> role optimizer
  graph.parameter @h.b : tensor<3xf32> init #graph.init<zeros> role trained
  // CHECK-LABEL: @train
  // CHECK-SAME: tensor<3xf32> {graph.update = @"h.b#adamw.m"}, tensor<3xf32> {graph.update = @"h.b#adamw.v"}, tensor<3xf32> {graph.update = @h.b}
  func.func @train(%b: tensor<3xf32> {graph.param = @h.b}, %g: tensor<3xf32>)
      -> (tensor<3xf32> {graph.gradient = @h.b}) {
    // CHECK-NOT: dense<{{.*}}1.000000e-01> : tensor<f64>
    // CHECK: graph.pow
    return %g : tensor<3xf32>
  }
}

// -----

// One norm over gradients of several types: in f64 if one is, else in f32.
module attributes {mlc.train = {clip_norm = 0.5 : f64, optimizer = {kind = "sgd", lr = {kind = "constant", value = 0.5 : f64}}}} {
  graph.parameter @w : tensor<3xf32> init #graph.init<zeros> role trained
  graph.parameter @v : tensor<bf16> init #graph.init<zeros> role trained
  // CHECK-LABEL: @train
  // CHECK-SAME: %[[G:[^:]*]]: tensor<3xf32>, %[[H:[^:]*]]: tensor<bf16>, %{{[^:]*}}: tensor<f32>
  func.func @train(%g: tensor<3xf32>, %h: tensor<bf16>, %l: tensor<f32>, %w: tensor<3xf32> {graph.param = @w}, %v: tensor<bf16> {graph.param = @v})
      -> (tensor<f32> {graph.loss}, tensor<3xf32> {graph.gradient = @w}, tensor<bf16> {graph.gradient = @v}) {
    // CHECK: %[[GG:.*]] = graph.mul %[[G]], %[[G]] : tensor<3xf32>
    // CHECK: %[[SUM:.*]] = graph.reduce sum %[[GG]]
    // CHECK: %[[WIDE:.*]] = graph.cast %[[H]] : tensor<bf16> to tensor<f32>
    // CHECK: %[[HH:.*]] = graph.mul %[[WIDE]], %[[WIDE]] : tensor<f32>
    // CHECK: %[[TOTAL:.*]] = graph.add %[[SUM]], %[[HH]]
    // CHECK: %[[NORM:.*]] = graph.sqrt %[[TOTAL]]
    // CHECK: %[[FACTOR:.*]] = graph.minimum
    // CHECK: %[[NARROW:.*]] = graph.cast %[[FACTOR]] : tensor<f32> to tensor<bf16>
    // CHECK: %[[SMALL:.*]] = graph.broadcast %[[NARROW]]
    // CHECK: graph.mul %[[H]], %[[SMALL]] : tensor<bf16>
    return %l, %g, %h : tensor<f32>, tensor<3xf32>, tensor<bf16>
  }
}

// -----

// With `ema` an average of its own, which the other programs read; the first
// step's value is the average as it is.
module attributes {mlc.train = {ema = 0.75 : f64, optimizer = {kind = "sgd", lr = {kind = "constant", value = 0.5 : f64}}}} {
  // CHECK: graph.parameter @w :
  // CHECK-NEXT: graph.parameter @"w#ema" : tensor<3xf32> init #graph.init<zeros> role optimizer {graph.average_of = @w}
  graph.parameter @w : tensor<3xf32> init #graph.init<zeros> role trained
  // CHECK-LABEL: @train
  // CHECK-SAME: %[[OLD:[^:]*]]: tensor<3xf32> {graph.param = @"w#ema"}
  // CHECK-SAME: tensor<3xf32> {graph.update = @w}, tensor<3xf32> {graph.update = @"w#ema"}
  func.func @train(%w: tensor<3xf32> {graph.param = @w}, %g: tensor<3xf32>)
      -> (tensor<3xf32> {graph.gradient = @w}) {
    // CHECK: %[[NEW:.*]] = graph.sub
    // CHECK: graph.mul %[[OLD]]
    // CHECK: %[[AVERAGE:.*]] = graph.add
    // CHECK: %[[KEPT:.*]] = graph.select %{{.*}}, %[[NEW]], %[[AVERAGE]]
    // CHECK: return %[[NEW]], %[[KEPT]]
    return %g : tensor<3xf32>
  }
  // CHECK-LABEL: @eval
  // CHECK-SAME: {graph.param = @"w#ema"}
  func.func @eval(%w: tensor<3xf32> {graph.param = @w}) -> (tensor<3xf32> {graph.metric = "w"}) {
    return %w : tensor<3xf32>
  }
}
