// RUN: mlc-opt %s | mlc-opt | FileCheck %s
// RUN: mlc-opt %s -mlir-print-op-generic | mlc-opt | FileCheck %s

// CHECK: graph.parameter @hidden.w : tensor<64x64xf32> init #graph.init<uniform, -1.250000e-01, 1.250000e-01> role trained
graph.parameter @hidden.w : tensor<64x64xf32> init #graph.init<uniform, -0.125, 0.125> role trained
// CHECK: graph.parameter @wh : tensor<8x4xf32> init #graph.init<orthogonal, 1.000000e+00, 4.000000e+00> role trained
graph.parameter @wh : tensor<8x4xf32> init #graph.init<orthogonal, 1.0, 4.0> role trained
// CHECK: graph.parameter @"w#adam.m" : tensor<64xf32> init #graph.init<zeros> role optimizer
graph.parameter @"w#adam.m" : tensor<64xf32> init #graph.init<zeros> role optimizer
// CHECK: graph.parameter @seen : tensor<i64> init #graph.init<constant, 3.000000e+00> role state
graph.parameter @seen : tensor<i64> init #graph.init<constant, 3.0> role state

// CHECK-LABEL: @elementwise
func.func @elementwise(%a: tensor<4x8xf32>, %n: tensor<4xi32>, %p: tensor<4x8xi1>) {
  // CHECK: graph.add %{{.*}}, %{{.*}} : tensor<4x8xf32>
  %0 = graph.add %a, %a : tensor<4x8xf32>
  // CHECK: graph.sub
  %1 = graph.sub %a, %a : tensor<4x8xf32>
  // CHECK: graph.mul
  %2 = graph.mul %a, %a : tensor<4x8xf32>
  // CHECK: graph.div
  %3 = graph.div %a, %a : tensor<4x8xf32>
  // CHECK: graph.pow
  %4 = graph.pow %a, %a : tensor<4x8xf32>
  // CHECK: graph.maximum
  %5 = graph.maximum %a, %a : tensor<4x8xf32>
  // CHECK: graph.minimum
  %6 = graph.minimum %a, %a : tensor<4x8xf32>
  // CHECK: graph.idiv %{{.*}}, %{{.*}} : tensor<4xi32>
  %7 = graph.idiv %n, %n : tensor<4xi32>
  // CHECK: graph.mod
  %8 = graph.mod %n, %n : tensor<4xi32>
  // CHECK: graph.neg %{{.*}} : tensor<4x8xf32>
  %9 = graph.neg %a : tensor<4x8xf32>
  // CHECK: graph.abs
  %10 = graph.abs %a : tensor<4x8xf32>
  // CHECK: graph.sign
  %11 = graph.sign %a : tensor<4x8xf32>
  // CHECK: graph.exp
  %12 = graph.exp %a : tensor<4x8xf32>
  // CHECK: graph.log
  %13 = graph.log %a : tensor<4x8xf32>
  // CHECK: graph.log1p
  %26 = graph.log1p %a : tensor<4x8xf32>
  // CHECK: graph.sqrt
  %14 = graph.sqrt %a : tensor<4x8xf32>
  // CHECK: graph.tanh
  %15 = graph.tanh %a : tensor<4x8xf32>
  // CHECK: graph.sigmoid
  %16 = graph.sigmoid %a : tensor<4x8xf32>
  // CHECK: graph.relu
  %17 = graph.relu %a : tensor<4x8xf32>
  // CHECK: graph.cos
  %18 = graph.cos %a : tensor<4x8xf32>
  // CHECK: graph.expm1
  %27 = graph.expm1 %a : tensor<4x8xf32>
  // CHECK: graph.erf
  %28 = graph.erf %a : tensor<4x8xf32>
  // CHECK: graph.sin
  %29 = graph.sin %a : tensor<4x8xf32>
  // CHECK: graph.round
  %30 = graph.round %a : tensor<4x8xf32>
  // CHECK: graph.floor
  %19 = graph.floor %a : tensor<4x8xf32>
  // CHECK: graph.compare lt %{{.*}}, %{{.*}} : tensor<4x8xf32>
  %20 = graph.compare lt %a, %a : tensor<4x8xf32>
  // CHECK: graph.and %{{.*}}, %{{.*}} : tensor<4x8xi1>
  %21 = graph.and %20, %p : tensor<4x8xi1>
  // CHECK: graph.or
  %22 = graph.or %21, %p : tensor<4x8xi1>
  // CHECK: graph.not
  %23 = graph.not %22 : tensor<4x8xi1>
  // CHECK: graph.select %{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>
  %24 = graph.select %23, %a, %a : tensor<4x8xf32>
  // CHECK: graph.cast %{{.*}} : tensor<4xi32> to tensor<4xbf16>
  %25 = graph.cast %n : tensor<4xi32> to tensor<4xbf16>
  return
}

// CHECK-LABEL: @tensors
func.func @tensors(%a: tensor<4x8xf32>, %b: tensor<8x3xf32>, %l: tensor<4xui8>) {
  // CHECK: graph.constant dense<1.000000e+00> : tensor<4xf32>
  %0 = graph.constant dense<1.0> : tensor<4xf32>
  // CHECK: graph.iota dim = 1 : tensor<4x8xi32>
  %1 = graph.iota dim = 1 : tensor<4x8xi32>
  // CHECK: graph.broadcast %{{.*}} dims = [0] : tensor<4xf32> to tensor<4x8xf32>
  %2 = graph.broadcast %0 dims = [0] : tensor<4xf32> to tensor<4x8xf32>
  // CHECK: graph.reshape %{{.*}} : tensor<4x8xf32> to tensor<2x16xf32>
  %3 = graph.reshape %a : tensor<4x8xf32> to tensor<2x16xf32>
  // CHECK: graph.reshape %{{.*}} keep = [0] to [1] : tensor<4x8xf32> to tensor<1x4x2x4xf32>
  %12 = graph.reshape %a keep = [0] to [1] : tensor<4x8xf32> to tensor<1x4x2x4xf32>
  // CHECK: graph.transpose %{{.*}} perm = [1, 0] : tensor<2x16xf32> to tensor<16x2xf32>
  %4 = graph.transpose %3 perm = [1, 0] : tensor<2x16xf32> to tensor<16x2xf32>
  // CHECK: graph.reduce sum %{{.*}} dims = [0] : tensor<16x2xf32> to tensor<2xf32>
  %5 = graph.reduce sum %4 dims = [0] : tensor<16x2xf32> to tensor<2xf32>
  // CHECK: graph.arg_reduce max %{{.*}} dim = 1 : tensor<16x2xf32> to tensor<16xi32>
  %6 = graph.arg_reduce max %4 dim = 1 : tensor<16x2xf32> to tensor<16xi32>
  // CHECK: graph.dot %{{.*}}, %{{.*}} batch = [] x [] contract = [1] x [0] : tensor<4x8xf32>, tensor<8x3xf32> to tensor<4x3xf32>
  %7 = graph.dot %a, %b batch = [] x [] contract = [1] x [0] : tensor<4x8xf32>, tensor<8x3xf32> to tensor<4x3xf32>
  // CHECK: graph.softmax_cross_entropy %{{.*}}, %{{.*}} : tensor<4x3xf32>, tensor<4xui8>
  %8 = graph.softmax_cross_entropy %7, %l : tensor<4x3xf32>, tensor<4xui8>
  // CHECK: graph.softmax_cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}} : tensor<4x3xf32>, tensor<4xui8>, tensor<4xf32> to tensor<4x3xf32>
  %9 = graph.softmax_cross_entropy_grad %7, %l, %8 : tensor<4x3xf32>, tensor<4xui8>, tensor<4xf32> to tensor<4x3xf32>
  // CHECK: graph.concat dim = 0 %{{.*}}, %{{.*}} : (tensor<2xf32>, tensor<4xf32>) -> tensor<6xf32>
  %10 = graph.concat dim = 0 %5, %0 : (tensor<2xf32>, tensor<4xf32>) -> tensor<6xf32>
  // CHECK: graph.slice %{{.*}} starts = [1] limits = [6] strides = [2] : tensor<6xf32> to tensor<3xf32>
  %11 = graph.slice %10 starts = [1] limits = [6] strides = [2] : tensor<6xf32> to tensor<3xf32>
  // CHECK: strides = [9223372036854775807] : tensor<6xf32> to tensor<1xf32>
  %slice = graph.slice %10 starts = [1] limits = [6] strides = [9223372036854775807] : tensor<6xf32> to tensor<1xf32>
  return
}

// CHECK-LABEL: @loops
func.func @loops(%x: tensor<28x4xf32>, %w: tensor<4xf32>, %h: tensor<4xf32>) {
  // CHECK: %{{.*}}:2 = graph.scan 28 reverse remat carry(%[[C:.*]] = %{{.*}} : tensor<4xf32>) over(%[[X:.*]] = %{{.*}} : tensor<28x4xf32>) same(%[[W:.*]] = %{{.*}} : tensor<4xf32>) {
  %r:2 = graph.scan 28 reverse remat carry(%c = %h : tensor<4xf32>) over(%s = %x : tensor<28x4xf32>) same(%v = %w : tensor<4xf32>) {
    // CHECK: graph.mul %[[C]], %[[W]]
    %0 = graph.mul %c, %v : tensor<4xf32>
    // CHECK: graph.add %{{.*}}, %[[X]]
    %1 = graph.add %0, %s : tensor<4xf32>
    // CHECK: graph.yield %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>
    graph.yield %1, %1 : tensor<4xf32>, tensor<4xf32>
    // CHECK: } : tensor<4xf32>, tensor<28x4xf32>
  } : tensor<4xf32>, tensor<28x4xf32>
  return
}

// CHECK-LABEL: @gradients
func.func @gradients(%x: tensor<4xf32>, %k: tensor<4xi32>) {
  // CHECK: %{{.*}}:2 = graph.custom_gradient %[[X:.*]], %[[X]] of(%[[X]], %{{.*}} : tensor<4xf32>, tensor<4xi32>) {
  %r:2 = graph.custom_gradient %x, %x of(%x, %k : tensor<4xf32>, tensor<4xi32>) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xi32>, %da: tensor<4xf32>, %db: tensor<4xf32>):
    %0 = graph.add %da, %db : tensor<4xf32>
    // CHECK: graph.cotangents %{{.*}} : tensor<4xf32>
    graph.cotangents %0 : tensor<4xf32>
    // CHECK: } : tensor<4xf32>, tensor<4xf32>
  } : tensor<4xf32>, tensor<4xf32>
  return
}

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x6xf32>, %m: tensor<1x1x3x5xi1>, %do: tensor<2x4x3x6xf32>, %d: tensor<2x4x3xf32>) {
  // CHECK: graph.attention %{{.*}}, %{{.*}}, %{{.*}} causal scale = 2.500000e-01 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32>
  %o, %l = graph.attention %q, %k, %v causal scale = 0.25 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32>
  // CHECK: graph.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} : tensor<1x1x3x5xi1> scale = 1.000000e+00 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32>
  %o1, %l1 = graph.attention %q, %k, %v mask %m : tensor<1x1x3x5xi1> scale = 1.0 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32> to tensor<2x4x3x6xf32>, tensor<2x4x3xf32>
  // CHECK: graph.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} : tensor<1x1x3x5xi1> causal scale = 2.500000e-01 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>
  %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %d mask %m : tensor<1x1x3x5xi1> causal scale = 0.25 : tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>, tensor<2x4x3xf32>, tensor<2x4x3x6xf32>, tensor<2x4x3xf32> to tensor<2x4x3x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x6xf32>
  return
}

// CHECK-LABEL: @windows
func.func @windows(%x: tensor<2x4x9x8xf32>, %w: tensor<6x2x3x3xf32>, %l: tensor<2x4x9xf32>) {
  // CHECK: %[[Y:.*]] = graph.conv %{{.*}}, %{{.*}} strides = [2, 1] low = [1, 0] high = [1, 0] dilation = [1, 1] x [1, 2] groups = 2 : tensor<2x4x9x8xf32>, tensor<6x2x3x3xf32> to tensor<2x6x5x4xf32>
  %y = graph.conv %x, %w strides = [2, 1] low = [1, 0] high = [1, 0] dilation = [1, 1] x [1, 2] groups = 2 : tensor<2x4x9x8xf32>, tensor<6x2x3x3xf32> to tensor<2x6x5x4xf32>
  // CHECK: graph.conv %[[Y]], %{{.*}} strides = [1, 1] low = [1, 4] high = [1, 4] dilation = [2, 1] x [1, 2] groups = 2 transposed : tensor<2x6x5x4xf32>, tensor<6x2x3x3xf32> to tensor<2x4x9x8xf32>
  %dx = graph.conv %y, %w strides = [1, 1] low = [1, 4] high = [1, 4] dilation = [2, 1] x [1, 2] groups = 2 transposed : tensor<2x6x5x4xf32>, tensor<6x2x3x3xf32> to tensor<2x4x9x8xf32>
  // CHECK: graph.conv_kernel_grad %{{.*}}, %[[Y]] strides = [2, 1] low = [1, 0] high = [1, 0] dilation = [1, 1] x [1, 2] groups = 2 : tensor<2x4x9x8xf32>, tensor<2x6x5x4xf32> to tensor<6x2x3x3xf32>
  %dw = graph.conv_kernel_grad %x, %y strides = [2, 1] low = [1, 0] high = [1, 0] dilation = [1, 1] x [1, 2] groups = 2 : tensor<2x4x9x8xf32>, tensor<2x6x5x4xf32> to tensor<6x2x3x3xf32>
  // CHECK: graph.sum_pool %{{.*}} window = [3] strides = [2] low = [1] high = [1] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x5xf32>
  %s = graph.sum_pool %l window = [3] strides = [2] low = [1] high = [1] dilation = [1] x [1] : tensor<2x4x9xf32> to tensor<2x4x5xf32>
  // CHECK: graph.max_pool %{{.*}}, %{{.*}} window = [2] strides = [2] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x4xf32>
  %m = graph.max_pool %l, %l window = [2] strides = [2] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x9xf32> to tensor<2x4x4xf32>
  // CHECK: graph.max_pool_grad %{{.*}}, %{{.*}} window = [2] strides = [2] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x4xf32> to tensor<2x4x9xf32>
  %dm = graph.max_pool_grad %l, %m window = [2] strides = [2] low = [0] high = [0] dilation = [1] x [1] : tensor<2x4x9xf32>, tensor<2x4x4xf32> to tensor<2x4x9xf32>
  return
}

// CHECK-LABEL: @random_numbers
func.func @random_numbers(%seed: tensor<i64>, %step: tensor<i64>, %rows: tensor<4xi64>) {
  // CHECK: graph.random_uniform %{{.*}} fold(%{{.*}}) rows %{{.*}} dim = 1 site = 7 : (tensor<i64>, tensor<i64>, tensor<4xi64>) -> tensor<3x4xf32>
  %0 = graph.random_uniform %seed fold(%step) rows %rows dim = 1 site = 7 : (tensor<i64>, tensor<i64>, tensor<4xi64>) -> tensor<3x4xf32>
  // CHECK: graph.dropout_mask %{{.*}} fold(%{{.*}}, %{{.*}}) site = -1 rate = 5.000000e-01 : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<3xf64>
  %1 = graph.dropout_mask %seed fold(%step, %step) site = -1 rate = 0.5 : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<3xf64>
  return
}

// CHECK-LABEL: @batch_norm
func.func @batch_norm(%x: tensor<6x3x2xbf16>, %scale: tensor<3xf32>, %mask: tensor<6xf32>) {
  // CHECK: %[[Y:.*]], %[[MEAN:.*]], %[[VARIANCE:.*]], %[[COUNT:.*]] = graph.batch_norm %{{.*}} scale %{{.*}} shift %{{.*}} mask %{{.*}} eps = 1.000000e-05 microbatches = 2
  %y, %mean, %variance, %count = graph.batch_norm %x scale %scale shift %scale mask %mask eps = 1.0e-5 microbatches = 2
      : (tensor<6x3x2xbf16>, tensor<3xf32>, tensor<3xf32>, tensor<6xf32>) -> (tensor<6x3x2xbf16>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>)
  // CHECK: graph.batch_norm_grad %[[Y]], %{{.*}} scale %{{.*}} mask %{{.*}} statistics %[[MEAN]], %[[VARIANCE]], %[[COUNT]] eps = 1.000000e-05 microbatches = 2
  %dx, %dscale, %dshift = graph.batch_norm_grad %y, %x scale %scale mask %mask statistics %mean, %variance, %count eps = 1.0e-5 microbatches = 2
      : (tensor<6x3x2xbf16>, tensor<6x3x2xbf16>, tensor<3xf32>, tensor<6xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> (tensor<6x3x2xbf16>, tensor<2x3xf32>, tensor<2x3xf32>)
  return
}
