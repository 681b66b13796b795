// RUN: mlc-opt %s -split-input-file -verify-diagnostics

plan.arena bytes = 64 {
  // (A1)
  // expected-error @below {{has no offset in a planned arena}}
  plan.buffer @a state : tensor<4xf32>
}

// -----

plan.arena {
  // (A1)
  // expected-error @below {{has an offset in an arena whose bytes are not planned}}
  plan.buffer @a state : tensor<4xf32> offset = 0
}

// -----

plan.arena bytes = 128 {
  // (A2)
  // expected-error @below {{takes 16 bytes from offset 32, not at a multiple of 64 inside an arena of 128 bytes}}
  plan.buffer @a state : tensor<4xf32> offset = 32
}

// -----

plan.arena bytes = 64 {
  // (A2)
  // expected-error @below {{takes 80 bytes from offset 0, not at a multiple of 64 inside an arena of 64 bytes}}
  plan.buffer @a state : tensor<20xf32> offset = 0
}

// -----

plan.arena bytes = 256 {
  // expected-note @below {{which ends at byte 80}}
  plan.buffer @a transient : tensor<20xf32> offset = 0
  // (A3)
  // expected-error @below {{begins at byte 64, inside "a", and only transient buffers share bytes}}
  plan.buffer @b state : tensor<4xf32> offset = 64
}

// -----

plan.arena {
}
// (A4)
// expected-error @below {{is the second arena of the module}}
plan.arena {
}

// -----

plan.arena {
  // (B1)
  // expected-error @below {{needs static tensors of f32, bf16, f16, f64, i32, i64, ui8 or i1 without encoding, not 'tensor<?xf32>'}}
  plan.buffer @a state : tensor<?xf32>
}

// -----

plan.arena {
  // (B2)
  // expected-error @below {{has 2 slots; inputs have at least one, other buffers one}}
  plan.buffer @a state : tensor<4xf32> slots = 2
}

// -----

plan.arena {
  // (B3)
  // expected-error @below {{needs a value in the section constants}}
  plan.buffer @a constants : tensor<4xf32>
}

// -----

plan.arena {
  // (B3)
  // expected-error @below {{has a value of type 'tensor<2xf32>' but type 'tensor<4xf32>'}}
  plan.buffer @a constants : tensor<4xf32> value = dense<0.0> : tensor<2xf32>
}

// -----

plan.arena bytes = 64 {
  // (B4)
  // expected-error @below {{has the negative offset -64}}
  plan.buffer @a state : tensor<4xf32> offset = -64
}

// -----

// (K1)
// expected-error @below {{needs static tensors of}}
plan.kernel @k(tensor<?xf32>) -> tensor<4xf32>

// -----

// (K2)
// expected-error @below {{has 1 results but 2 entries of in_place}}
plan.kernel @k(tensor<4xf32>) -> tensor<4xf32> attributes {in_place = array<i64: 0, 0>}

// -----

// (K2)
// expected-error @below {{lets result #0 share the memory of argument #0, which has another type or does not exist}}
plan.kernel @k(tensor<4xi32>) -> tensor<4xf32> attributes {in_place = array<i64: 0>}

// -----

// (K2)
// expected-error @below {{lets two results share the memory of argument #0}}
plan.kernel @k(tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {in_place = array<i64: 0, 0>}

// -----

// (K3)
// expected-error @below {{has 0 tasks and 0 bytes of scratch memory; it needs at least 1 and 0}}
plan.kernel @k(tensor<4xf32>) -> tensor<4xf32> attributes {tasks = 0 : i64}

// -----

plan.kernel @k(%a: tensor<4xf32>) -> tensor<8xf32> {
  // (K4)
  // expected-error @below {{returns other types than the kernel @k declares}}
  plan.return %a : tensor<4xf32>
}

// -----

// (X1)
// expected-error @below {{needs an even number of hexadecimal digits}}
plan.binary cpu = "x" features = [] code = "7f4"

// -----

// (P1)
// expected-error @below {{refers to @x in a module without plan.arena}}
plan.program @p rows = 4 attributes {mask = @x} {
}

// -----

// expected-note @below {{the arena is here}}
plan.arena {
}
// (P1)
// expected-error @below {{refers to the unknown buffer @x}}
plan.program @p rows = 4 attributes {mask = @x} {
}

// -----

plan.arena {
  plan.buffer @x inputs : tensor<8xf32>
}
// (P1)
// expected-error @below {{has a mask of type 'tensor<8xf32>'; it must be a float vector of the rows}}
plan.program @p rows = 4 attributes {mask = @x} {
}

// -----

plan.arena {
  plan.buffer @x inputs : tensor<8xf32>
}
// (P2)
// expected-error @below {{has 4 rows but binds "x" to a buffer of type 'tensor<8xf32>'}}
plan.program @p rows = 4 attributes {inputs = [#plan.binding<"x", @x>]} {
}

// -----

plan.program @p rows = 4 {
  // (C1)
  // expected-error @below {{calls the unknown kernel @k}}
  plan.call @k(@x)
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<4xf32>
}
// expected-note @below {{the kernel is here}}
plan.kernel @k(tensor<4xf32>) -> tensor<4xf32>
plan.program @p rows = 4 {
  // (C1)
  // expected-error @below {{passes 1 pointers but @k takes 2}}
  plan.call @k(@x)
}

// -----

plan.arena {
  // expected-note @below {{the buffer is here}}
  plan.buffer @x transient : tensor<4xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.kernel @k(tensor<4xf32>) -> tensor<4xf32>
plan.program @p rows = 4 {
  // (C2)
  // expected-error @below {{needs 16 bytes at offset 4 for pointer #0, but @x has 16}}
  plan.call @k(@x + 4, @y)
}

// -----

plan.arena {
  plan.buffer @c constants : tensor<4xf32> value = dense<0.0> : tensor<4xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.kernel @k(tensor<4xf32>) -> tensor<4xf32>
plan.program @p rows = 4 {
  // (C3)
  // expected-error @below {{writes to the constant @c}}
  plan.call @k(@y, @c)
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<4xf32>
}
plan.kernel @k(tensor<4xf32>) -> tensor<4xf32>
plan.program @p rows = 4 {
  // (C3)
  // expected-error @below {{writes pointer #1 over pointer #0, which the kernel's in_place does not allow}}
  plan.call @k(@x, @x)
}

// -----

plan.program @p rows = 4 {
  plan.loop count = 0 {
    // (L1)
    // expected-error @below {{is inside a loop}}
    plan.loop count = 0 {
    }
  }
}

// -----

// The last of 3 iterations reads bytes 16 to 31.
plan.arena {
  // expected-note @below {{the buffer is here}}
  plan.buffer @x transient : tensor<7xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  plan.loop count = 3 {
    // expected-error @below {{needs 16 bytes at offset 16 for the source, but @x has 28}}
    plan.copy @x + 0 strides [8] to @y bytes = 16
  }
}

// -----

plan.arena {
  // expected-note @below {{the buffer is here}}
  plan.buffer @x transient : tensor<8xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  plan.loop count = 3 {
    // expected-error @below {{needs 16 bytes at offset -8 for the source, but @x has 32}}
    plan.copy @x + 8 strides [-8] to @y bytes = 16
  }
}

// -----

// 4 * 2^62 is 0 in 64 bits.
plan.arena {
  // expected-note @below {{the buffer is here}}
  plan.buffer @x transient : tensor<8xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  plan.loop count = 5 {
    // expected-error @below {{needs 16 bytes at offset 9223372036854775807 for the source, but @x has 32}}
    plan.copy @x + 0 strides [4611686018427387904] to @y bytes = 16
  }
}

// -----

plan.program @p rows = 4 {
  // (L3)
  // expected-error @below {{runs -1 times}}
  plan.loop count = -1 {
  }
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<8xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  plan.loop count = 3 {
    // expected-error @below {{has 2 strides for the source inside 1 loops}}
    plan.copy @x + 0 strides [0, 8] to @y bytes = 16
  }
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<8xf32>
  plan.buffer @y transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  plan.loop count = 0 {
    // expected-error @below {{moves the source with a loop over the micro-batches}}
    plan.copy @x + 0 strides [8] to @y bytes = 16
  }
}

// -----

module attributes {mlc.mesh = [{name = "data", size = 2 : i64}]} {
  plan.arena {
    plan.buffer @x communication : tensor<4xf32>
  }
  plan.program @p rows = 4 {
    // (R2)
    // expected-error @below {{reduces over no axis}}
    plan.all_reduce sum @x : tensor<4xf32> over [] id = 0 name = "x"
  }
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  // (L2)
  // expected-error @below {{sums @x onto itself without in_place_sums}}
  plan.loop count = 0 sums = [#plan.loop_sum<sum <@x> to <@x> : tensor<4xf32>>] {
  }
}

// -----

module attributes {mlc.mesh = [{name = "data", size = 2 : i64}]} {
  plan.arena {
    // expected-note @below {{the buffer is here}}
    plan.buffer @x communication : tensor<4xf32>
  }
  plan.program @p rows = 4 {
    // (R1)
    // expected-error @below {{needs 32 bytes at offset 0 for the reduction, but @x has 16}}
    plan.all_reduce sum @x : tensor<8xf32> over ["data"] id = 0 name = "x"
  }
}

// -----

module attributes {mlc.mesh = [{name = "data", size = 2 : i64}]} {
  plan.arena {
    plan.buffer @x communication : tensor<4xf32>
  }
  plan.program @p rows = 4 {
    // (R2)
    // expected-error @below {{reduces over "model", which is no axis of the module's mlc.mesh}}
    plan.all_reduce sum @x : tensor<4xf32> over ["model"] id = 0 name = "x"
  }
}

// -----

module attributes {mlc.mesh = [{name = "data", size = 2 : i64}]} {
  plan.arena {
    plan.buffer @x communication : tensor<4xf32>
  }
  plan.program @p rows = 4 {
    plan.all_reduce sum @x : tensor<4xf32> over ["data"] id = 1 name = "x"
    // (R3)
    // expected-error @below {{has the id 1 after id 1; ids increase in the order of issue}}
    plan.all_reduce sum @x : tensor<4xf32> over ["data"] id = 1 name = "x"
  }
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  // (Y1)
  // expected-error @below {{copies between places that overlap}}
  plan.copy @x to @x + 4 bytes = 8
}

// -----

plan.arena {
  plan.buffer @x transient : tensor<4xf32>
}
plan.program @p rows = 4 {
  // (F1)
  // expected-error @below {{fills with 256, which is no byte}}
  plan.fill @x value = 256 bytes = 16
}
