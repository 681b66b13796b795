// RUN: mlc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{has no axis}}
dist.mesh @mesh [] sizes = [] // (M1)

// -----

// expected-error @below {{has 1 axes but 2 sizes}}
dist.mesh @mesh ["data"] sizes = [1, 2] // (M1)

// -----

// expected-error @below {{has two axes named "data"}}
dist.mesh @mesh ["data", "data"] sizes = [1, 2] // (M2)

// -----

// expected-error @below {{has an axis without a name}}
dist.mesh @mesh [""] sizes = [1] // (M2)

// -----

// expected-error @below {{axis "data" has size 0; expected at least 1, or -1}}
dist.mesh @mesh ["data"] sizes = [0] // (M3)

// -----

// expected-error @below {{has more than one elastic axis}}
dist.mesh @mesh ["data", "model"] sizes = [-1, -1] // (M4)

// -----

// expected-error @below {{names the axis "data" of @mesh twice}}
func.func private @axis_twice(tensor<4xf32, #dist.layout<@mesh, [{"data"}], partial = ["data"]>>) // (L1)

// -----

// expected-error @below {{layout has 1 dimensions but the tensor has 2}}
func.func private @rank(tensor<4x4xf32, #dist.layout<@mesh, [{}]>>) // (L2)

// -----

dist.mesh @mesh ["data"] sizes = [2]
func.func @no_operand() {
  // expected-error @below {{has no operand}}
  "dist.all_reduce"() {axes = ["data"], kind = #dist.reduction<sum>} : () -> () // (R1)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @no_axis(%a: tensor<4xf32, #part>) {
  // expected-error @below {{has no axis}}
  %0 = dist.all_reduce sum %a over [] : tensor<4xf32, #part> // (R1)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @axis_twice(%a: tensor<4xf32, #part>) {
  // expected-error @below {{names the axis "data" twice}}
  %0 = dist.all_reduce sum %a over ["data", "data"] : tensor<4xf32, #part> // (R1)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
#whole = #dist.layout<@mesh, [{}]>
func.func @doubled(%a: tensor<4xf32, #part>) {
  // expected-note @below {{operand #0 comes from here; use it without this all_reduce}}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #part>
  // expected-error @below {{reduces over "data" but operand #0 is already replicated over "data"}}
  %1 = dist.all_reduce sum %0 over ["data"] : tensor<4xf32, #whole> // (R2)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#rows = #dist.layout<@mesh, [{"data"}]>
func.func @sharded(%a: tensor<4xf32, #rows>) {
  // expected-error @below {{reduces over "data" but operand #0 is sharded over "data"}}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #rows> // (R2)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#max = #dist.layout<@mesh, [{}], partial_max = ["data"]>
func.func @another_kind(%a: tensor<4xf32, #max>) {
  // expected-error @below {{combines with sum over "data" but operand #0 is partial with max}}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #max> // (R2)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
func.func @no_layout(%a: tensor<4xf32>) {
  // expected-error @below {{operand #0 has no layout}}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32> // (R2)
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @still_partial(%a: tensor<4xf32, #part>) {
  // expected-error @below {{result #0 is}}
  %0 = "dist.all_reduce"(%a) {axes = ["data"], kind = #dist.reduction<sum>} // (R3)
      : (tensor<4xf32, #part>) -> tensor<4xf32, #part>
  return
}

// -----

// expected-note @below {{the mesh is here}}
dist.mesh @mesh ["model"] sizes = [2]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @unknown_axis(%a: tensor<4xf32, #part>) {
  // expected-error @below {{reduces over "data", which @mesh has not}}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #part> // (R4)
  return
}

// -----

#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @no_mesh(%a: tensor<4xf32, #part>) {
  // expected-error @below {{needs a dist.mesh named @mesh}}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #part> // (R4)
  return
}

// -----

dist.mesh @a ["data"] sizes = [2]
dist.mesh @b ["data"] sizes = [2]
#on_a = #dist.layout<@a, [{}], partial = ["data"]>
#on_b = #dist.layout<@b, [{}], partial = ["data"]>
func.func @two_meshes(%a: tensor<4xf32, #on_a>, %b: tensor<4xf32, #on_b>) {
  // expected-error @below {{operand #0 lies on @a but operand #1 on @b}}
  %0:2 = dist.all_reduce sum %a, %b over ["data"] : tensor<4xf32, #on_a>, tensor<4xf32, #on_b> // (R4)
  return
}

// -----

#part = #dist.layout<@mesh, [{}], partial = ["data"]>
#whole = #dist.layout<@mesh, [{}]>
func.func @another_shape(%a: tensor<4xf32, #part>) {
  // expected-error @below {{changes more than the layout}}
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<5xf32, #whole> // (S1)
  return
}

// -----

#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @same_layout(%a: tensor<4xf32, #part>) {
  // expected-error @below {{needs two different layouts over one mesh}}
  %0 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #part> // (S2)
  return
}

// -----

#part = #dist.layout<@mesh, [{}], partial = ["data"]>
#whole = #dist.layout<@mesh, [{}]>
func.func @to_partial(%a: tensor<4xf32, #whole>) {
  // expected-error @below {{makes the value partial over "data"}}
  %0 = dist.reshard %a : tensor<4xf32, #whole> to tensor<4xf32, #part> // (S3)
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}]>
func.func @no_argument(%x: tensor<8xf32, #rows>) {
  // expected-error @below {{has 1 inputs but its body 0 arguments}}
  "dist.microbatch_loop"(%x) ({ "dist.yield"() : () -> () }) : (tensor<8xf32, #rows>) -> () // (B1)
  return
}

// -----

#whole = #dist.layout<@mesh, [{}]>
func.func @whole_input(%x: tensor<8xf32, #whole>) {
  // expected-error @below {{input #0 is not sharded on dimension 0}}
  dist.microbatch_loop (%r = %x : tensor<8xf32, #whole>) { // (B2)
  }
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}]>
func.func @other_rows(%x: tensor<8xf32, #rows>, %y: tensor<4xf32, #rows>) {
  // expected-error @below {{input #1 has 4 rows but input #0 has 8}}
  dist.microbatch_loop (%a = %x : tensor<8xf32, #rows>, %b = %y : tensor<4xf32, #rows>) { // (B2)
  }
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}]>
#part = #dist.layout<@mesh, [], partial = ["data"]>
func.func @yields_another_type(%x: tensor<8xf32, #rows>) {
  // expected-error @below {{but the body yields}}
  %0 = dist.microbatch_loop (%r = %x : tensor<8xf32, #rows>) { // (B3)
    %s = graph.reduce max %r dims = [0] : tensor<8xf32, #rows> to tensor<f32, #dist.layout<@mesh, [], partial_max = ["data"]>>
    dist.yield %s : tensor<f32, #dist.layout<@mesh, [], partial_max = ["data"]>>
  } : tensor<f32, #part>
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}]>
func.func @sharded_result(%x: tensor<8xf32, #rows>) {
  // expected-error @below {{result #0 is not partial: a loop gives sums over micro-batches}}
  %0 = dist.microbatch_loop (%r = %x : tensor<8xf32, #rows>) { // (B4)
    dist.yield %r : tensor<8xf32, #rows>
  } : tensor<8xf32, #rows>
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [2]
#rows = #dist.layout<@mesh, [{"data"}]>
#part = #dist.layout<@mesh, [], partial = ["data"]>
func.func @collective_inside(%x: tensor<8xf32, #rows>) {
  // expected-note @below {{ranks may have different numbers of micro-batches here}}
  dist.microbatch_loop (%r = %x : tensor<8xf32, #rows>) {
    %s = graph.reduce sum %r dims = [0] : tensor<8xf32, #rows> to tensor<f32, #part>
    // expected-error @below {{cannot be inside a microbatch_loop}}
    %0 = dist.all_reduce sum %s over ["data"] : tensor<f32, #part> // (B5)
  }
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}]>
// expected-note @below {{the value comes from here}}
func.func @captures_rows(%x: tensor<8xf32, #rows>, %y: tensor<8xf32, #rows>) {
  dist.microbatch_loop (%r = %x : tensor<8xf32, #rows>) {
    // expected-error @below {{uses a value from above the microbatch_loop that is not replicated}}
    %0 = graph.add %r, %y : tensor<8xf32, #rows> // (B6)
  }
  return
}

// -----

#rows = #dist.layout<@mesh, [{"data"}]>
#part = #dist.layout<@mesh, [], partial = ["data"]>
func.func @scaled_sum(%x: tensor<8xf32, #rows>) -> tensor<f32, #part> {
  // expected-error @below {{result #0 is used by something else than an all_reduce}}
  %0 = dist.microbatch_loop (%r = %x : tensor<8xf32, #rows>) { // (B7)
    %s = graph.reduce sum %r dims = [0] : tensor<8xf32, #rows> to tensor<f32, #part>
    dist.yield %s : tensor<f32, #part>
  } : tensor<f32, #part>
  // expected-note @below {{used here}}
  %1 = graph.neg %0 : tensor<f32, #part>
  return %1 : tensor<f32, #part>
}
