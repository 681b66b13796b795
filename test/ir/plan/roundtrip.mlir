// RUN: mlc-opt %s | mlc-opt | FileCheck %s
// RUN: mlc-opt %s -mlir-print-op-generic | mlc-opt | FileCheck %s

// CHECK: module attributes {mlc.mesh
module attributes {mlc.mesh = [{name = "data", size = 2 : i64}]} {
  // CHECK: plan.arena bytes = 1024 {
  plan.arena bytes = 1024 {
    // CHECK-NEXT: plan.buffer @w parameters : tensor<4xf32> offset = 0
    plan.buffer @w parameters : tensor<4xf32> offset = 0
    // CHECK-NEXT: plan.buffer @x inputs : tensor<4xf32> slots = 2 offset = 64
    plan.buffer @x inputs : tensor<4xf32> slots = 2 offset = 64
    // CHECK-NEXT: plan.buffer @c constants : tensor<2xi32> value = dense<[1, 2]> : tensor<2xi32> offset = 192
    plan.buffer @c constants : tensor<2xi32> value = dense<[1, 2]> : tensor<2xi32> offset = 192
    plan.buffer @grads communication : tensor<8xf32> offset = 256
    plan.buffer @g transient : tensor<8xf32> offset = 320
    plan.buffer @mask inputs : tensor<4xf32> slots = 2 offset = 384
    plan.buffer @count scalars : tensor<i64> offset = 512
    plan.buffer @loss scalars : tensor<f32> offset = 576
    // An output that shares nothing, and a transient that shares with @g.
    plan.buffer @y outputs : tensor<4xf32> offset = 640
    plan.buffer @t transient : tensor<4xf32> offset = 320
  }
  // CHECK: plan.kernel @add(%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>) -> tensor<4xf32> attributes {{.*}}in_place = array<i64: 0>, {{.*}}tasks = 2 : i64}
  plan.kernel @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> attributes {in_place = array<i64: 0>, tasks = 2 : i64} {
    // CHECK-NEXT: graph.add
    %0 = graph.add %a, %b : tensor<4xf32>
    // CHECK-NEXT: plan.return %{{.*}} : tensor<4xf32>
    plan.return %0 : tensor<4xf32>
  }
  // CHECK: plan.kernel @compiled(tensor<4xf32>) -> tensor<8xf32> attributes {{.*}}scratch_bytes = 16 : i64, symbol = "k1"
  plan.kernel @compiled(tensor<4xf32>) -> tensor<8xf32> attributes {scratch_bytes = 16 : i64, symbol = "k1"}
  // CHECK: plan.program @train rows = 4 attributes
  plan.program @train rows = 4 attributes {inputs = [#plan.binding<"x", @x>], mask = @mask, count = @count, loss = @loss, outputs = [#plan.binding<"y", @y>]} {
    // CHECK-NEXT: plan.loop count = 0 sums = [#plan.loop_sum<sum <@g> to <@grads> : tensor<8xf32>>] {
    plan.loop count = 0 sums = [#plan.loop_sum<sum <@g> to <@grads> : tensor<8xf32>>] {
      // CHECK-NEXT: plan.call @compiled(@x, @g, @t)
      plan.call @compiled(@x, @g, @t)
      // CHECK-NEXT: plan.copy @x to @g + 16 bytes = 16
      plan.copy @x to @g + 16 bytes = 16
    }
    // CHECK: plan.all_reduce sum @grads : tensor<8xf32> over ["data"] id = 0 name = "w"
    plan.all_reduce sum @grads : tensor<8xf32> over ["data"] id = 0 name = "w"
    // CHECK-NEXT: plan.call @add(@w, @grads + 16, @w)
    plan.call @add(@w, @grads + 16, @w)
    // CHECK-NEXT: plan.fill @y value = 255 bytes = 16
    plan.fill @y value = 255 bytes = 16
    // CHECK-NEXT: plan.loop count = 2 {
    plan.loop count = 2 {
      // CHECK-NEXT: plan.loop count = 3 {
      plan.loop count = 3 {
        // CHECK-NEXT: plan.copy @g + 16 strides [8, -4] to @y strides [0, 4] bytes = 4
        plan.copy @g + 16 strides [8, -4] to @y strides [0, 4] bytes = 4
      }
    }
  }
  // CHECK: plan.binary cpu = "x86-64-v3" features = ["avx2"] code = "7f45"
  plan.binary cpu = "x86-64-v3" features = ["avx2"] code = "7f45"
}
