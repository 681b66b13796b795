// RUN: mlc-opt %s -split-input-file -verify-diagnostics

func.func @gather_dim(%x: tensor<5x4xf32>, %i: tensor<3xi32>) {
  // expected-error @below {{has dim 2 but the rank is 2}}
  %r = graph.gather %x, %i dim = 2 : tensor<5x4xf32>, tensor<3xi32> to tensor<5x4xf32> // (C1)
  return
}

// -----
func.func @gather_shape(%x: tensor<5x4xf32>, %i: tensor<3x2xi32>) {
  // expected-error @below {{has a result of shape [3, 4] but gives [3, 2, 4]}}
  %r = graph.gather %x, %i dim = 0 : tensor<5x4xf32>, tensor<3x2xi32> to tensor<3x4xf32> // (C2)
  return
}

// -----
func.func @gather_element(%x: tensor<5x4xf32>, %i: tensor<3xi32>) {
  // expected-error @below {{failed to verify that all of {operand, result} have same element type}}
  %r = graph.gather %x, %i dim = 0 : tensor<5x4xf32>, tensor<3xi32> to tensor<3x4xf64> // (C3)
  return
}

// -----
func.func @scatter_dim(%x: tensor<3x4xf32>, %i: tensor<3xi32>) {
  // expected-error @below {{has dim 2 for updates of rank 2 and indices of rank 1}}
  %r = graph.scatter_add %x, %i dim = 2 : tensor<3x4xf32>, tensor<3xi32> to tensor<5x4xf32> // (C1)
  return
}

// -----
func.func @scatter_indices(%x: tensor<3x4xf32>,
    // expected-note @below {{indices come from here}}
    %i: tensor<2xi32>) {
  // expected-error @below {{has updates of shape [3, 4] but indices of shape [2] from dimension 0 on}}
  %r = graph.scatter_add %x, %i dim = 0 : tensor<3x4xf32>, tensor<2xi32> to tensor<5x4xf32> // (C2)
  return
}

// -----
func.func @scatter_shape(%x: tensor<2x3x4xf32>, %i: tensor<3xi32>) {
  // expected-error @below {{has a result of shape [5, 4] but gives [2, 4, 4]}}
  %r = graph.scatter_add %x, %i dim = 1 : tensor<2x3x4xf32>, tensor<3xi32> to tensor<5x4xf32> // (C3)
  return
}

// -----
func.func @scatter_element(%x: tensor<3x4xf32>, %i: tensor<3xi32>) {
  // expected-error @below {{failed to verify that all of {updates, result} have same element type}}
  %r = graph.scatter_add %x, %i dim = 0 : tensor<3x4xf32>, tensor<3xi32> to tensor<5x4xf64> // (C4)
  return
}
