// RUN: mlc-opt %s -split-input-file -dist-create-mesh -dist-propagate-layouts -dist-insert-collectives -dist-partition -verify-diagnostics | FileCheck %s

// 8 rows in 4 micro-batches of 2.
module attributes {mlc.train = {microbatches = 4 : i64}} {
  // CHECK-LABEL: @train
  // CHECK-SAME: %[[X:[^:]*]]: tensor<2x4xf32, #{{[^>]*}}> {graph.input = "x"}, %[[C:[^:]*]]: tensor<f32
  // CHECK-SAME: %[[W:[^:]*]]: tensor<f32
  func.func @train(%x: tensor<8x4xf32> {graph.input = "x"}, %c: tensor<f32>, %w: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
    // The loop needs the reciprocal, and not the square.
    // CHECK-NEXT: %[[E:.*]] = graph.exp %[[C]]
    // CHECK-NEXT: %[[L:.*]]:2 = dist.microbatch_loop (%[[R:.*]] = %[[X]] : tensor<2x4xf32
    // CHECK-NEXT: %[[B:.*]] = graph.broadcast %[[E]] dims = [] : {{.*}} to tensor<2x4xf32
    // CHECK-NEXT: %[[M:.*]] = graph.mul %[[R]], %[[B]] : tensor<2x4xf32
    // CHECK-NEXT: %[[S:.*]] = graph.reduce sum %[[M]] dims = [0, 1]
    // CHECK-NEXT: %[[T:.*]] = graph.reduce sum %[[M]] dims = [0]
    // CHECK-NEXT: dist.yield %[[S]], %[[T]]
    %e = graph.exp %c : tensor<f32>
    %b = graph.broadcast %e dims = [] : tensor<f32> to tensor<8x4xf32>
    %m = graph.mul %x, %b : tensor<8x4xf32>
    %q = graph.mul %w, %w : tensor<f32>
    %s = graph.reduce sum %m dims = [0, 1] : tensor<8x4xf32> to tensor<f32>
    %t = graph.reduce sum %m dims = [0] : tensor<8x4xf32> to tensor<4xf32>
    // Scalars come last.
    // CHECK: %[[T1:.*]] = dist.all_reduce sum %[[L]]#1
    // CHECK: %[[S1:.*]] = dist.all_reduce sum %[[L]]#0
    // CHECK: %[[Q:.*]] = graph.mul %[[W]], %[[W]]
    // CHECK: graph.div %[[S1]], %[[Q]]
    %d = graph.div %s, %q : tensor<f32>
    %u = graph.mul %t, %t : tensor<4xf32>
    %v = graph.reduce sum %u dims = [0] : tensor<4xf32> to tensor<f32>
    return %d, %v : tensor<f32>, tensor<f32>
  }

  // The batch of an evaluation is one micro-batch.
  // CHECK-LABEL: @eval
  // CHECK: dist.microbatch_loop (%{{.*}} = %{{.*}} : tensor<8xf32
  func.func @eval(%x: tensor<8xf32> {graph.input = "x"}) -> tensor<f32> {
    %s = graph.reduce sum %x dims = [0] : tensor<8xf32> to tensor<f32>
    return %s : tensor<f32>
  }

  // CHECK-LABEL: @infer
  // CHECK-NOT: dist.microbatch_loop
  // CHECK: graph.exp %{{.*}} : tensor<8xf32
  func.func @infer(%x: tensor<8xf32> {graph.input = "x"}) -> (tensor<8xf32> {graph.output = "y"}) {
    %s = graph.exp %x : tensor<8xf32>
    return %s : tensor<8xf32>
  }
}

// -----

func.func @nonlinear(%x: tensor<8xf32> {graph.input = "x"}) -> tensor<f32> {
  // expected-note @below {{the batch reduction is here}}
  %s = graph.reduce sum %x dims = [0] : tensor<8xf32> to tensor<f32>
  // expected-error @below {{nonlinear use of a batch reduction: every row would need the sum over the whole batch, which is known only after the last micro-batch}}
  %b = graph.broadcast %s dims = [] : tensor<f32> to tensor<8xf32>
  %d = graph.sub %x, %b : tensor<8xf32>
  %t = graph.reduce sum %d dims = [0] : tensor<8xf32> to tensor<f32>
  return %t : tensor<f32>
}

// -----

// expected-note @below {{in @infer}}
func.func @infer(%x: tensor<8xf32> {graph.input = "x"}) -> tensor<f32> {
  // expected-error @below {{an output reduces over the batch; the outputs of a row may depend on that row only}}
  %s = graph.reduce sum %x dims = [0] : tensor<8xf32> to tensor<f32>
  return %s : tensor<f32>
}

// -----

func.func @eval(%x: tensor<8xf32> {graph.input = "x"}) -> (tensor<8xf32> {graph.output = "y"}) {
  // expected-error @below {{result #0 of @eval has a value for every row; only @infer may give one}}
  %s = graph.exp %x : tensor<8xf32>
  return %s : tensor<8xf32>
}

// -----

module attributes {mlc.train = {microbatches = 3 : i64}} {
  // expected-error @below {{cannot cut 8 rows into 3 micro-batches}}
  func.func @train(%x: tensor<8xf32> {graph.input = "x"}) -> tensor<f32> {
    %s = graph.reduce sum %x dims = [0] : tensor<8xf32> to tensor<f32>
    return %s : tensor<f32>
  }
}

// -----

// Two rows of 3 become three rows of 2: the middle one has parts of both.
module attributes {mlc.train = {microbatches = 4 : i64}} {
  func.func @train(%x: tensor<4x3xf32> {graph.input = "x"}) -> tensor<3xf32> {
    // expected-error @below {{mixes rows of the batch: it can be cut into at most 2 parts, but there are 4 micro-batches}}
    %r = graph.reshape %x : tensor<4x3xf32> to tensor<6x2xf32>
    %s = graph.reduce sum %r dims = [1] : tensor<6x2xf32> to tensor<6xf32>
    %t = graph.reshape %s : tensor<6xf32> to tensor<2x3xf32>
    %u = graph.reduce sum %t dims = [0] : tensor<2x3xf32> to tensor<3xf32>
    return %u : tensor<3xf32>
  }
}

// -----

// One row in a micro-batch: of the extents of 1, the layouts say which is the
// batch, before a dimension or together with it.
module attributes {mlc.train = {microbatches = 2 : i64}} {
  // CHECK-LABEL: @train
  // CHECK: dist.microbatch_loop
  // CHECK: graph.reshape %{{.*}} : tensor<1x4xf32, {{.*}}> to tensor<1x1x4xf32
  // CHECK: graph.reshape %{{.*}} : tensor<1x1x4xf32, {{.*}}> to tensor<1x4xf32
  // CHECK: graph.reshape %{{.*}} : tensor<1x4xf32, {{.*}}> to tensor<4xf32
  func.func @train(%x: tensor<2x4xf32> {graph.input = "x"}) -> tensor<f32> {
    %a = graph.reshape %x : tensor<2x4xf32> to tensor<1x2x4xf32>
    %b = graph.exp %a : tensor<1x2x4xf32>
    %c = graph.reshape %b : tensor<1x2x4xf32> to tensor<2x4xf32>
    %d = graph.exp %c : tensor<2x4xf32>
    %e = graph.reshape %d : tensor<2x4xf32> to tensor<8xf32>
    %s = graph.reduce sum %e dims = [0] : tensor<8xf32> to tensor<f32>
    return %s : tensor<f32>
  }
}

// -----

// A program that needs no rows has no loop; its arguments are still those of
// one micro-batch.
module attributes {mlc.train = {microbatches = 4 : i64}} {
  // CHECK-LABEL: @train
  // CHECK-SAME: tensor<2x4xf32, #{{[^>]*}}> {graph.input = "x"}
  // CHECK-NOT: dist.microbatch_loop
  // CHECK: graph.exp
  func.func @train(%x: tensor<8x4xf32> {graph.input = "x"}, %w: tensor<f32>) -> tensor<f32> {
    %e = graph.exp %w : tensor<f32>
    return %e : tensor<f32>
  }
}

// -----

// A loop has the rows of one micro-batch inside as outside, and its sum goes to
// the all-reduce after the last one. A loop without rows stays before.
module attributes {mlc.train = {microbatches = 4 : i64}} {
  // CHECK-LABEL: @train
  // CHECK-SAME: %[[X:[^:]*]]: tensor<2x3x4xf32
  // CHECK-SAME: %[[W:[^:]*]]: tensor<3x4xf32
  func.func @train(%x: tensor<8x3x4xf32> {graph.input = "x"}, %w: tensor<3x4xf32>, %first: tensor<4xf32>) -> tensor<4xf32> {
    // CHECK-NEXT: %[[S:.*]] = graph.scan 3 carry({{.*}}) over(
    // CHECK: %[[L:.*]] = dist.microbatch_loop (%[[R:.*]] = %[[X]] : tensor<2x3x4xf32
    // CHECK-NEXT: %[[T:.*]] = graph.transpose %[[R]] {{.*}} to tensor<3x2x4xf32
    // CHECK: %[[Z:.*]] = graph.constant dense<0.000000e+00> : tensor<4xf32, #[[PART:.*]]>
    // CHECK: %[[H:.*]] = graph.scan 3 carry(%[[C:.*]] = %[[Z]] : tensor<4xf32, #[[PART]]>) over(%[[V:.*]] = %[[T]] : tensor<3x2x4xf32, #{{[^>]*}}>) same(%[[Q:.*]] = %[[S]] :
    // CHECK: %[[B:.*]] = graph.broadcast %[[Q]] dims = [1] : {{.*}} to tensor<2x4xf32
    // CHECK: %[[M:.*]] = graph.mul %[[V]], %[[B]] : tensor<2x4xf32
    // CHECK: %[[P:.*]] = graph.reduce sum %[[M]] dims = [0] : tensor<2x4xf32
    // CHECK: graph.yield
    // CHECK: dist.yield %[[H]]
    // CHECK: dist.all_reduce sum %[[L]]
    %s = graph.scan 3 carry(%c = %first : tensor<4xf32>) over(%v = %w : tensor<3x4xf32>) {
      %0 = graph.mul %c, %v : tensor<4xf32>
      graph.yield %0 : tensor<4xf32>
    } : tensor<4xf32>
    %xs = graph.transpose %x perm = [1, 0, 2] : tensor<8x3x4xf32> to tensor<3x8x4xf32>
    %zero = graph.constant dense<0.0> : tensor<4xf32>
    %h = graph.scan 3 carry(%c = %zero : tensor<4xf32>) over(%v = %xs : tensor<3x8x4xf32>) same(%q = %s : tensor<4xf32>) {
      %0 = graph.broadcast %q dims = [1] : tensor<4xf32> to tensor<8x4xf32>
      %1 = graph.mul %v, %0 : tensor<8x4xf32>
      %2 = graph.reduce sum %1 dims = [0] : tensor<8x4xf32> to tensor<4xf32>
      %3 = graph.add %c, %2 : tensor<4xf32>
      graph.yield %3 : tensor<4xf32>
    } : tensor<4xf32>
    return %h : tensor<4xf32>
  }
}
