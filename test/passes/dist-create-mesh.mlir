// RUN: mlc-opt %s -split-input-file -dist-create-mesh -verify-diagnostics | FileCheck %s

// CHECK: dist.mesh @mesh ["data"] sizes = [-1]
module attributes {mlc.mesh = [{name = "data", size = -1 : i64}]} {}

// -----

// Without a mesh: one device.
// CHECK: dist.mesh @mesh ["data"] sizes = [1]
module {}

// -----

// A mesh that is there is kept.
// CHECK: dist.mesh @mesh ["data"] sizes = [3]
// CHECK-NOT: dist.mesh
module attributes {mlc.mesh = [{name = "data", size = 2 : i64}]} {
  dist.mesh @mesh ["data"] sizes = [3]
}

// -----

// expected-error @below {{expected {name = "...", size = ... : i64} in mlc.mesh, not 4 : i64}}
module attributes {mlc.mesh = [4]} {}
