// RUN: mlc-opt %s -split-input-file -dist-partition -verify-diagnostics

// The pass refuses what no layouts were propagated on.

// expected-error @below {{has a value without a layout; run dist-propagate-layouts before}}
func.func @train(%x: tensor<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}

// -----

func.func @train() {
  // expected-error @below {{has a value without a layout; run dist-propagate-layouts before}}
  %0 = graph.constant dense<1.0> : tensor<8xf32>
  return
}

// -----

func.func private @declared(tensor<8xf32>)
