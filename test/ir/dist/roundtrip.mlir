// RUN: mlc-opt %s | mlc-opt | FileCheck %s

// CHECK-DAG: #[[ROWS:.*]] = #dist.layout<@mesh, [{"data"}, {}]>
// CHECK-DAG: #[[PART:.*]] = #dist.layout<@mesh, [{}], partial = ["data"]>
// CHECK-DAG: #[[MAX:.*]] = #dist.layout<@mesh, [{}], partial_max = ["data"]>
// CHECK-DAG: #[[MIN:.*]] = #dist.layout<@mesh, [{}], partial_min = ["data"]>
// CHECK-DAG: #[[WHOLE:.*]] = #dist.layout<@mesh, [{}]>
#rows = #dist.layout<@mesh, [{"data"}, {}]>
#part = #dist.layout<@mesh, [{}], partial = ["data"]>
#max = #dist.layout<@mesh, [{}], partial_max = ["data"]>
#min = #dist.layout<@mesh, [{}], partial_min = ["data"]>
#whole = #dist.layout<@mesh, [{}]>

// CHECK: dist.mesh @mesh ["data", "model"] sizes = [-1, 2]
dist.mesh @mesh ["data", "model"] sizes = [-1, 2]

// CHECK-LABEL: @collectives
func.func @collectives(%a: tensor<4xf32, #part>, %b: tensor<8xf32, #part>,
                       %c: tensor<4xf32, #max>, %d: tensor<4xf32, #min>) {
  // CHECK: dist.all_reduce sum %{{.*}}, %{{.*}} over ["data"] {id = 3 : i64, label = "w"} : tensor<4xf32, #[[PART]]>, tensor<8xf32, #[[PART]]>
  %0:2 = dist.all_reduce sum %a, %b over ["data"] {id = 3 : i64, label = "w"}
      : tensor<4xf32, #part>, tensor<8xf32, #part>
  // CHECK: dist.all_reduce max %{{.*}} over ["data"] : tensor<4xf32, #[[MAX]]>
  %1 = dist.all_reduce max %c over ["data"] : tensor<4xf32, #max>
  // CHECK: dist.all_reduce min %{{.*}} over ["data"] : tensor<4xf32, #[[MIN]]>
  %2 = dist.all_reduce min %d over ["data"] : tensor<4xf32, #min>
  // CHECK: dist.reshard %{{.*}} : tensor<4xf32, #[[PART]]> to tensor<4xf32, #[[WHOLE]]>
  %3 = dist.reshard %a : tensor<4xf32, #part> to tensor<4xf32, #whole>
  return
}

// CHECK-LABEL: @loop
func.func @loop(%x: tensor<8x4xf32, #rows>) -> tensor<4xf32, #whole> {
  // CHECK: dist.microbatch_loop (%[[R:.*]] = %{{.*}} : tensor<8x4xf32, #[[ROWS]]>) {
  %s = dist.microbatch_loop (%r = %x : tensor<8x4xf32, #rows>) {
    %0 = graph.reduce sum %r dims = [0]
        : tensor<8x4xf32, #rows> to tensor<4xf32, #part>
    // CHECK: dist.yield %{{.*}} : tensor<4xf32, #[[PART]]>
    dist.yield %0 : tensor<4xf32, #part>
  // CHECK: } : tensor<4xf32, #[[PART]]>
  } : tensor<4xf32, #part>
  %w = dist.all_reduce sum %s over ["data"] : tensor<4xf32, #part>
  return %w : tensor<4xf32, #whole>
}
