// RUN: mlc-opt %s -allow-unregistered-dialect -pass-pipeline='builtin.module(func.func(dist-bucket-collectives{bucket-bytes=8192}))' | FileCheck %s
// RUN: mlc-opt %s -allow-unregistered-dialect -pass-pipeline='builtin.module(func.func(dist-bucket-collectives))' | FileCheck %s --check-prefix=MODEL

dist.mesh @mesh ["data"] sizes = [4]
#partial = #dist.layout<@mesh, [{}], partial = ["data"]>
#max     = #dist.layout<@mesh, [{}], partial_max = ["data"]>
#whole   = #dist.layout<@mesh, [{}]>

// 4096 B + 2048 B fit one bucket of 8192 B.
// CHECK-LABEL: @merges_small_gradients
// CHECK-SAME:    %[[A:[^:]*]]: tensor<1024xf32{{.*}}, %[[B:[^:]*]]: tensor<512xf32
func.func @merges_small_gradients(%a: tensor<1024xf32, #partial>,
                                  %b: tensor<512xf32, #partial>)
    -> (tensor<1024xf32, #whole>, tensor<512xf32, #whole>) {
  // CHECK: %[[R:.*]]:2 = dist.all_reduce sum %[[A]], %[[B]] over ["data"] {label = "a, b"}
  %0 = dist.all_reduce sum %a over ["data"] {label = "a"} : tensor<1024xf32, #partial>
  %1 = dist.all_reduce sum %b over ["data"] {label = "b"} : tensor<512xf32, #partial>
  // CHECK: return %[[R]]#0, %[[R]]#1
  return %0, %1 : tensor<1024xf32, #whole>, tensor<512xf32, #whole>
}

// 8192 B fill a bucket; 4 B more start the next one. The cost model's bucket is
// larger.
// CHECK-LABEL: @closes_a_full_bucket
// CHECK-COUNT-2: dist.all_reduce
// MODEL-LABEL: @closes_a_full_bucket
// MODEL-COUNT-1: dist.all_reduce
// MODEL-NOT: dist.all_reduce
// MODEL: return
func.func @closes_a_full_bucket(%a: tensor<2048xf32, #partial>, %b: tensor<1xf32, #partial>) {
  %0 = dist.all_reduce sum %a over ["data"] : tensor<2048xf32, #partial>
  %1 = dist.all_reduce sum %b over ["data"] : tensor<1xf32, #partial>
  return
}

// CHECK-LABEL: @keeps_a_chain_apart
func.func @keeps_a_chain_apart(%a: tensor<4xf32, #partial>, %b: tensor<4xf32, #partial>) {
  // CHECK: %[[R:.*]] = dist.all_reduce
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #partial>
  // CHECK: graph.exp %[[R]]
  %1 = graph.exp %0 : tensor<4xf32, #whole>
  // CHECK: dist.all_reduce
  %2 = dist.all_reduce sum %b over ["data"] : tensor<4xf32, #partial>
  return
}

// A reader in a nested region closes the bucket too.
// CHECK-LABEL: @keeps_apart_what_a_region_reads
func.func @keeps_apart_what_a_region_reads(%a: tensor<4xf32, #partial>, %b: tensor<4xf32, #partial>) {
  // CHECK: %[[R:.*]] = dist.all_reduce
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #partial>
  // CHECK: "test.region"
  "test.region"() ({
    %1 = graph.exp %0 : tensor<4xf32, #whole>
    "test.end"() : () -> ()
  }) : () -> ()
  // CHECK: dist.all_reduce
  %2 = dist.all_reduce sum %b over ["data"] : tensor<4xf32, #partial>
  return
}

// Kinds and element types have buckets of their own, open at the same time.
// CHECK-LABEL: @keeps_kinds_and_types_apart
func.func @keeps_kinds_and_types_apart(%a: tensor<4xf32, #partial>, %b: tensor<4xf64, #partial>,
                                       %c: tensor<4xf32, #max>, %d: tensor<4xf32, #partial>) {
  // CHECK-NEXT: dist.all_reduce sum {{.*}} : tensor<4xf64
  // CHECK-NEXT: dist.all_reduce max {{.*}} : tensor<4xf32
  // CHECK-NEXT: dist.all_reduce sum {{.*}} : tensor<4xf32, {{.*}}, tensor<4xf32
  // CHECK-NEXT: return
  %0 = dist.all_reduce sum %a over ["data"] : tensor<4xf32, #partial>
  %1 = dist.all_reduce sum %b over ["data"] : tensor<4xf64, #partial>
  %2 = dist.all_reduce max %c over ["data"] : tensor<4xf32, #max>
  %3 = dist.all_reduce sum %d over ["data"] : tensor<4xf32, #partial>
  return
}
