// RUN: mlc-opt %s -split-input-file -plan-schedule | FileCheck %s
// RUN: mlc-opt %s -split-input-file -plan-schedule=fusion=none | FileCheck %s --check-prefix=NONE
// RUN: mlc-opt %s -split-input-file -plan-schedule=fusion=elementwise | FileCheck %s --check-prefix=ELEMENTWISE

// A product takes its bias and activation, which others read; the sum of a
// square takes the square.
// CHECK-LABEL: module @epilogue
// CHECK: plan.kernel @k0_dot
// CHECK: graph.dot
// CHECK: graph.broadcast
// CHECK: graph.add
// CHECK: graph.relu
// CHECK: plan.return
// CHECK: plan.kernel @k1_reduce
// CHECK: graph.mul
// CHECK: graph.reduce
// CHECK: plan.program @infer rows = 8
// CHECK-NEXT: plan.call @k0_dot(@infer.x, @w, @b, @infer.h)
// CHECK-NEXT: plan.call @k1_reduce(@infer.h, @infer.s)
// CHECK-NEXT: }
// NONE-LABEL: module @epilogue
// NONE-COUNT-5: plan.call
// ELEMENTWISE-LABEL: module @epilogue
// ELEMENTWISE: plan.kernel @k1_map
// ELEMENTWISE: graph.add
// ELEMENTWISE: graph.relu
// ELEMENTWISE-COUNT-4: plan.call
module @epilogue {
  graph.parameter @w : tensor<4x4xf32> init #graph.init<zeros> role trained
  graph.parameter @b : tensor<4xf32> init #graph.init<zeros> role trained
  func.func @infer(%x: tensor<8x4xf32> {graph.input = "x"}, %w: tensor<4x4xf32> {graph.param = @w},
                   %b: tensor<4xf32> {graph.param = @b}) -> (tensor<8xf32> {graph.output = "s"}, tensor<8x4xf32> {graph.output = "h"}) {
    %0 = graph.dot %x, %w batch = [] x [] contract = [1] x [0] : tensor<8x4xf32>, tensor<4x4xf32> to tensor<8x4xf32>
    %1 = graph.broadcast %b dims = [1] : tensor<4xf32> to tensor<8x4xf32>
    %2 = graph.add %0, %1 : tensor<8x4xf32>
    %3 = graph.relu %2 : tensor<8x4xf32>
    %c = graph.constant dense<0.5> : tensor<8x4xf32>
    %4 = graph.mul %3, %c : tensor<8x4xf32>
    %5 = graph.reduce sum %4 dims = [1] : tensor<8x4xf32> to tensor<8xf32>
    return %5, %3 : tensor<8xf32>, tensor<8x4xf32>
  }
}

// -----

// %1 needs a reduction of %0, so that %0 and %1 cannot share a kernel: it would
// wait for itself.
// CHECK-LABEL: module @no_cycle
// CHECK: plan.program
// CHECK-NEXT: plan.call @k0_dot
// CHECK-NEXT: plan.call @k1_reduce
// CHECK-NEXT: plan.call @k2_sub
module @no_cycle {
  func.func @infer(%x: tensor<4x4xf32> {graph.input = "x"}) -> (tensor<4x4xf32> {graph.output = "y"}) {
    %0 = graph.dot %x, %x batch = [] x [] contract = [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %r = graph.reduce max %0 dims = [1] : tensor<4x4xf32> to tensor<4xf32>
    %b = graph.broadcast %r dims = [0] : tensor<4xf32> to tensor<4x4xf32>
    %1 = graph.sub %0, %b : tensor<4x4xf32>
    return %1 : tensor<4x4xf32>
  }
}

// -----

// Kernels of one structure are one.
// CHECK-LABEL: module @deduplicates
// CHECK-COUNT-1: plan.kernel
// CHECK-NOT: plan.kernel
// CHECK: plan.call @k0_exp(@infer.x, @infer.a)
// CHECK-NEXT: plan.call @k0_exp(@infer.y, @infer.b)
// CHECK-NEXT: }
module @deduplicates {
  func.func @infer(%x: tensor<4x4xf32> {graph.input = "x"}, %y: tensor<4x4xf32> {graph.input = "y"})
      -> (tensor<4x4xf32> {graph.output = "a"}, tensor<4x4xf32> {graph.output = "b"}) {
    %0 = graph.exp %x : tensor<4x4xf32>
    %1 = graph.exp %y : tensor<4x4xf32>
    return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>
  }
}

// -----

// A reshape is a view of the input: the kernel reads it in the other shape.
// CHECK-LABEL: module @views
// CHECK: plan.kernel @k0_dot(%{{.*}}: tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NOT: graph.reshape
// CHECK: plan.call @k0_dot(@infer.x, @infer.y)
module @views {
  func.func @infer(%x: tensor<4x2x2xf32> {graph.input = "x"}) -> (tensor<4x2x2xf32> {graph.output = "y"}) {
    %0 = graph.reshape %x : tensor<4x2x2xf32> to tensor<4x4xf32>
    %1 = graph.dot %0, %0 batch = [] x [] contract = [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %2 = graph.reshape %1 : tensor<4x4xf32> to tensor<4x2x2xf32>
    return %2 : tensor<4x2x2xf32>
  }
}

// -----

// The new values of an update are written over the old ones by their last
// reader.
// CHECK-LABEL: module @in_place
// CHECK: plan.kernel {{.*}} attributes {{.*}}in_place = array<i64: 0, 3>
// CHECK: plan.program
// CHECK-NEXT: plan.call @k0_map(@m, @train.g, @train.s, @w, @m, @w)
// CHECK-NEXT: }
module @in_place {
  graph.parameter @w : tensor<4xf32> init #graph.init<zeros> role trained
  graph.parameter @m : tensor<4xf32> init #graph.init<zeros> role optimizer
  func.func @train(%w: tensor<4xf32> {graph.param = @w}, %m: tensor<4xf32> {graph.param = @m},
                   %g: tensor<4xf32> {graph.input = "g"}, %s: tensor<4xf32> {graph.input = "s"})
      -> (tensor<4xf32> {graph.update = @m}, tensor<4xf32> {graph.update = @w}) {
    %0 = graph.add %m, %g : tensor<4xf32>
    %1 = graph.mul %0, %s : tensor<4xf32>
    %2 = graph.sub %w, %1 : tensor<4xf32>
    return %0, %2 : tensor<4xf32>, tensor<4xf32>
  }
}

// -----

// The old value is read after the new one is there, in another order of
// elements, or by another parameter: through memory of its own.
// CHECK-LABEL: module @not_in_place
// CHECK-NOT: in_place
// CHECK: plan.program
// CHECK-NEXT: plan.call @k0_sub(@w, @train.g, @[[T:.*]])
// CHECK-NEXT: plan.call @k1_reduce(@w, @train.loss)
// CHECK-NEXT: plan.copy @[[T]] to @w bytes = 64
module @not_in_place {
  graph.parameter @w : tensor<4x4xf32> init #graph.init<zeros> role trained
  func.func @train(%w: tensor<4x4xf32> {graph.param = @w}, %g: tensor<4x4xf32> {graph.input = "g"})
      -> (tensor<4x4xf32> {graph.update = @w}, tensor<f32> {graph.loss}) {
    %0 = graph.sub %w, %g : tensor<4x4xf32>
    %1 = graph.reduce sum %w dims = [0, 1] : tensor<4x4xf32> to tensor<f32>
    return %0, %1 : tensor<4x4xf32>, tensor<f32>
  }
}

// -----

// CHECK-LABEL: module @other_elements
// CHECK: plan.call @k0_dot(@w, @train.g, @[[T:.*]])
// CHECK-NEXT: plan.copy @[[T]] to @w bytes = 64
module @other_elements {
  graph.parameter @w : tensor<4x4xf32> init #graph.init<zeros> role trained
  func.func @train(%w: tensor<4x4xf32> {graph.param = @w}, %g: tensor<4x4xf32> {graph.input = "g"})
      -> (tensor<4x4xf32> {graph.update = @w}) {
    %0 = graph.dot %w, %g batch = [] x [] contract = [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %1 = graph.add %0, %w : tensor<4x4xf32>
    return %1 : tensor<4x4xf32>
  }
}

// -----

// CHECK-LABEL: module @swap
// CHECK: plan.program
// CHECK-NEXT: plan.copy @b to @train.t bytes = 16
// CHECK-NEXT: plan.copy @a to @train.t.1 bytes = 16
// CHECK-NEXT: plan.copy @train.t to @a bytes = 16
// CHECK-NEXT: plan.copy @train.t.1 to @b bytes = 16
module @swap {
  graph.parameter @a : tensor<4xf32> init #graph.init<zeros> role state
  graph.parameter @b : tensor<4xf32> init #graph.init<zeros> role state
  func.func @train(%a: tensor<4xf32> {graph.param = @a}, %b: tensor<4xf32> {graph.param = @b})
      -> (tensor<4xf32> {graph.update = @a}, tensor<4xf32> {graph.update = @b}) {
    return %b, %a : tensor<4xf32>, tensor<4xf32>
  }
}

// -----

// %2 would be elementwise in %0 but for the reshapes around it, which make no
// difference together: it reads %0 itself.
// CHECK-LABEL: module @there_and_back
// CHECK: plan.call @k0_map(@infer.x, @[[T:[^,]*]], @infer.o)
// CHECK-NEXT: plan.call @k1_reduce(@[[T]], @infer.p)
module @there_and_back {
  func.func @infer(%x: tensor<1x4xf32> {graph.input = "x"}) -> (tensor<1x4xf32> {graph.output = "o"}, tensor<1xf32> {graph.output = "p"}) {
    %0 = graph.tanh %x : tensor<1x4xf32>
    %1 = graph.reshape %0 : tensor<1x4xf32> to tensor<4xf32>
    %2 = graph.exp %1 : tensor<4xf32>
    %3 = graph.reshape %2 : tensor<4xf32> to tensor<1x4xf32>
    %4 = graph.mul %3, %0 : tensor<1x4xf32>
    %5 = graph.mul %1, %1 : tensor<4xf32>
    %6 = graph.reshape %5 : tensor<4xf32> to tensor<1x4xf32>
    %7 = graph.reduce sum %6 dims = [1] : tensor<1x4xf32> to tensor<1xf32>
    return %4, %7 : tensor<1x4xf32>, tensor<1xf32>
  }
}

// -----

// A kernel does not read through a view what it writes.
// CHECK-LABEL: module @behind_a_view
// CHECK: plan.call @k0_tanh(@infer.x, @[[T:[^,]*]])
// CHECK-NEXT: plan.call @k1_mul(@[[T]], @[[T]], @infer.o)
module @behind_a_view {
  func.func @infer(%x: tensor<1x4xf32> {graph.input = "x"}) -> (tensor<1x4xf32> {graph.output = "o"}) {
    %0 = graph.tanh %x : tensor<1x4xf32>
    %1 = graph.reshape %0 : tensor<1x4xf32> to tensor<4xf32>
    %2 = graph.reshape %1 : tensor<4xf32> to tensor<1x4xf32>
    %3 = graph.mul %2, %0 : tensor<1x4xf32>
    return %3 : tensor<1x4xf32>
  }
}

// -----

// A scalar that the loop broadcasts into memory is computed before the loop,
// not together with the scalars after it.
// CHECK-LABEL: module @before_the_loop
// CHECK: plan.program @train
// CHECK-NEXT: plan.call @[[BEFORE:.*]](@train.count, @[[RATE:[^,)]*]]
// CHECK-NEXT: plan.loop
// CHECK-NEXT: plan.call @{{.*}}broadcast(@[[RATE]]
module @before_the_loop attributes {mlc.mesh = [{name = "data", size = 1 : i64}], mlc.train = {microbatches = 1 : i64}} {
  dist.mesh @mesh ["data"] sizes = [1]
  func.func @train(%x: tensor<4xf32, #dist.layout<@mesh, [{"data"}]>> {graph.input = "x"},
                   %c: tensor<i64, #dist.layout<@mesh, []>> {graph.count})
      -> (tensor<f32, #dist.layout<@mesh, []>> {graph.loss}) {
    %n = graph.cast %c : tensor<i64, #dist.layout<@mesh, []>> to tensor<f32, #dist.layout<@mesh, []>>
    %one = graph.constant dense<1.0> : tensor<f32, #dist.layout<@mesh, []>>
    %rate = graph.div %one, %n : tensor<f32, #dist.layout<@mesh, []>>
    %p = dist.microbatch_loop (%r = %x : tensor<4xf32, #dist.layout<@mesh, [{"data"}]>>) {
      %b = graph.broadcast %rate dims = [] : tensor<f32, #dist.layout<@mesh, []>> to tensor<4xf32, #dist.layout<@mesh, [{"data"}]>>
      %d = graph.dot %r, %b batch = [] x [] contract = [0] x [0] : tensor<4xf32, #dist.layout<@mesh, [{"data"}]>>, tensor<4xf32, #dist.layout<@mesh, [{"data"}]>> to tensor<f32, #dist.layout<@mesh, [], partial = ["data"]>>
      dist.yield %d : tensor<f32, #dist.layout<@mesh, [], partial = ["data"]>>
    } : tensor<f32, #dist.layout<@mesh, [], partial = ["data"]>>
    %s = dist.all_reduce sum %p over ["data"] {id = 0 : i64, label = "loss"} : tensor<f32, #dist.layout<@mesh, [], partial = ["data"]>>
    %l = graph.mul %s, %rate : tensor<f32, #dist.layout<@mesh, []>>
    return %l : tensor<f32, #dist.layout<@mesh, []>>
  }
}

// -----

// The loop's sums lie side by side, where its kernels write them; one value
// yielded twice is copied.
// CHECK-LABEL: module @bucket
// CHECK: plan.buffer @train.bucket0 communication : tensor<9xf32>
// CHECK: plan.buffer @train.bucket0.microbatch transient : tensor<9xf32>
// CHECK: plan.program @train rows = 2
// CHECK-SAME: sum_level_bytes = 64
// CHECK-NEXT: plan.loop count = 0 sums = [#plan.loop_sum<sum <@train.bucket0.microbatch> to <@train.bucket0> : tensor<9xf32>>] {
// CHECK-NEXT: plan.call @k0_reduce(@train.x, @train.bucket0.microbatch)
// CHECK-NEXT: plan.call @k1_reduce(@train.x, @train.bucket0.microbatch + 16)
// CHECK-NEXT: plan.copy @train.bucket0.microbatch + 16 to @train.bucket0.microbatch + 32 bytes = 4
// CHECK-NEXT: }
// CHECK-NEXT: plan.all_reduce sum @train.bucket0 : tensor<9xf32> over ["data"] id = 0 name = "both"
// CHECK-NEXT: plan.call @k2_{{.*}}(@train.bucket0 + 16, @train.bucket0 + 32, @train.loss)
#rows = #dist.layout<@mesh, [{"data"}, {}]>
#partial1 = #dist.layout<@mesh, [{}], partial = ["data"]>
#partial0 = #dist.layout<@mesh, [], partial = ["data"]>
#whole1 = #dist.layout<@mesh, [{}]>
#whole0 = #dist.layout<@mesh, []>
module @bucket attributes {mlc.mesh = [{name = "data", size = -1 : i64}], mlc.train = {microbatches = 4 : i64}} {
  dist.mesh @mesh ["data"] sizes = [-1]
  func.func @train(%x: tensor<2x3xf32, #rows> {graph.input = "x"})
      -> (tensor<f32, #whole0> {graph.loss}) {
    %0:3 = dist.microbatch_loop (%xm = %x : tensor<2x3xf32, #rows>) {
      %a = graph.reduce sum %xm dims = [0] : tensor<2x3xf32, #rows> to tensor<3xf32, #partial1>
      %b = graph.reduce sum %xm dims = [0, 1] : tensor<2x3xf32, #rows> to tensor<f32, #partial0>
      dist.yield %a, %b, %b : tensor<3xf32, #partial1>, tensor<f32, #partial0>, tensor<f32, #partial0>
    } : tensor<3xf32, #partial1>, tensor<f32, #partial0>, tensor<f32, #partial0>
    %1:3 = dist.all_reduce sum %0#0, %0#1, %0#2 over ["data"] {label = "both"} : tensor<3xf32, #partial1>, tensor<f32, #partial0>, tensor<f32, #partial0>
    %2 = graph.add %1#1, %1#2 : tensor<f32, #whole0>
    return %2 : tensor<f32, #whole0>
  }
}

// -----

// Slices are places that move, backwards in a reverse loop; a carried zero is
// filled in; a value that stays the same lies where it lies.
// CHECK-LABEL: module @moving_places
// CHECK: plan.program @infer
// CHECK-NEXT: plan.fill @infer.a value = 0 bytes = 32
// CHECK-NEXT: plan.loop count = 3 {
// CHECK-NEXT: plan.call @k0_map(@w + 32 strides [-16], @infer.x, @infer.a, @[[S:.*]] + 64 strides [-32])
// CHECK-NEXT: plan.copy @[[S]] + 64 strides [-32] to @infer.a bytes = 32
// CHECK-NEXT: }
// CHECK-NEXT: plan.call @k1_transpose(@[[S]], @infer.t)
module @moving_places {
  graph.parameter @w : tensor<3x4xf32> init #graph.init<zeros> role trained
  func.func @infer(%x: tensor<2x4xf32> {graph.input = "x"}, %w: tensor<3x4xf32> {graph.param = @w})
      -> (tensor<2x4xf32> {graph.output = "a"}, tensor<2x3x4xf32> {graph.output = "t"}) {
    %z = graph.constant dense<0.0> : tensor<2x4xf32>
    %a, %s = graph.scan 3 reverse carry(%c = %z : tensor<2x4xf32>) over(%v = %w : tensor<3x4xf32>) same(%r = %x : tensor<2x4xf32>) {
      %0 = graph.broadcast %v dims = [1] : tensor<4xf32> to tensor<2x4xf32>
      %1 = graph.mul %0, %r : tensor<2x4xf32>
      %2 = graph.add %c, %1 : tensor<2x4xf32>
      graph.yield %2, %2 : tensor<2x4xf32>, tensor<2x4xf32>
    } : tensor<2x4xf32>, tensor<3x2x4xf32>
    %t = graph.transpose %s perm = [1, 0, 2] : tensor<3x2x4xf32> to tensor<2x3x4xf32>
    return %a, %t : tensor<2x4xf32>, tensor<2x3x4xf32>
  }
}

// -----

// The carried %d is the next %c: it moves aside before %d gets its own next
// value.
// CHECK-LABEL: module @swapped_carries
// CHECK: plan.loop count = 3 {
// CHECK-NEXT: plan.call @k0_tanh(@infer.a, @[[T:.*]])
// CHECK-NEXT: plan.copy @infer.b to @[[HELD:.*]] bytes = 32
// CHECK-NEXT: plan.copy @[[HELD]] to @infer.a bytes = 32
// CHECK-NEXT: plan.copy @[[T]] to @infer.b bytes = 32
// CHECK-NEXT: }
module @swapped_carries {
  func.func @infer(%x: tensor<2x4xf32> {graph.input = "x"}, %y: tensor<2x4xf32> {graph.input = "y"})
      -> (tensor<2x4xf32> {graph.output = "a"}, tensor<2x4xf32> {graph.output = "b"}) {
    %a, %b = graph.scan 3 carry(%c = %x : tensor<2x4xf32>, %d = %y : tensor<2x4xf32>) {
      %0 = graph.tanh %c : tensor<2x4xf32>
      graph.yield %d, %0 : tensor<2x4xf32>, tensor<2x4xf32>
    } : tensor<2x4xf32>, tensor<2x4xf32>
    return %a, %b : tensor<2x4xf32>, tensor<2x4xf32>
  }
}

// -----

// A slice of a slice moves with both loops: 80 bytes outside, 16 inside.
// CHECK-LABEL: module @nested_loops
// CHECK: plan.loop count = 3 {
// CHECK: plan.loop count = 5 {
// CHECK-NEXT: plan.call @k0_mul(@w strides [80, 16], @[[D:.*]], @{{.*}})
// CHECK: plan.copy @[[D]] to @infer.a bytes = 32
// CHECK-NEXT: }
module @nested_loops {
  graph.parameter @w : tensor<3x5x4xf32> init #graph.init<zeros> role trained
  func.func @infer(%x: tensor<2x4xf32> {graph.input = "x"}, %w: tensor<3x5x4xf32> {graph.param = @w})
      -> (tensor<2x4xf32> {graph.output = "a"}) {
    %a = graph.scan 3 carry(%c = %x : tensor<2x4xf32>) over(%v = %w : tensor<3x5x4xf32>) {
      %b = graph.scan 5 carry(%d = %c : tensor<2x4xf32>) over(%u = %v : tensor<5x4xf32>) {
        %0 = graph.broadcast %u dims = [1] : tensor<4xf32> to tensor<2x4xf32>
        %1 = graph.mul %0, %d : tensor<2x4xf32>
        graph.yield %1 : tensor<2x4xf32>
      } : tensor<2x4xf32>
      graph.yield %b : tensor<2x4xf32>
    } : tensor<2x4xf32>
    return %a : tensor<2x4xf32>
  }
}
