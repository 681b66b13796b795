// RUN: mlc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{is declared with the layout}}
graph.parameter @p : tensor<4xf32, "layout"> init #graph.init<zeros> role trained // (C1)

// -----
// expected-error @below {{is trained but has elements of type 'i32'}}
graph.parameter @p : tensor<4xi32> init #graph.init<zeros> role trained // (C2)

// -----
// expected-error @below {{has a random initial value but elements of type 'i32'}}
graph.parameter @p : tensor<4xi32> init #graph.init<normal, 0.0, 1.0> role state // (C3)

// -----
// expected-error @below {{initializer 'uniform' has 1 numbers but needs 2}}
graph.parameter @p : tensor<4xf32> init #graph.init<uniform, 1.0> role trained // (C1)

// -----
// expected-error @below {{initializer 'uniform' has an empty range}}
graph.parameter @p : tensor<4xf32> init #graph.init<uniform, 1.0, 1.0> role trained // (C2)

// -----
// expected-error @below {{initializer 'normal' has the negative standard deviation}}
graph.parameter @p : tensor<4xf32> init #graph.init<normal, 0.0, -1.0> role trained // (C2)

// -----
// expected-error @below {{initializer 'orthogonal' has 1.5}}
graph.parameter @p : tensor<2x3xf32> init #graph.init<orthogonal, 1.0, 1.5> role trained // (C2)

// -----
// expected-error @below {{has 6 elements but an orthogonal initial value of 4}}
graph.parameter @p : tensor<2x3xf32> init #graph.init<orthogonal, 1.0, 4.0> role trained // (C4)

// -----
// expected-error @below {{unknown initializer 'he'}}
graph.parameter @p : tensor<4xf32> init #graph.init<he> role trained

// -----
func.func @no_empty_tensors(%x: tensor<0xf32>) {
  // expected-error @below {{must be tensor of known shape, extents at least 1}}
  %r = graph.exp %x : tensor<0xf32>
  return
}

// -----
func.func @no_dynamic_tensors(%x: tensor<?xf32>) {
  // expected-error @below {{must be tensor of known shape, extents at least 1}}
  %r = graph.exp %x : tensor<?xf32>
  return
}

// -----
func.func @add_shapes( // (C1)
    // expected-note @below {{operand #0 comes from here}}
    %a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [5] but operand #0 of shape [4]}}
  %r = graph.add %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<5xf32>
  return
}

// -----
func.func @add_elements(%a: tensor<4xf32>, %b: tensor<4xf64>) { // (C1)
  // expected-error @below {{requires the same element type for all operands and results}}
  %r = graph.add %a, %b : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return
}

// -----
func.func @compare_elements(%a: tensor<4xf32>, %b: tensor<4xf64>) { // (C2)
  // expected-error @below {{compares elements of type 'f32' with 'f64'}}
  %r = graph.compare lt %a, %b : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xi1>
  return
}

// -----
func.func @iota_dim() {
  // expected-error @below {{has dim 2 but the rank is 2}}
  %r = graph.iota dim = 2 : tensor<4x8xi32> // (C1)
  return
}

// -----
func.func @broadcast_count(%x: tensor<4x8xf32>) {
  // expected-error @below {{has 1 dims for an operand of rank 2}}
  %r = graph.broadcast %x dims = [0] : tensor<4x8xf32> to tensor<4x8x2xf32> // (C2)
  return
}

// -----
func.func @broadcast_order(%x: tensor<4x8xf32>) {
  // expected-error @below {{has dims [1, 0], which do not increase from 0}}
  %r = graph.broadcast %x dims = [1, 0] : tensor<4x8xf32> to tensor<8x4xf32> // (C3)
  return
}

// -----
func.func @broadcast_range(%x: tensor<4xf32>) {
  // expected-error @below {{has dimension 2 in dims, but the rank is 2}}
  %r = graph.broadcast %x dims = [2] : tensor<4xf32> to tensor<8x4xf32> // (C3)
  return
}

// -----
func.func @broadcast_extent(%x: tensor<4xf32>) {
  // expected-error @below {{cannot repeat dimension 0 of extent 4 to extent 8; only an extent of 1 repeats}}
  %r = graph.broadcast %x dims = [0] : tensor<4xf32> to tensor<8xf32> // (C4)
  return
}

// -----
func.func @reshape_count(%x: tensor<4x8xf32>) {
  // expected-error @below {{has 32 elements in [4, 8] but 33 in [33]}}
  %r = graph.reshape %x : tensor<4x8xf32> to tensor<33xf32> // (C2)
  return
}

// -----
func.func @reshape_keeps_unequally(%x: tensor<4x8xf32>) {
  // expected-error @below {{keeps 1 dimensions as 2}}
  %r = graph.reshape %x keep = [0] to [0, 1] : tensor<4x8xf32> to tensor<4x8x1xf32> // (C3)
  return
}

// -----
func.func @reshape_keeps_no_dimension(%x: tensor<4x8xf32>) {
  // expected-error @below {{has dimension 2 in dims, but the rank is 2}}
  %r = graph.reshape %x keep = [2] to [0] : tensor<4x8xf32> to tensor<4x8x1xf32> // (C3)
  return
}

// -----
func.func @reshape_keeps_another(%x: tensor<4x4x8xf32>) {
  // expected-error @below {{cannot keep dimension 1 of [4, 4, 8] as dimension 0 of [4, 32]}}
  %r = graph.reshape %x keep = [1] to [0] : tensor<4x4x8xf32> to tensor<4x32xf32> // (C4)
  return
}

// -----
func.func @transpose_perm(%x: tensor<4x8xf32>) {
  // expected-error @below {{has perm [0, 0], which is not an order of 2 dimensions}}
  %r = graph.transpose %x perm = [0, 0] : tensor<4x8xf32> to tensor<4x4xf32> // (C2)
  return
}

// -----
func.func @transpose_shape(%x: tensor<4x8xf32>) {
  // expected-error @below {{has a result of shape [4, 8] but gives [8, 4]}}
  %r = graph.transpose %x perm = [1, 0] : tensor<4x8xf32> to tensor<4x8xf32> // (C3)
  return
}

// -----
func.func @concat_nothing() {
  // expected-error @below {{has no operands}}
  %r = "graph.concat"() {dim = 0 : i64} : () -> tensor<4xf32> // (C1)
  return
}

// -----
func.func @concat_dim(%x: tensor<4xf32>) {
  // expected-error @below {{has dim 1 but the rank is 1}}
  %r = graph.concat dim = 1 %x : (tensor<4xf32>) -> tensor<4xf32> // (C2)
  return
}

// -----
func.func @concat_shape(%x: tensor<4x8xf32>,
    // expected-note @below {{operand #1 comes from here}}
    %y: tensor<4x7xf32>) {
  // expected-error @below {{cannot join operand #1 of type}}
  %r = graph.concat dim = 0 %x, %y : (tensor<4x8xf32>, tensor<4x7xf32>) -> tensor<8x8xf32> // (C3)
  return
}

// -----
func.func @concat_sum(%x: tensor<4xf32>) {
  // expected-error @below {{has operands of extents 8 together along dimension 0, but the result has 9}}
  %r = graph.concat dim = 0 %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<9xf32> // (C4)
  return
}

// -----
func.func @slice_count(%x: tensor<4x8xf32>) {
  // expected-error @below {{has 1 starts, 2 limits and 2 strides for an operand of rank 2}}
  %r = graph.slice %x starts = [0] limits = [4, 8] strides = [1, 1] : tensor<4x8xf32> to tensor<4x8xf32> // (C2)
  return
}

// -----
func.func @slice_range(%x: tensor<4xf32>) {
  // expected-error @below {{takes [0, 5) of dimension 0, whose extent is 4}}
  %r = graph.slice %x starts = [0] limits = [5] strides = [1] : tensor<4xf32> to tensor<5xf32> // (C3)
  return
}

// -----
func.func @slice_stride(%x: tensor<4xf32>) {
  // expected-error @below {{has stride 0 in dimension 0; a stride is at least 1}}
  %r = graph.slice %x starts = [0] limits = [4] strides = [0] : tensor<4xf32> to tensor<4xf32> // (C3)
  return
}

// -----
func.func @slice_shape(%x: tensor<5xf32>) {
  // ceil((5 - 0) / 2) = 3
  // expected-error @below {{has a result of shape [2] but gives [3]}}
  %r = graph.slice %x starts = [0] limits = [5] strides = [2] : tensor<5xf32> to tensor<2xf32> // (C4)
  return
}

// -----
func.func @reduce_order(%x: tensor<4x8xf32>) {
  // expected-error @below {{has dims [0, 0], which do not increase from 0}}
  %r = graph.reduce sum %x dims = [0, 0] : tensor<4x8xf32> to tensor<8xf32> // (C2)
  return
}

// -----
func.func @reduce_shape(%x: tensor<4x8xf32>) {
  // expected-error @below {{has a result of shape [8] but gives [4]}}
  %r = graph.reduce sum %x dims = [1] : tensor<4x8xf32> to tensor<8xf32> // (C3)
  return
}

// -----
func.func @reduce_truth(%x: tensor<4xi1>) {
  // expected-error @below {{sums elements of type i1; cast them to a number first}}
  %r = graph.reduce sum %x dims = [0] : tensor<4xi1> to tensor<i1> // (C4)
  return
}

// -----
func.func @arg_reduce_dim(%x: tensor<4xf32>) {
  // expected-error @below {{has dim -1 but the rank is 1}}
  %r = graph.arg_reduce max %x dim = -1 : tensor<4xf32> to tensor<i32> // (C1)
  return
}

// -----
func.func @arg_reduce_shape(%x: tensor<4x8xf32>) {
  // expected-error @below {{has a result of shape [8] but gives [4]}}
  %r = graph.arg_reduce max %x dim = 1 : tensor<4x8xf32> to tensor<8xi32> // (C2)
  return
}

// -----
func.func @arg_reduce_kind(%x: tensor<4xf32>) {
  // expected-error @below {{has kind 'sum'; use 'max' or 'min'}}
  %r = graph.arg_reduce sum %x dim = 0 : tensor<4xf32> to tensor<i32> // (C3)
  return
}

// -----
func.func @dot_elements(%a: tensor<4x8xf32>, %b: tensor<8x3xf64>) {
  // expected-error @below {{failed to verify that all of {lhs, rhs, result} have same element type}}
  %r = graph.dot %a, %b batch = [] x [] contract = [1] x [0] : tensor<4x8xf32>, tensor<8x3xf64> to tensor<4x3xf32> // (C1)
  return
}

// -----
func.func @dot_counts(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @below {{names 0 batch and 1 contracting dimensions of lhs, but 0 and 2 of rhs}}
  %r = graph.dot %a, %b batch = [] x [] contract = [1] x [0, 1] : tensor<4x8xf32>, tensor<8x3xf32> to tensor<4xf32> // (C2)
  return
}

// -----
func.func @dot_range(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @below {{names dimension 2 of lhs, whose rank is 2}}
  %r = graph.dot %a, %b batch = [] x [] contract = [2] x [0] : tensor<4x8xf32>, tensor<8x3xf32> to tensor<4x3xf32> // (C3)
  return
}

// -----
func.func @dot_twice(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @below {{names dimension 0 of rhs twice}}
  %r = graph.dot %a, %b batch = [0] x [0] contract = [1] x [0] : tensor<4x8xf32>, tensor<8x3xf32> to tensor<4x3xf32> // (C3)
  return
}

// -----
func.func @dot_extents(%a: tensor<4x8xf32>,
    // expected-note @below {{rhs comes from here}}
    %b: tensor<7x3xf32>) {
  // expected-error @below {{has contracting dimensions of extents 8 and 7: dimension 1 of [4, 8] and dimension 0 of [7, 3]}}
  %r = graph.dot %a, %b batch = [] x [] contract = [1] x [0] : tensor<4x8xf32>, tensor<7x3xf32> to tensor<4x3xf32> // (C4)
  return
}

// -----
func.func @dot_shape(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>) {
  // expected-error @below {{has a result of shape [3, 4] but gives [4, 3]}}
  %r = graph.dot %a, %b batch = [] x [] contract = [1] x [0] : tensor<4x8xf32>, tensor<8x3xf32> to tensor<3x4xf32> // (C5)
  return
}

// -----
func.func @labels_of_another_batch( // (C1)
    %x: tensor<32x10xf32>,
    // expected-note @below {{labels come from here}}
    %y: tensor<16xi32>) {
  // expected-error @below {{has [32] rows of logits but [16] labels}}
  %loss = graph.softmax_cross_entropy %x, %y : tensor<32x10xf32>, tensor<16xi32>
  return
}

// -----
func.func @loss_shape(%x: tensor<32x10xf32>, %y: tensor<32xi32>) {
  // expected-error @below {{has a result of shape [10] but gives [32]}}
  %loss = graph.softmax_cross_entropy %x, %y : tensor<32x10xf32>, tensor<32xi32> to tensor<10xf32> // (C2)
  return
}

// -----
func.func @loss_rank(%x: tensor<32xf32>, %y: tensor<32xi32>) {
  // expected-error @below {{has logits of rank 1 and labels of rank 1; logits have one dimension more}}
  %loss = graph.softmax_cross_entropy %x, %y : tensor<32xf32>, tensor<32xi32> // (C3)
  return
}

// -----
func.func @loss_grad_cotangent(%x: tensor<32x10xf32>, %y: tensor<32xi32>, %d: tensor<10xf32>) {
  // expected-error @below {{has dloss of shape [10] for logits of shape [32, 10]}}
  %g = graph.softmax_cross_entropy_grad %x, %y, %d : tensor<32x10xf32>, tensor<32xi32>, tensor<10xf32> to tensor<32x10xf32> // (C2)
  return
}

// -----
func.func @loss_grad_shape(%x: tensor<32x10xf32>, %y: tensor<32xi32>, %d: tensor<32xf32>) {
  // expected-error @below {{has a result of shape [10, 32] but gives [32, 10]}}
  %g = graph.softmax_cross_entropy_grad %x, %y, %d : tensor<32x10xf32>, tensor<32xi32>, tensor<32xf32> to tensor<10x32xf32> // (C4)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @sub_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.sub %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @mul_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.mul %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @div_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.div %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @pow_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.pow %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @maximum_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.maximum %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @minimum_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.minimum %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @idiv_shapes(%a: tensor<4xi32>, %b: tensor<5xi32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.idiv %a, %b : (tensor<4xi32>, tensor<5xi32>) -> tensor<4xi32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @mod_shapes(%a: tensor<4xi32>, %b: tensor<5xi32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.mod %a, %b : (tensor<4xi32>, tensor<5xi32>) -> tensor<4xi32> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @and_shapes(%a: tensor<4xi1>, %b: tensor<5xi1>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.and %a, %b : (tensor<4xi1>, tensor<5xi1>) -> tensor<4xi1> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @or_shapes(%a: tensor<4xi1>, %b: tensor<5xi1>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = graph.or %a, %b : (tensor<4xi1>, tensor<5xi1>) -> tensor<4xi1> // (C1)
  return
}

// -----
// expected-note @below {{operand #1 comes from here}}
func.func @compare_shapes(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #1 of shape [5]}}
  %r = "graph.compare"(%a, %b) {predicate = 0 : i32} : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xi1> // (C1)
  return
}

// -----
// expected-note @below {{operand #0 comes from here}}
func.func @select_shapes(%c: tensor<5xi1>, %a: tensor<4xf32>) {
  // expected-error @below {{has a result of shape [4] but operand #0 of shape [5]}}
  %r = "graph.select"(%c, %a, %a) : (tensor<5xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> // (C1)
  return
}

// -----
func.func @select_elements(%c: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @below {{failed to verify that all of {onTrue, onFalse, result} have same element type}}
  %r = "graph.select"(%c, %a, %b) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32> // (C2)
  return
}

// -----
// expected-note @below {{operand #0 comes from here}}
func.func @cast_shapes(%x: tensor<4xf32>) {
  // expected-error @below {{has a result of shape [5] but operand #0 of shape [4]}}
  %r = "graph.cast"(%x) : (tensor<4xf32>) -> tensor<5xi32> // (C1)
  return
}

// -----
func.func @constant_type() {
  // expected-error @below {{failed to verify that all of {value, result} have same type}}
  %r = "graph.constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<5xf32> // (C1)
  return
}

// -----
func.func @broadcast_elements(%x: tensor<4xf32>) {
  // expected-error @below {{failed to verify that all of {operand, result} have same element type}}
  %r = graph.broadcast %x dims = [0] : tensor<4xf32> to tensor<4x8xf64> // (C1)
  return
}

// -----
func.func @reshape_elements(%x: tensor<4xf32>) {
  // expected-error @below {{failed to verify that all of {operand, result} have same element type}}
  %r = graph.reshape %x : tensor<4xf32> to tensor<2x2xf64> // (C1)
  return
}

// -----
func.func @transpose_elements(%x: tensor<4x8xf32>) {
  // expected-error @below {{failed to verify that all of {operand, result} have same element type}}
  %r = graph.transpose %x perm = [1, 0] : tensor<4x8xf32> to tensor<8x4xf64> // (C1)
  return
}

// -----
func.func @slice_elements(%x: tensor<4xf32>) {
  // expected-error @below {{failed to verify that all of {operand, result} have same element type}}
  %r = graph.slice %x starts = [0] limits = [2] strides = [1] : tensor<4xf32> to tensor<2xf64> // (C1)
  return
}

// -----
func.func @reduce_elements(%x: tensor<4x8xf32>) {
  // expected-error @below {{failed to verify that all of {operand, result} have same element type}}
  %r = graph.reduce sum %x dims = [0] : tensor<4x8xf32> to tensor<8xf64> // (C1)
  return
}

// -----
// expected-note @below {{labels come from here}}
func.func @gradient_of_another_batch(%x: tensor<32x10xf32>, %y: tensor<16xi32>, %d: tensor<32xf32>) {
  // expected-error @below {{has [32] rows of logits but [16] labels}}
  %g = graph.softmax_cross_entropy_grad %x, %y, %d : tensor<32x10xf32>, tensor<16xi32>, tensor<32xf32> to tensor<32x10xf32> // (C1)
  return
}

// -----
func.func @gradient_of_a_vector(%x: tensor<32xf32>, %y: tensor<32xi32>, %d: tensor<32xf32>) {
  // expected-error @below {{has logits of rank 1 and labels of rank 1; logits have one dimension more}}
  %g = graph.softmax_cross_entropy_grad %x, %y, %d : tensor<32xf32>, tensor<32xi32>, tensor<32xf32> to tensor<32xf32> // (C3)
  return
}

// -----
func.func @scan_of_another_length(%x: tensor<4x8xf32>) {
  // expected-error @below {{runs 3 times but sequence #0 is 'tensor<4x8xf32>'}}
  graph.scan 3 over(%s = %x : tensor<4x8xf32>) { // (C1)
    graph.yield
  }
  return
}

// -----
func.func @scan_that_never_runs(%x: tensor<8xf32>) {
  // expected-error @below {{runs 0 times}}
  %r = graph.scan 0 carry(%c = %x : tensor<8xf32>) { // (C1)
    graph.yield %c : tensor<8xf32>
  } : tensor<8xf32>
  return
}

// -----
func.func @scan_argument_of_another_type(%x: tensor<8xf32>) {
  // expected-error @below {{gives its body 'tensor<8xf32>' as argument #0, which is 'tensor<4xf32>'}}
  %r = "graph.scan"(%x) <{count = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 0>}> ({ // graph.scan (C2)
  ^bb0(%c: tensor<4xf32>):
    graph.yield %c : tensor<4xf32>
  }) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----
func.func @scan_without_arguments(%x: tensor<8xf32>) {
  // expected-error @below {{has 1 operands but its body 0 arguments}}
  %r = "graph.scan"(%x) <{count = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 0>}> ({ // graph.scan (C2)
    graph.yield
  }) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----
func.func @scan_that_yields_nothing(%x: tensor<8xf32>) {
  // expected-error @below {{has 1 carried values and 1 results but yields 0 values}}
  %r = graph.scan 2 carry(%c = %x : tensor<8xf32>) { // (C3)
    graph.yield
  } : tensor<8xf32>
  return
}

// -----
func.func @scan_that_carries_another_type(%x: tensor<8xf32>) {
  %r = graph.scan 2 carry(%c = %x : tensor<8xf32>) { // (C3)
    %s = graph.slice %c starts = [0] limits = [4] strides = [1] : tensor<8xf32> to tensor<4xf32>
    // expected-error @below {{gives 'tensor<4xf32>' for the carried value #0, which is 'tensor<8xf32>'}}
    graph.yield %s : tensor<4xf32>
  } : tensor<8xf32>
  return
}

// -----
func.func @scan_with_another_stack(%x: tensor<8xf32>) {
  // expected-error @below {{result #0 is 'tensor<3x8xf32>' but the body gives 'tensor<2x8xf32>'}}
  %r = graph.scan 2 same(%c = %x : tensor<8xf32>) { // (C4)
    graph.yield %c : tensor<8xf32>
  } : tensor<3x8xf32>
  return
}

// -----
func.func @gradient_of_another_result(%x: tensor<4xf32>) {
  // expected-error @below {{results have the types of the values}}
  %r = "graph.custom_gradient"(%x, %x) <{operandSegmentSizes = array<i32: 1, 1>}> ({ // (C1)
  ^bb0(%a: tensor<4xf32>, %d: tensor<8xf32>):
    graph.cotangents %a : tensor<4xf32>
  }) : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----
func.func @gradient_of_other_arguments(%x: tensor<4xf32>) {
  // expected-error @below {{has a region with the arguments ('tensor<4xf32>'), and its inputs and results are ('tensor<4xf32>', 'tensor<4xf32>')}}
  %r = graph.custom_gradient %x of(%x : tensor<4xf32>) { // (C2)
  ^bb0(%a: tensor<4xf32>):
    graph.cotangents %a : tensor<4xf32>
  } : tensor<4xf32>
  return
}

// -----
func.func @gradient_of_another_type(%x: tensor<4xf32>, %y: tensor<8xf32>) {
  // expected-error @below {{has a region that gives ('tensor<8xf32>'), and its inputs are ('tensor<4xf32>')}}
  %r = graph.custom_gradient %y of(%x : tensor<4xf32>) { // (C3)
  ^bb0(%a: tensor<4xf32>, %d: tensor<8xf32>):
    // expected-note @below {{they are given here}}
    graph.cotangents %d : tensor<8xf32>
  } : tensor<8xf32>
  return
}

// -----
func.func @more_gradients_than_inputs(%x: tensor<4xf32>) {
  // expected-error @below {{has a region that gives ('tensor<4xf32>', 'tensor<4xf32>'), and its inputs are ('tensor<4xf32>')}}
  %r = graph.custom_gradient %x of(%x : tensor<4xf32>) { // (C3)
  ^bb0(%a: tensor<4xf32>, %d: tensor<4xf32>):
    // expected-note @below {{they are given here}}
    graph.cotangents %d, %d : tensor<4xf32>, tensor<4xf32>
  } : tensor<4xf32>
  return
}

// -----
func.func @attention_elements(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf64>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @below {{failed to verify that all of {query, key, value, output} have same element type}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf64>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32> // (C1)
  return
}

// -----
func.func @attention_gradient_elements(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf64>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{failed to verify that all of {query, key, value, doutput, dquery, dkey, dvalue} have same element type}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf64>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf64>, tensor<2x2x5x6xf32> // (C1)
  return
}

// -----
func.func @attention_rank(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x5x6xf32>) {
  // expected-error @below {{has a value of rank 3; it has batch, heads, length and depth}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32> // (C2)
  return
}

// -----
func.func @attention_gradient_rank(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{has a value of rank 3; it has batch, heads, length and depth}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x5x6xf32> // (C2)
  return
}

// -----
// expected-note @below {{key comes from here}}
func.func @attention_of_two_depths(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x7xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @below {{has query [2, 4, 3, 8], key [2, 2, 5, 7] and value [2, 2, 5, 6], which do not fit together}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x7xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32> // (C3)
  return
}

// -----
// expected-note @below {{key comes from here}}
func.func @attention_gradient_of_two_depths(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x7xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{has query [2, 4, 3, 8], key [2, 2, 5, 7] and value [2, 2, 5, 6], which do not fit together}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x7xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x7xf32>, tensor<2x2x5x6xf32> // (C3)
  return
}

// -----
func.func @attention_heads(%q: tensor<2x4x3x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x6xf32>) {
  // expected-error @below {{has 4 heads of the query, no multiple of 3 of the key}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32> // (C4)
  return
}

// -----
func.func @attention_gradient_heads(%q: tensor<2x4x3x8xf32>, %k: tensor<2x3x5x8xf32>, %v: tensor<2x3x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{has 4 heads of the query, no multiple of 3 of the key}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x6xf32> // (C4)
  return
}

// -----
func.func @attention_mask_element(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<1x1x3x5xi32>) {
  // expected-error @below {{has a mask of 'i32'; it is i1 or 'f32', as the query}}
  %o, %l = graph.attention %q, %k, %v mask %m : tensor<1x1x3x5xi32> scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32> // (C5)
  return
}

// -----
func.func @attention_gradient_mask_element(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>, %m: tensor<1x1x3x5xi32>) {
  // expected-error @below {{has a mask of 'i32'; it is i1 or 'f32', as the query}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d mask %m : tensor<1x1x3x5xi32> scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> // (C5)
  return
}

// -----
// expected-note @below {{mask comes from here}}
func.func @attention_mask_shape(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<1x1x3x1xi1>) {
  // expected-error @below {{has a mask of shape [1, 1, 3, 1] for scores of shape [2, 4, 3, 5]}}
  %o, %l = graph.attention %q, %k, %v mask %m : tensor<1x1x3x1xi1> scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32> // (C6)
  return
}

// -----
// expected-note @below {{mask comes from here}}
func.func @attention_gradient_mask_shape(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>, %m: tensor<1x1x3x1xi1>) {
  // expected-error @below {{has a mask of shape [1, 1, 3, 1] for scores of shape [2, 4, 3, 5]}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d mask %m : tensor<1x1x3x1xi1> scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> // (C6)
  return
}

// -----
func.func @attention_output(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @below {{has output of shape [2, 4, 3, 8] but needs [2, 4, 3, 6]}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x8xf32>, tensor<2x4x3xf32> // (C7)
  return
}

// -----
func.func @attention_gradient_output(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x8xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{has doutput of shape [2, 4, 3, 8] but needs [2, 4, 3, 6]}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> // (C7)
  return
}

// -----
func.func @attention_statistic(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @below {{has logsumexp of shape [2, 4, 5] but needs [2, 4, 3]}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x5xf32> // (C8)
  return
}

// -----
func.func @attention_gradient_statistic(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x5xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{has logsumexp of shape [2, 4, 5] but needs [2, 4, 3]}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x5xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> // (C8)
  return
}

// -----
func.func @attention_statistic_type(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>) {
  // expected-error @below {{has logsumexp of 'f64' but needs 'f32'}}
  %o, %l = graph.attention %q, %k, %v scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf64> // (C8)
  return
}

// -----
func.func @attention_gradient_statistic_type(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf64>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf64>) {
  // expected-error @below {{has logsumexp of 'f64' but needs 'f32'}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf64>, tensor<2x4x3x6xf32>, tensor<2x4x3xf64> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> // (C8)
  return
}

// -----
func.func @attention_gradient_delta(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x5xf32>) {
  // expected-error @below {{has delta of shape [2, 4, 5] but needs [2, 4, 3]}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x5xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> // (C8)
  return
}

// -----
func.func @attention_gradient_shape(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %l: tensor<2x4x3xf32>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // expected-error @below {{has a gradient of shape [2, 2, 5, 6] for an operand of shape [2, 2, 5, 8]}}
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d scale = 0.5 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x6xf32>, tensor<2x2x5x6xf32> // (C9)
  return
}

// -----
func.func @conv_of_two_types(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf64>) {
  // expected-error @below {{all of {input, kernel, result} have same element type}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x4x3xf64> to tensor<2x6x7xf32> // (C1)
  return
}

// -----
func.func @conv_of_two_ranks(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @below {{has tensors of rank 3 and 4; they have a batch}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x4x3x3xf32> to tensor<2x6x7xf32> // (C2)
  return
}

// -----
func.func @conv_without_spatial_dimensions(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @below {{has tensors of rank 2 and 2}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4xf32>, tensor<6x4xf32> to tensor<2x6xf32> // (C2)
  return
}

// -----
func.func @conv_with_strides_for_another_rank(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{has strides [1, 1] for 1 spatial dimensions}}
  %r = graph.conv %x, %w strides = [1, 1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x4x3xf32> to tensor<2x6x7xf32> // (C3)
  return
}

// -----
func.func @conv_with_a_stride_of_0(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{has strides [0]; they are at least 1}}
  %r = graph.conv %x, %w strides = [0] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x4x3xf32> to tensor<2x6x7xf32> // (C3)
  return
}

// -----
func.func @conv_with_groups_that_do_not_divide(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{has 3 groups, which do not divide 4 channels of the input and 6 of the result}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 3 : tensor<2x4x9xf32>, tensor<6x4x3xf32> to tensor<2x6x7xf32> // (C4)
  return
}

// -----
func.func @conv_with_no_group(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{has 0 groups}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 0 : tensor<2x4x9xf32>, tensor<6x4x3xf32> to tensor<2x6x7xf32> // (C4)
  return
}

// -----
func.func @conv_of_other_channels(%x: tensor<2x4x9xf32>, %w: tensor<6x5x3xf32>) {
  // expected-error @below {{has a kernel for 5 channels in each of 1 groups, and an input of 4}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x5x3xf32> to tensor<2x6x7xf32> // (C4)
  return
}

// -----
func.func @conv_transposed_of_other_channels(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{has a kernel for 6 channels in each of 1 groups, and an input of 4}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 transposed : tensor<2x4x9xf32>, tensor<6x4x3xf32> to tensor<2x6x7xf32> // (C4)
  return
}

// -----
func.func @conv_with_a_large_window(%x: tensor<2x4x9xf32>, %w: tensor<6x4x10xf32>) {
  // expected-error @below {{has a window of 10 elements over 9 along spatial dimension 0, padding included}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x4x10xf32> to tensor<2x6x7xf32> // (C5)
  return
}

// -----
func.func @conv_of_another_shape(%x: tensor<2x4x9xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @below {{has a result of shape [2, 6, 8] but gives [2, 6, 7]}}
  %r = graph.conv %x, %w strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<6x4x3xf32> to tensor<2x6x8xf32> // (C6)
  return
}

// -----
func.func @kernel_grad_of_two_types(%x: tensor<2x4x9xf32>, %y: tensor<2x6x7xf32>) {
  // expected-error @below {{all of {input, dresult, dkernel} have same element type}}
  %r = graph.conv_kernel_grad %x, %y strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<2x6x7xf32> to tensor<6x4x3xf64> // (C1)
  return
}

// -----
func.func @kernel_grad_of_two_ranks(%x: tensor<2x4x9xf32>, %y: tensor<2x6x7xf32>) {
  // expected-error @below {{has tensors of rank 3 and 4}}
  %r = graph.conv_kernel_grad %x, %y strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<2x6x7xf32> to tensor<6x4x3x3xf32> // (C2)
  return
}

// -----
func.func @kernel_grad_with_low_for_another_rank(%x: tensor<2x4x9xf32>, %y: tensor<2x6x7xf32>) {
  // expected-error @below {{has low [0, 0] for 1 spatial dimensions}}
  %r = graph.conv_kernel_grad %x, %y strides = [1] low = [0, 0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<2x6x7xf32> to tensor<6x4x3xf32> // (C3)
  return
}

// -----
func.func @kernel_grad_with_groups_that_do_not_divide(%x: tensor<2x4x9xf32>, %y: tensor<2x6x7xf32>) {
  // expected-error @below {{has 4 groups, which do not divide}}
  %r = graph.conv_kernel_grad %x, %y strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 4 : tensor<2x4x9xf32>, tensor<2x6x7xf32> to tensor<6x4x3xf32> // (C4)
  return
}

// -----
func.func @kernel_grad_with_a_large_window(%x: tensor<2x4x9xf32>, %y: tensor<2x6x7xf32>) {
  // expected-error @below {{has a window of 10 elements over 9}}
  %r = graph.conv_kernel_grad %x, %y strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<2x6x7xf32> to tensor<6x4x10xf32> // (C5)
  return
}

// -----
func.func @kernel_grad_of_another_shape(%x: tensor<2x4x9xf32>, %y: tensor<2x6x8xf32>) {
  // expected-error @below {{has a cotangent of shape [2, 6, 8] but gives [2, 6, 7]}}
  %r = graph.conv_kernel_grad %x, %y strides = [1] low = [0] high = [0] dilation = [1] x [1] groups = 1 : tensor<2x4x9xf32>, tensor<2x6x8xf32> to tensor<6x4x3xf32> // (C6)
  return
}

// -----
func.func @sum_pool_of_two_types(%x: tensor<2x4x9xf32>) {
  // expected-error @below {{all of {input, result} have same element type}}
  %r = graph.sum_pool %x window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x7xf64> // (C1)
  return
}

// -----
func.func @sum_pool_of_two_ranks(%x: tensor<2x4x9xf32>) {
  // expected-error @below {{has tensors of rank 3 and 4}}
  %r = graph.sum_pool %x window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x7x7xf32> // (C2)
  return
}

// -----
func.func @sum_pool_with_a_window_of_0(%x: tensor<2x4x9xf32>) {
  // expected-error @below {{has window [0]; they are at least 1}}
  %r = graph.sum_pool %x window = [0] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x7xf32> // (C3)
  return
}

// -----
func.func @sum_pool_with_a_large_window(%x: tensor<2x4x9xf32>) {
  // expected-error @below {{has a window of 10 elements over 9}}
  %r = graph.sum_pool %x window = [10] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x7xf32> // (C4)
  return
}

// -----
func.func @sum_pool_of_another_shape(%x: tensor<2x4x9xf32>) {
  // expected-error @below {{has a result of shape [2, 4, 8] but gives [2, 4, 7]}}
  %r = graph.sum_pool %x window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x8xf32> // (C5)
  return
}

// -----
func.func @max_pool_of_two_types(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{all of {keys, values, result} have same element type}}
  %r = graph.max_pool %x, %v window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x7xf64> // (C1)
  return
}

// -----
func.func @max_pool_of_two_ranks(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{has tensors of rank 3 and 4}}
  %r = graph.max_pool %x, %v window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x7x7xf32> // (C2)
  return
}

// -----
func.func @max_pool_with_a_window_of_0(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{has window [0]; they are at least 1}}
  %r = graph.max_pool %x, %v window = [0] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x7xf32> // (C3)
  return
}

// -----
func.func @max_pool_with_a_large_window(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{has a window of 10 elements over 9}}
  %r = graph.max_pool %x, %v window = [10] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x7xf32> // (C4)
  return
}

// -----
func.func @max_pool_of_another_shape(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{has a result of shape [2, 4, 8] but gives [2, 4, 7]}}
  %r = graph.max_pool %x, %v window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x8xf32> // (C5)
  return
}

// -----
func.func @max_pool_of_padding_alone(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{has no element under the window at place 0 of spatial dimension 0}}
  %r = graph.max_pool %x, %v window = [3] strides = [1] low = [3] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x10xf32> // (C4)
  return
}

// -----
func.func @max_pool_of_dilated_keys(%x: tensor<2x4x9xf32>, %v: tensor<2x4x9xf32>) {
  // expected-error @below {{has input dilation 2; a maximum has none}}
  %r = graph.max_pool %x, %v window = [3] strides = [1] low = [0] high = [0] dilation = [2] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x15xf32> // (C7)
  return
}

// -----
func.func @max_pool_grad_of_two_types(%x: tensor<2x4x9xf32>, %y: tensor<2x4x7xf64>) {
  // expected-error @below {{all of {keys, dresult, dvalues} have same element type}}
  %r = graph.max_pool_grad %x, %y window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x7xf64> to tensor<2x4x9xf32> // (C1)
  return
}

// -----
func.func @max_pool_grad_of_two_ranks(%x: tensor<2x4x9xf32>, %y: tensor<2x4x7x7xf32>) {
  // expected-error @below {{has tensors of rank 3 and 4}}
  %r = graph.max_pool_grad %x, %y window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x7x7xf32> to tensor<2x4x9xf32> // (C2)
  return
}

// -----
func.func @max_pool_grad_with_a_window_of_0(%x: tensor<2x4x9xf32>, %y: tensor<2x4x7xf32>) {
  // expected-error @below {{has window [0]; they are at least 1}}
  %r = graph.max_pool_grad %x, %y window = [0] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x7xf32> to tensor<2x4x9xf32> // (C3)
  return
}

// -----
func.func @max_pool_grad_with_a_large_window(%x: tensor<2x4x9xf32>, %y: tensor<2x4x7xf32>) {
  // expected-error @below {{has a window of 10 elements over 9}}
  %r = graph.max_pool_grad %x, %y window = [10] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x7xf32> to tensor<2x4x9xf32> // (C4)
  return
}

// -----
func.func @max_pool_grad_of_another_shape(%x: tensor<2x4x9xf32>, %y: tensor<2x4x8xf32>) {
  // expected-error @below {{has a cotangent of shape [2, 4, 8] but gives [2, 4, 7]}}
  %r = graph.max_pool_grad %x, %y window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x8xf32> to tensor<2x4x9xf32> // (C5)
  return
}

// -----
func.func @max_pool_grad_of_padding_alone(%x: tensor<2x4x9xf32>, %y: tensor<2x4x10xf32>) {
  // expected-error @below {{has no element under the window at place 0 of spatial dimension 0}}
  %r = graph.max_pool_grad %x, %y window = [3] strides = [1] low = [3] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x10xf32> to tensor<2x4x9xf32> // (C4)
  return
}

// -----
func.func @max_pool_grad_of_dilated_keys(%x: tensor<2x4x9xf32>, %y: tensor<2x4x15xf32>) {
  // expected-error @below {{has input dilation 2; a maximum has none}}
  %r = graph.max_pool_grad %x, %y window = [3] strides = [1] low = [0] high = [0] dilation = [2] x [1] : tensor<2x4x9xf32>, tensor<2x4x15xf32> to tensor<2x4x9xf32> // (C7)
  return
}

// -----
func.func @max_pool_of_other_values(%x: tensor<2x4x9xf32>, %v: tensor<2x4x8xf32>) {
  // expected-error @below {{has values of shape [2, 4, 8] but gives [2, 4, 9]}}
  %r = graph.max_pool %x, %v window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x8xf32> to tensor<2x4x7xf32> // (C6)
  return
}

// -----
func.func @max_pool_grad_to_other_values(%x: tensor<2x4x9xf32>, %y: tensor<2x4x7xf32>) {
  // expected-error @below {{has a result of shape [2, 4, 8] but gives [2, 4, 9]}}
  %r = graph.max_pool_grad %x, %y window = [3] strides = [1] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x7xf32> to tensor<2x4x8xf32> // (C6)
  return
}

// -----
func.func @random_uniform_c1(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C1)
  // expected-error @below {{has a seed or an index that is no scalar}}
  %r = graph.random_uniform %v fold() site = 1 : (tensor<2xi64>) -> tensor<4xf32>
  return
}

// -----
func.func @random_uniform_c2(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C2)
  // expected-error @below {{has 3 rows along dimension 0 but their numbers are a}}
  %r = graph.random_uniform %s fold() rows %rows dim = 0 site = 1 : (tensor<i64>, tensor<4xi64>) -> tensor<3xf32>
  return
}

// -----
func.func @random_uniform_c3(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C3)
  // expected-error @below {{has 4294967296 elements in a row}}
  %r = graph.random_uniform %s fold() rows %rows dim = 0 site = 1 : (tensor<i64>, tensor<4xi64>) -> tensor<4x4294967296xf32>
  return
}

// -----
func.func @dropout_mask_c1(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C1)
  // expected-error @below {{has a seed or an index that is no scalar}}
  %r = graph.dropout_mask %v fold() site = 1 rate = 0.5 : (tensor<2xi64>) -> tensor<4xf32>
  return
}

// -----
func.func @dropout_mask_c2(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C2)
  // expected-error @below {{has 3 rows along dimension 0 but their numbers are a}}
  %r = graph.dropout_mask %s fold() rows %rows dim = 0 site = 1 rate = 0.5 : (tensor<i64>, tensor<4xi64>) -> tensor<3xf32>
  return
}

// -----
func.func @dropout_mask_c3(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C3)
  // expected-error @below {{has 4294967296 elements in a row}}
  %r = graph.dropout_mask %s fold() rows %rows dim = 0 site = 1 rate = 0.5 : (tensor<i64>, tensor<4xi64>) -> tensor<4x4294967296xf32>
  return
}

// -----
func.func @dropout_mask_c4(%s: tensor<i64>, %v: tensor<2xi64>, %rows: tensor<4xi64>) { // (C4)
  // expected-error @below {{drops with the rate 1.000000e+00, which is not in [0, 1)}}
  %r = graph.dropout_mask %s fold() site = 1 rate = 1.0 : (tensor<i64>) -> tensor<3xf32>
  return
}

// -----
func.func @batch_norm_c1(%x: tensor<4xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>) { // (C1)
  // expected-error @below {{has an input of rank 1, without channels}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 1.0e-5 microbatches = 2
      : (tensor<4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_c2(%x: tensor<4x3xf32>, %c: tensor<2xf32>, %k: tensor<4xf32>) { // (C2)
  // expected-error @below {{has a 'tensor<2xf32>' where the shape is [3]}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<4xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_c3(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<3xf32>) { // (C3)
  // expected-error @below {{has a 'tensor<3xf32>' where the shape is [4]}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_c4(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>) { // (C4)
  // expected-error @below {{cannot cut 4 rows into 3 micro-batches}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 1.0e-5 microbatches = 3
      : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_c5(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>) { // (C5)
  // expected-error @below {{has a 'tensor<1x3xf32>' where the shape is [2, 3]}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf32>) -> (tensor<4x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_c6(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf64>) { // (C6)
  // expected-error @below {{computes in 'f32' but has a 'tensor<4xf64>'}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf64>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_c7(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>) { // (C7)
  // expected-error @below {{has the eps 0.000000e+00, which is not above 0}}
  %y, %m, %v, %n = graph.batch_norm %x scale %c shift %c mask %k eps = 0.0 microbatches = 2
      : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  return
}

// -----
func.func @batch_norm_grad_c1(%x: tensor<4xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>, %m: tensor<2x3xf32>, %n: tensor<2xf32>) { // (C1)
  // expected-error @below {{has an input of rank 1, without channels}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 1.0e-5 microbatches = 2
      : (tensor<4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<4xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<4xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}

// -----
func.func @batch_norm_grad_c2(%x: tensor<4x3xf32>, %c: tensor<2xf32>, %k: tensor<4xf32>, %m: tensor<2x3xf32>, %n: tensor<2xf32>) { // (C2)
  // expected-error @below {{has a 'tensor<2xf32>' where the shape is [3]}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<2xf32>, tensor<4xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}

// -----
func.func @batch_norm_grad_c3(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<3xf32>, %m: tensor<2x3xf32>, %n: tensor<2xf32>) { // (C3)
  // expected-error @below {{has a 'tensor<3xf32>' where the shape is [4]}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}

// -----
func.func @batch_norm_grad_c4(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>, %m: tensor<2x3xf32>, %n: tensor<2xf32>) { // (C4)
  // expected-error @below {{cannot cut 4 rows into 3 micro-batches}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 1.0e-5 microbatches = 3
      : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32>, tensor<4xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}

// -----
func.func @batch_norm_grad_c5(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>, %m: tensor<1x3xf32>, %n: tensor<2xf32>) { // (C5)
  // expected-error @below {{has a 'tensor<1x3xf32>' where the shape is [2, 3]}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32>, tensor<4xf32>, tensor<1x3xf32>, tensor<1x3xf32>, tensor<2xf32>) -> (tensor<4x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>)
  return
}

// -----
func.func @batch_norm_grad_c6(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf64>, %m: tensor<2x3xf32>, %n: tensor<2xf32>) { // (C6)
  // expected-error @below {{computes in 'f32' but has a 'tensor<4xf64>'}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 1.0e-5 microbatches = 2
      : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32>, tensor<4xf64>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}

// -----
func.func @batch_norm_grad_c7(%x: tensor<4x3xf32>, %c: tensor<3xf32>, %k: tensor<4xf32>, %m: tensor<2x3xf32>, %n: tensor<2xf32>) { // (C7)
  // expected-error @below {{has the eps 0.000000e+00, which is not above 0}}
  %dx, %ds, %db = graph.batch_norm_grad %x, %x scale %c mask %k statistics %m, %m, %n eps = 0.0 microbatches = 2
      : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32>, tensor<4xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}
