// RUN: mlc-opt %s -allow-unregistered-dialect -split-input-file -dist-check-collective-order -verify-diagnostics | FileCheck %s

dist.mesh @mesh ["data"] sizes = [4]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>

// CHECK-LABEL: @first
func.func @first(%a: tensor<4xf32, #part>) {
  // CHECK: {id = 0 : i64}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #part>
  // CHECK: {id = 1 : i64}
  %1 = dist.all_reduce sum %a over ["data"] {id = 1 : i64} : tensor<4xf32, #part>
  return
}

// Numbers go on in the next function.
// CHECK-LABEL: @second
func.func @second(%a: tensor<4xf32, #part>) {
  // CHECK: {id = 2 : i64}
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #part>
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [4]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @out_of_order(%a: tensor<4xf32, #part>) {
  // expected-error @below {{has id 7 but is number 0 in issue order}}
  %0 = dist.all_reduce sum %a over ["data"] {id = 7 : i64} : tensor<4xf32, #part>
  return
}

// -----

dist.mesh @mesh ["data"] sizes = [4]
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
func.func @in_a_region(%a: tensor<4xf32, #part>) {
  // expected-note @below {{the region is here}}
  "test.if_rank_is_0"() ({
    // expected-error @below {{is in a region that ranks may enter a different number of times}}
    %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #part>
    "test.end"() : () -> ()
  }) : () -> ()
  return
}
