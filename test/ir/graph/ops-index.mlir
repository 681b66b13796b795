// RUN: mlc-opt %s | mlc-opt | FileCheck %s

// CHECK-LABEL: @takes_and_adds
func.func @takes_and_adds(%x: tensor<5x4xf32>, %i: tensor<3x2xi32>, %one: tensor<ui8>) {
  // CHECK: graph.gather %{{.*}}, %{{.*}} dim = 0 : tensor<5x4xf32>, tensor<3x2xi32> to tensor<3x2x4xf32>
  %0 = graph.gather %x, %i dim = 0 : tensor<5x4xf32>, tensor<3x2xi32> to tensor<3x2x4xf32>
  // CHECK: graph.gather %{{.*}}, %{{.*}} dim = 1 : tensor<5x4xf32>, tensor<ui8> to tensor<5xf32>
  %1 = graph.gather %x, %one dim = 1 : tensor<5x4xf32>, tensor<ui8> to tensor<5xf32>
  // CHECK: graph.scatter_add %{{.*}}, %{{.*}} dim = 0 : tensor<3x2x4xf32>, tensor<3x2xi32> to tensor<7x4xf32>
  %2 = graph.scatter_add %0, %i dim = 0 : tensor<3x2x4xf32>, tensor<3x2xi32> to tensor<7x4xf32>
  // CHECK: graph.scatter_add %{{.*}}, %{{.*}} dim = 1 : tensor<5xf32>, tensor<ui8> to tensor<5x9xf32>
  %3 = graph.scatter_add %1, %one dim = 1 : tensor<5xf32>, tensor<ui8> to tensor<5x9xf32>
  return
}
