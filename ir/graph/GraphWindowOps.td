//===- GraphWindowOps.td - Ops with a window that moves over a tensor -----===//

#ifndef MLC_IR_GRAPH_GRAPHWINDOWOPS
#define MLC_IR_GRAPH_GRAPHWINDOWOPS

include "ir/graph/GraphOpBase.td"

// The window over the spatial dimensions, those behind the first two. Every list
// has one entry per spatial dimension:
//   strides          from one place of the window to the next;
//   low, high        padding before and behind; negative: elements left out;
//   inputDilation    distance of the elements of the input (zeros between);
//   windowDilation   distance of the taps of the window.
// Tap `t` of the window at place `y` meets element `m` of the input where
//   y * stride + t * windowDilation - low == m * inputDilation.
defvar Graph_WindowArguments = (ins
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
    DenseI64ArrayAttr:$inputDilation, DenseI64ArrayAttr:$windowDilation);
defvar Graph_WindowFormat = [{
    `strides` `=` $strides `low` `=` $low `high` `=` $high
    `dilation` `=` $inputDilation `x` $windowDilation
}];
defvar Graph_WindowDeclarations = [{
    /// The window, one entry per spatial dimension.
    ::mlc::graph::Window getWindow();
}];

def Graph_ReadsMemory : NativeOpTrait<"ReadsMemory"> {
  let cppNamespace = "::mlc::graph";
}

class Graph_WindowOp<string mnemonic, list<Trait> traits = [],
                     list<string> fusionMethods = []>
    : Graph_Op<mnemonic, !listconcat([Graph_Gradient, Graph_ReadsMemory], traits), ["getFlops"],
               ["getShardingRule"], fusionMethods> {
  let extraClassDeclaration = Graph_WindowDeclarations;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

def Graph_ConvOp : Graph_WindowOp<"conv",
    [AllElementTypesMatch<["input", "kernel", "result"]>],
    ["acceptsEpilogue"]> {
  let summary = "convolution over one or two spatial dimensions";
  let description = [{
    For an input `[N, C, s...]` and a kernel `[O, C / groups, k...]`, as in
    PyTorch a correlation:

        result[n, o, y...] = sum over c, t... of
            kernel[o, c, t...] * input[n, first(o) + c, m...]

    where tap `t` of the window at `y` meets element `m`, along every spatial
    dimension `y * stride + t * windowDilation - low == m * inputDilation`; what
    meets no element is left out. `first(o)` is the first channel of the group
    of `o`. With `transposed` the kernel is `[C, O / groups, k...]` and is read
    backwards: `kernel[c, o, k - 1 - t...]`; so the gradient of a convolution
    with respect to its input is a convolution with the same kernel.

    f16 and bf16 accumulate in f32. Without groups, channels that are sharded
    give a partial result; the spatial dimensions stay whole.

    - (C1) Operands and result have one element type.
    - (C2) Operands have one or two spatial dimensions, as many each.
    - (C3) The lists have one entry per spatial dimension, and strides and
      dilations are at least 1.
    - (C4) `groups` is at least 1 and divides the channels of input and result,
      and the kernel has as many channels as a group.
    - (C5) The window fits into the padded input.
    - (C6) The result has the shape above.

    ```mlir
    %r = graph.conv %x, %w strides = [1, 1] low = [2, 2] high = [2, 2] dilation = [1, 1] x [1, 1] groups = 1
        : tensor<64x1x28x28xf32>, tensor<6x1x5x5xf32> to tensor<64x6x28x28xf32>
    ```
  }];
  let arguments = !con((ins Graph_FloatTensor:$input, Graph_FloatTensor:$kernel),
                       Graph_WindowArguments,
                       (ins I64Attr:$groups, UnitAttr:$transposed));
  let results = (outs Graph_FloatTensor:$result);
  let assemblyFormat = !strconcat("$input `,` $kernel", Graph_WindowFormat, [{
    `groups` `=` $groups (`transposed` $transposed^)? attr-dict
    `:` type($input) `,` type($kernel) `to` type($result)
  }]);
  let builders = [OpBuilder<(ins "::mlir::Value":$input,
      "::mlir::Value":$kernel, "const ::mlc::graph::Window &":$window,
      "int64_t":$groups, CArg<"bool", "false">:$transposed)>];
}

def Graph_ConvKernelGradOp : Graph_WindowOp<"conv_kernel_grad",
    [AllElementTypesMatch<["input", "dresult", "dkernel"]>]> {
  let summary = "gradient of conv with respect to the kernel";
  let description = [{
    For an input `[N, C, s...]` and the cotangent `[N, O, y...]` of the result of
    a convolution:

        dkernel[o, c, t...] = sum over n, y... of
            dresult[n, o, y...] * input[n, first(o) + c, m...]

    with `m` and `first` as for `graph.conv`. The sum is over the batch, so a
    sharded one gives a partial result.

    - (C1) Operands and result have one element type.
    - (C2) Operands and result have one or two spatial dimensions, as many each.
    - (C3) The lists have one entry per spatial dimension, and strides and
      dilations are at least 1.
    - (C4) `groups` is at least 1 and divides the channels of both operands, and
      the result has as many channels as a group.
    - (C5) The window of the result's extents fits into the padded input.
    - (C6) The cotangent has the shape of the convolution's result.

    ```mlir
    %dw = graph.conv_kernel_grad %x, %dy strides = [1, 1] low = [2, 2] high = [2, 2] dilation = [1, 1] x [1, 1] groups = 1
        : tensor<64x1x28x28xf32>, tensor<64x6x28x28xf32> to tensor<6x1x5x5xf32>
    ```
  }];
  let arguments = !con((ins Graph_FloatTensor:$input, Graph_FloatTensor:$dresult),
                       Graph_WindowArguments, (ins I64Attr:$groups));
  let results = (outs Graph_FloatTensor:$dkernel);
  let assemblyFormat = !strconcat("$input `,` $dresult", Graph_WindowFormat, [{
    `groups` `=` $groups attr-dict
    `:` type($input) `,` type($dresult) `to` type($dkernel)
  }]);
  let builders = [OpBuilder<(ins "::mlir::Value":$input,
      "::mlir::Value":$dresult, "const ::mlc::graph::Window &":$window,
      "int64_t":$groups)>];
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

def Graph_SumPoolOp : Graph_WindowOp<"sum_pool",
    [AllElementTypesMatch<["input", "result"]>], ["acceptsEpilogue"]> {
  let summary = "sum over a window";
  let description = [{
    `result[n, c, y...]` is the sum of the elements `m` of channel `c` that the
    window at `y` meets, as for `graph.conv`. Its gradient is such a sum, too.
    f16 and bf16 accumulate in f32. Partial values stay partial.

    - (C1) Operand and result have one element type.
    - (C2) The operand has one or two spatial dimensions.
    - (C3) The lists have one entry per spatial dimension; the window's extents,
      strides and dilations are at least 1.
    - (C4) The window fits into the padded input.
    - (C5) The result has the shape above.

    ```mlir
    %r = graph.sum_pool %x window = [2, 2] strides = [2, 2] low = [0, 0] high = [0, 0] dilation = [1, 1] x [1, 1]
        : tensor<64x6x28x28xf32> to tensor<64x6x14x14xf32>
    ```
  }];
  let arguments = !con((ins Graph_FloatTensor:$input,
                            DenseI64ArrayAttr:$extents),
                       Graph_WindowArguments);
  let results = (outs Graph_FloatTensor:$result);
  let assemblyFormat = !strconcat("$input `window` `=` $extents", Graph_WindowFormat, [{
    attr-dict `:` type($input) `to` type($result)
  }]);
  let builders = [OpBuilder<(ins "::mlir::Value":$input,
      "const ::mlc::graph::Window &":$window)>];
}

def Graph_MaxPoolOp : Graph_WindowOp<"max_pool",
    [AllElementTypesMatch<["keys", "values", "result"]>],
    ["acceptsEpilogue"]> {
  let summary = "the value where a window has its largest key";
  let description = [{
    `result[n, c, y...] = values[n, c, m...]` where `m` is, of the elements that
    the window at `y` meets, the one with the largest of `keys`: the first of
    equals, and as in PyTorch the last NaN wins over every number. The maximum
    itself is `graph.max_pool %x, %x`.

    The gradient flows to `values` alone: for the maximum that is the gradient.

    - (C1) Operands and result have one element type.
    - (C2) The operands have one or two spatial dimensions.
    - (C3) The lists have one entry per spatial dimension; the window's extents,
      strides and dilations are at least 1.
    - (C4) The window fits into the padded input, and meets an element at every
      place.
    - (C5) The result has the shape above.
    - (C6) `values` has the shape of `keys`.
    - (C7) The input dilation is 1.

    ```mlir
    %r = graph.max_pool %x, %x window = [2, 2] strides = [2, 2] low = [0, 0] high = [0, 0] dilation = [1, 1] x [1, 1]
        : tensor<64x6x28x28xf32>, tensor<64x6x28x28xf32> to tensor<64x6x14x14xf32>
    ```
  }];
  let arguments = !con((ins Graph_FloatTensor:$keys, Graph_FloatTensor:$values,
                            DenseI64ArrayAttr:$extents),
                       Graph_WindowArguments);
  let results = (outs Graph_FloatTensor:$result);
  let assemblyFormat = !strconcat("$keys `,` $values `window` `=` $extents", Graph_WindowFormat, [{
    attr-dict `:` type($keys) `,` type($values) `to` type($result)
  }]);
  let builders = [OpBuilder<(ins "::mlir::Value":$keys, "::mlir::Value":$values,
      "const ::mlc::graph::Window &":$window)>];
}

def Graph_MaxPoolGradOp : Graph_WindowOp<"max_pool_grad",
    [AllElementTypesMatch<["keys", "dresult", "dvalues"]>],
    ["acceptsEpilogue"]> {
  let summary = "gradient of max_pool with respect to the values";
  let description = [{
    `dvalues[n, c, m...]` is the sum of `dresult[n, c, y...]` over the places `y`
    where the window has its largest key at `m`, chosen as by `graph.max_pool`.

    - (C1) Operands and result have one element type.
    - (C2) The operands have one or two spatial dimensions.
    - (C3) The lists have one entry per spatial dimension; the window's extents,
      strides and dilations are at least 1.
    - (C4) The window fits into the padded input, and meets an element at every
      place.
    - (C5) `dresult` has the shape of the pool's result.
    - (C6) `dvalues` has the shape of `keys`.
    - (C7) The input dilation is 1.

    ```mlir
    %dx = graph.max_pool_grad %x, %dy window = [2, 2] strides = [2, 2] low = [0, 0] high = [0, 0] dilation = [1, 1] x [1, 1]
        : tensor<64x6x28x28xf32>, tensor<64x6x14x14xf32> to tensor<64x6x28x28xf32>
    ```
  }];
  let arguments = !con((ins Graph_FloatTensor:$keys, Graph_FloatTensor:$dresult,
                            DenseI64ArrayAttr:$extents),
                       Graph_WindowArguments);
  let results = (outs Graph_FloatTensor:$dvalues);
  let assemblyFormat = !strconcat("$keys `,` $dresult `window` `=` $extents", Graph_WindowFormat, [{
    attr-dict `:` type($keys) `,` type($dresult) `to` type($dvalues)
  }]);
  let builders = [OpBuilder<(ins "::mlir::Value":$keys, "::mlir::Value":$dresult,
      "const ::mlc::graph::Window &":$window)>];
}

#endif // MLC_IR_GRAPH_GRAPHWINDOWOPS
