// RUN: mlc-opt %s -split-input-file -plan-memory | FileCheck %s
// RUN: mlc-opt %s -split-input-file -plan-memory=reuse=false | FileCheck %s --check-prefix=APART

// %a dies where %c is born; %b is live beside both.
// CHECK-LABEL: module @chain
// CHECK: plan.arena bytes = 256
// CHECK: @x inputs {{.*}} offset = 0
// CHECK: @a transient {{.*}} offset = [[A:[0-9]+]]
// CHECK: @b transient {{.*}} offset = 192
// CHECK: @c transient {{.*}} offset = [[A]]
// APART-LABEL: module @chain
// APART: plan.arena bytes = 320
module @chain {
  plan.arena {
    plan.buffer @x inputs : tensor<16xf32> slots = 2
    plan.buffer @a transient : tensor<16xf32>
    plan.buffer @b transient : tensor<16xf32>
    plan.buffer @c transient : tensor<16xf32>
  }
  plan.kernel @f(tensor<16xf32>) -> tensor<16xf32>
  plan.program @infer rows = 16 {
    plan.call @f(@x, @a)
    plan.call @f(@a, @b)
    plan.call @f(@b, @c)
  }
}

// -----

// %a is read in the loop: no buffer of the body may take its place, even after
// the last read, for the next iteration reads it again.
// CHECK-LABEL: module @loop
// CHECK: @x state {{.*}} offset = 0
// CHECK: @a transient {{.*}} offset = [[A:[0-9]+]]
// CHECK-NOT: offset = [[A]]
// CHECK: plan.program
module @loop {
  plan.arena {
    plan.buffer @x state : tensor<16xf32>
    plan.buffer @a transient : tensor<16xf32>
    plan.buffer @b transient : tensor<16xf32>
    plan.buffer @c transient : tensor<16xf32>
  }
  plan.kernel @f(tensor<16xf32>) -> tensor<16xf32>
  plan.program @train rows = 16 {
    plan.call @f(@x, @a)
    plan.loop count = 0 {
      plan.call @f(@a, @b)
      plan.call @f(@b, @c)
      plan.call @f(@c, @b)
    }
  }
}

// -----

// The source of a sum waits for the end of the iteration; programs share.
// CHECK-LABEL: module @sums
// CHECK: @g transient {{.*}} offset = [[G:[0-9]+]]
// CHECK: @t transient
// CHECK-NOT: offset = [[G]]
// CHECK: @other transient {{.*}} offset = 128
// CHECK: plan.program
module @sums {
  plan.arena {
    plan.buffer @x state : tensor<16xf32>
    plan.buffer @r communication : tensor<16xf32>
    plan.buffer @g transient : tensor<16xf32>
    plan.buffer @t transient : tensor<16xf32>
    plan.buffer @other transient : tensor<16xf32>
  }
  plan.kernel @f(tensor<16xf32>) -> tensor<16xf32>
  plan.program @train rows = 16 {
    plan.loop count = 0 sums = [#plan.loop_sum<sum <@g> to <@r> : tensor<16xf32>>] {
      plan.call @f(@x, @g)
      plan.call @f(@x, @t)
    }
  }
  plan.program @eval rows = 16 {
    plan.call @f(@x, @other)
  }
}

// -----

// Scratch memory is a transient of its own call.
// CHECK-LABEL: module @scratch
// CHECK: @y outputs
// CHECK: @infer.scratch.0 transient : tensor<100xui8> offset = [[S:[0-9]+]]
// CHECK: @infer.scratch.1 transient : tensor<100xui8> offset = [[S]]
// CHECK: plan.call @f(@x, @y, @infer.scratch.0)
// CHECK: plan.call @f(@x, @y, @infer.scratch.1)
module @scratch {
  plan.arena {
    plan.buffer @x state : tensor<16xf32>
    plan.buffer @y outputs : tensor<16xf32>
  }
  plan.kernel @f(tensor<16xf32>) -> tensor<16xf32> attributes {scratch_bytes = 100 : i64}
  plan.program @infer rows = 16 {
    plan.call @f(@x, @y)
    plan.call @f(@x, @y)
  }
}

// -----

// The iterations write @s bit by bit, so it is live from the first one on: @a,
// which is dead when the body comes to @s, may not lie in it.
// CHECK-LABEL: module @bit_by_bit
// CHECK: plan.arena bytes = 320
// CHECK: @x state {{.*}} offset = 0
// CHECK: @a transient {{.*}} offset = 256
// CHECK: @s transient {{.*}} offset = 64
module @bit_by_bit {
  plan.arena {
    plan.buffer @x state : tensor<16xf32>
    plan.buffer @a transient : tensor<16xf32>
    plan.buffer @s transient : tensor<48xf32>
  }
  plan.kernel @f(tensor<16xf32>) -> tensor<16xf32>
  plan.kernel @g(tensor<48xf32>) -> tensor<16xf32>
  plan.program @train rows = 16 {
    plan.loop count = 3 {
      plan.call @f(@x, @a)
      plan.call @f(@a, @x)
      plan.call @f(@x, @s strides [64])
    }
    plan.call @g(@s, @x)
  }
}
