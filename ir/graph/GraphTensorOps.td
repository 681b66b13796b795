//===- GraphTensorOps.td - Ops that make, move and reduce tensors ---------===//

#ifndef MLC_IR_GRAPH_GRAPHTENSOROPS
#define MLC_IR_GRAPH_GRAPHTENSOROPS

include "ir/graph/GraphOpBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

def Graph_ParameterOp : Op<Graph_Dialect, "parameter", [Symbol]> {
  let summary = "a tensor that lives from step to step";
  let description = [{
    Declares a tensor of the model by its path: `trained` by the optimizer,
    `state` that the model itself updates, or state of the `optimizer`, named
    `path#adam.m`. Functions read it as the argument with `graph.param`, and
    write it as the result with `graph.update`.

    - (C1) The type is a tensor of known shape, without a layout.
    - (C2) A trained parameter has a float type.
    - (C3) Only floats have a random initial value.
    - (C4) An `orthogonal` initial value fills whole rows.

    ```mlir
    graph.parameter @hidden.w : tensor<64x64xf32> init #graph.init<uniform, -0.125, 0.125> role trained
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<Graph_Tensor>:$type, Graph_InitAttr:$init,
                       Graph_ParameterRole:$role);
  let assemblyFormat = [{
    $sym_name `:` $type `init` qualified($init) `role` $role attr-dict
  }];
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
  }];
  let hasVerifier = 1; // (C1) to (C4)
}

//===----------------------------------------------------------------------===//
// Values from nothing
//===----------------------------------------------------------------------===//

def Graph_ConstantOp : Graph_Op<"constant",
    [ConstantLike, AllTypesMatch<["value", "result"]>], ["getFlops"],
    ["getShardingRule", "retypeResults"], ["getFusionRole"]> {
  let summary = "a tensor known at compile time";
  let description = [{
    `result = value`.

    - (C1) The value has the type of the result.

    ```mlir
    %one = graph.constant dense<1.0> : tensor<4xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$value attr-dict";
  let builders = [
    OpBuilder<(ins "::mlir::ElementsAttr":$value), [{
      build($_builder, $_state, value.getShapedType(), value);
    }]>,
    // Every element is `value`, converted to the element type.
    OpBuilder<(ins "::mlir::RankedTensorType":$type, "double":$value), [{
      build($_builder, $_state, type, splatOf(type, value));
    }]>];
  let hasFolder = 1;
}

def Graph_IotaOp : Graph_Op<"iota", [], ["getFlops"]> {
  let summary = "indices along one dimension";
  let description = [{
    `result[i0, i1, ...] = i_dim`.

    - (C1) `0 <= dim < rank(result)`.

    ```mlir
    %i = graph.iota dim = 1 : tensor<4x8xi32>
    ```
  }];
  let arguments = (ins I64Attr:$dim);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = "`dim` `=` $dim attr-dict `:` type($result)";
  let hasVerifier = 1; // (C1)
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

def Graph_BroadcastOp : Graph_Op<"broadcast",
    [Graph_Gradient, AllElementTypesMatch<["operand", "result"]>],
    ["getFlops"],
    ["getShardingRule"], ["getFusionRole"]> {
  let summary = "repetition along new dimensions and those of extent 1";
  let description = [{
    Dimension `i` of the operand is dimension `dims[i]` of the result:
    `result[j...] = operand[k...]` with `k_i = j_{dims[i]}`, or 0 where the
    operand's extent is 1. Partial values stay partial.

    - (C1) Operand and result have one element type.
    - (C2) `dims` has one entry per dimension of the operand.
    - (C3) `dims` is strictly increasing, from 0 to below the result's rank.
    - (C4) An operand's extent is the result's or 1.

    ```mlir
    %r = graph.broadcast %x dims = [1] : tensor<10xf32> to tensor<64x10xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $operand `dims` `=` $dims attr-dict `:` type($operand) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$operand,
      "::llvm::ArrayRef<int64_t>":$shape, "::llvm::ArrayRef<int64_t>":$dims), [{
    build($_builder, $_state, withShape(operand.getType(), shape), operand, dims);
  }]>,
  // Aligns the last dimensions, as NumPy does.
  OpBuilder<(ins "::mlir::Value":$operand, "::llvm::ArrayRef<int64_t>":$shape), [{
    build($_builder, $_state, withShape(operand.getType(), shape), operand,
          trailingDims(operand.getType(), shape.size()));
  }]>];
  let hasVerifier = 1; // (C2) to (C4)
  let hasFolder = 1;
}

def Graph_ReshapeOp : Graph_Op<"reshape",
    [Graph_Gradient, AllElementTypesMatch<["operand", "result"]>],
    ["getFlops"],
    ["getShardingRule"], ["getFusionRole"]> {
  let summary = "the same elements in another shape";
  let description = [{
    The elements in row-major order stay as they are. Partial values stay
    partial. `keep` pairs dimensions of the operand and of the result that are
    the same ones: where extents of 1 stand beside each other, as with a batch of
    one row, the shapes do not say it.

    - (C1) Operand and result have one element type.
    - (C2) Operand and result have the same number of elements.
    - (C3) Both lists of `keep` are equally long, increase and name dimensions.
    - (C4) Kept dimensions have one extent, and as many elements before them.

    ```mlir
    %r = graph.reshape %x : tensor<64x28x28xf32> to tensor<64x784xf32>
    %s = graph.reshape %x keep = [0] to [1] : tensor<1xf32> to tensor<1x1xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$operand,
      DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{}">:$keepFrom,
      DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{}">:$keepTo);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $operand (`keep` `=` $keepFrom^ `to` $keepTo)? attr-dict `:`
    type($operand) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$operand,
                                 "::llvm::ArrayRef<int64_t>":$shape,
                                 CArg<"::llvm::ArrayRef<int64_t>", "{}">:$keepFrom,
                                 CArg<"::llvm::ArrayRef<int64_t>", "{}">:$keepTo), [{
    build($_builder, $_state, withShape(operand.getType(), shape), operand,
          keepFrom, keepTo);
  }]>];
  let hasVerifier = 1; // (C2) to (C4)
  let hasFolder = 1;
}

def Graph_TransposeOp : Graph_Op<"transpose",
    [Graph_Gradient, AllElementTypesMatch<["operand", "result"]>],
    ["getFlops"]> {
  let summary = "dimensions in another order";
  let description = [{
    Dimension `i` of the result is dimension `perm[i]` of the operand. Partial
    values stay partial.

    - (C1) Operand and result have one element type.
    - (C2) `perm` has every dimension of the operand once.
    - (C3) `dim(result, i) == dim(operand, perm[i])`.

    ```mlir
    %r = graph.transpose %x perm = [1, 0] : tensor<2x3xf32> to tensor<3x2xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$operand, DenseI64ArrayAttr:$perm);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $operand `perm` `=` $perm attr-dict `:` type($operand) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$operand,
                                 "::llvm::ArrayRef<int64_t>":$perm), [{
    build($_builder, $_state, permuted(operand.getType(), perm), operand, perm);
  }]>];
  let hasVerifier = 1; // (C2), (C3)
  let hasFolder = 1;
}

def Graph_ConcatOp : Graph_Op<"concat", [Graph_Gradient], ["getFlops"]> {
  let summary = "tensors one after another along a dimension";
  let description = [{
    Along `dim`, the result holds the operands in order. Concatenated partial
    values are partial.

    - (C1) There is at least one operand.
    - (C2) `0 <= dim < rank`.
    - (C3) Operands and result have one element type and rank, and the same
      extents except along `dim`.
    - (C4) Along `dim`, the result's extent is the sum of the operands'.

    ```mlir
    %r = graph.concat dim = 0 %a, %b : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<6x3xf32>
    ```
  }];
  let arguments = (ins Variadic<Graph_Tensor>:$operands, I64Attr:$dim);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    `dim` `=` $dim $operands attr-dict `:` functional-type($operands, $result)
  }];
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$operands, "int64_t":$dim), [{
    build($_builder, $_state, concatenated(operands, dim), operands, dim);
  }]>];
  let hasVerifier = 1; // (C1) to (C4)
  let hasFolder = 1;
}

def Graph_SliceOp : Graph_Op<"slice",
    [Graph_Gradient, AllElementTypesMatch<["operand", "result"]>],
    ["getFlops"], ["getShardingRule", "retypeResults"]> {
  let summary = "a box out of a tensor";
  let description = [{
    `result[i...] = operand[starts + i * strides]`, up to and without `limits`.
    Partial values stay partial.

    - (C1) Operand and result have one element type.
    - (C2) `starts`, `limits` and `strides` have one entry per dimension.
    - (C3) `0 <= start < limit <= extent` and `stride >= 1`.
    - (C4) An extent of the result is `ceil((limit - start) / stride)`.

    ```mlir
    %r = graph.slice %x starts = [0, 1] limits = [4, 8] strides = [1, 2] : tensor<4x8xf32> to tensor<4x4xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$operand, DenseI64ArrayAttr:$starts,
                       DenseI64ArrayAttr:$limits, DenseI64ArrayAttr:$strides);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $operand `starts` `=` $starts `limits` `=` $limits `strides` `=` $strides
    attr-dict `:` type($operand) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$operand,
      "::llvm::ArrayRef<int64_t>":$starts, "::llvm::ArrayRef<int64_t>":$limits,
      "::llvm::ArrayRef<int64_t>":$strides), [{
    build($_builder, $_state, sliced(operand.getType(), starts, limits, strides),
          operand, starts, limits, strides);
  }]>];
  let hasVerifier = 1; // (C2) to (C4)
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

def Graph_ReduceOp : Graph_Op<"reduce",
    [Graph_Gradient, AllElementTypesMatch<["operand", "result"]>],
    ["getFlops"],
    ["getShardingRule"], ["acceptsPrologue", "acceptsEpilogue"]> {
  let summary = "sum, maximum or minimum over dimensions";
  let description = [{
    Combines the elements along `dims`, and drops these dimensions:

        result[j...] = sum over k... of operand[j..., k...]

    f16 and bf16 accumulate in f32. A maximum or minimum with a NaN is NaN; over
    i1, `max` is "any" and `min` is "all". A sum over a sharded dimension is
    partial, and the sum of a partial value stays partial.

    - (C1) Operand and result have one element type.
    - (C2) `dims` is strictly increasing, from 0 to below the operand's rank.
    - (C3) The result has the operand's extents without `dims`.
    - (C4) A sum is not over i1.

    ```mlir
    %r = graph.reduce sum %x dims = [0] : tensor<64x10xf32> to tensor<10xf32>
    ```
  }];
  let arguments = (ins Graph_ReductionKind:$kind, Graph_Tensor:$operand,
                       DenseI64ArrayAttr:$dims);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $kind $operand `dims` `=` $dims attr-dict
    `:` type($operand) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "ReductionKind":$kind, "::mlir::Value":$operand,
                                 "::llvm::ArrayRef<int64_t>":$dims), [{
    build($_builder, $_state, withoutDims(operand.getType(), dims), kind,
          operand, dims);
  }]>];
  let hasVerifier = 1; // (C2) to (C4)
  let hasFolder = 1;
}

def Graph_ArgReduceOp : Graph_Op<"arg_reduce", [], ["getFlops"],
    ["getShardingRule"], ["acceptsPrologue", "acceptsEpilogue"]> {
  let summary = "index of the largest or smallest along a dimension";
  let description = [{
    The index along `dim` of the maximum or minimum; `dim` is dropped. The first
    of equals wins. NaN wins over every number, as in PyTorch.

    - (C1) `0 <= dim < rank(operand)`.
    - (C2) The result has the operand's extents without `dim`.
    - (C3) The kind is `max` or `min`.

    ```mlir
    %r = graph.arg_reduce max %x dim = 1 : tensor<64x10xf32> to tensor<64xi32>
    ```
  }];
  let arguments = (ins Graph_ReductionKind:$kind,
                       Graph_NumberTensor:$operand, I64Attr:$dim);
  let results = (outs Graph_TensorOf<[I32], "i32">:$result);
  let assemblyFormat = [{
    $kind $operand `dim` `=` $dim attr-dict `:` type($operand) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "ReductionKind":$kind, "::mlir::Value":$operand,
                                 "int64_t":$dim), [{
    build($_builder, $_state,
          withElementType(withoutDims(operand.getType(), {dim}),
                          $_builder.getI32Type()),
          kind, operand, dim);
  }]>];
  let hasVerifier = 1; // (C1) to (C3)
}

def Graph_DotOp : Graph_Op<"dot",
    [Graph_Gradient, AllElementTypesMatch<["lhs", "rhs", "result"]>],
    ["getFlops"],
    ["getShardingRule"], ["acceptsEpilogue"]> {
  let summary = "sum of products over contracting dimensions";
  let description = [{
    The product of two tensors, summed over pairs of contracting dimensions, for
    each index of the batch dimensions. The result's dimensions are the batch
    dimensions, then the free ones of `lhs`, then those of `rhs`:

        result[b..., i..., j...] = sum over k... of
            lhs[b..., i..., k...] * rhs[b..., k..., j...]

    f16 and bf16 accumulate in f32. A contracting dimension that is sharded
    gives a partial result; so does one partial operand with a replicated one.

    - (C1) Operands and result have one element type.
    - (C2) `batch` and `contract` name as many dimensions of `lhs` as of `rhs`.
    - (C3) They name a dimension once, from 0 to below the operand's rank.
    - (C4) Dimensions paired with each other have one extent.
    - (C5) The result has the extents above.

    ```mlir
    %r = graph.dot %a, %b batch = [] x [] contract = [1] x [0]
        : tensor<64x784xf32>, tensor<784x128xf32> to tensor<64x128xf32>
    ```
  }];
  let arguments = (ins Graph_NumberTensor:$lhs, Graph_NumberTensor:$rhs,
                       DenseI64ArrayAttr:$lhsBatch, DenseI64ArrayAttr:$rhsBatch,
                       DenseI64ArrayAttr:$lhsContract,
                       DenseI64ArrayAttr:$rhsContract);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `batch` `=` $lhsBatch `x` $rhsBatch
    `contract` `=` $lhsContract `x` $rhsContract attr-dict
    `:` type($lhs) `,` type($rhs) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs,
      "::llvm::ArrayRef<int64_t>":$lhsBatch, "::llvm::ArrayRef<int64_t>":$rhsBatch,
      "::llvm::ArrayRef<int64_t>":$lhsContract,
      "::llvm::ArrayRef<int64_t>":$rhsContract), [{
    build($_builder, $_state,
          dotType(lhs.getType(), rhs.getType(), lhsBatch, rhsBatch, lhsContract,
                  rhsContract),
          lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract);
  }]>,
  // The matrix product [M, K] x [K, N].
  OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs), [{
    build($_builder, $_state, lhs, rhs, {}, {}, {1}, {0});
  }]>];
  let extraClassDeclaration = [{
    /// The dimensions of an operand that are neither batch nor contracting.
    ::llvm::SmallVector<int64_t> getLhsFree();
    ::llvm::SmallVector<int64_t> getRhsFree();
  }];
  let hasVerifier = 1; // (C2) to (C5)
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

def Graph_SoftmaxCrossEntropyOp : Graph_Op<"softmax_cross_entropy",
    [Graph_Gradient, AllElementTypesMatch<["logits", "loss"]>], ["getFlops"]> {
  let summary = "cross-entropy of softmax(logits) with class labels, per row";
  let description = [{
    For logits `x` of shape `[N..., C]` and labels `y` of shape `[N...]`, in nats:

        loss[n] = logsumexp(x[n, :]) - x[n, y[n]]

    Gradient: `d loss[n] / d x[n, :] = softmax(x[n, :]) - onehot(y[n])`. The mean
    over the batch is a weighted reduction of its own. A label outside `[0, C)`
    ends the run with an error.

    - (C1) `labels` has the extents of `logits` but the last.
    - (C2) `loss` has the type of a column of `logits`.
    - (C3) `logits` has one dimension more than `labels`.

    ```mlir
    %loss = graph.softmax_cross_entropy %x, %y : tensor<32x10xf32>, tensor<32xi32>
    ```
  }];
  let arguments = (ins Graph_FloatTensor:$logits, Graph_IntTensor:$labels);
  let results = (outs Graph_FloatTensor:$loss);
  let assemblyFormat = [{
    $logits `,` $labels attr-dict `:`
    custom<LossTypes>(type($logits), type($labels), type($loss))
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$logits,
                                 "::mlir::Value":$labels), [{
    build($_builder, $_state, withoutInnermostDim(logits.getType()), logits,
          labels);
  }]>];
  let hasVerifier = 1; // (C1) to (C3)
}

def Graph_SoftmaxCrossEntropyGradOp : Graph_Op<"softmax_cross_entropy_grad",
    [Graph_Gradient, AllElementTypesMatch<["logits", "dloss", "dlogits"]>],
    ["getFlops"],
    ["getShardingRule"], ["sharesWorkWith"]> {
  let summary = "gradient of softmax_cross_entropy with respect to the logits";
  let description = [{
    For logits `x` of shape `[N..., C]`, labels `y` and the cotangent `dloss` of
    shape `[N...]`:

        dlogits[n, c] = (softmax(x[n, :])[c] - (c == y[n] ? 1 : 0)) * dloss[n]

    A label outside `[0, C)` ends the run with an error.

    - (C1) `labels` has the extents of `logits` but the last.
    - (C2) `dloss` has the type of a column of `logits`.
    - (C3) `logits` has one dimension more than `labels`.
    - (C4) `dlogits` has the shape and element type of `logits`.

    ```mlir
    %dx = graph.softmax_cross_entropy_grad %x, %y, %dloss
        : tensor<32x10xf32>, tensor<32xi32>, tensor<32xf32> to tensor<32x10xf32>
    ```
  }];
  let arguments = (ins Graph_FloatTensor:$logits, Graph_IntTensor:$labels,
                       Graph_FloatTensor:$dloss);
  let results = (outs Graph_FloatTensor:$dlogits);
  let assemblyFormat = [{
    $logits `,` $labels `,` $dloss attr-dict `:` type($logits) `,` type($labels)
    `,` type($dloss) `to` type($dlogits)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$logits,
      "::mlir::Value":$labels, "::mlir::Value":$dloss), [{
    build($_builder, $_state, logits.getType(), logits, labels, dloss);
  }]>];
  let hasVerifier = 1; // (C1) to (C4)
}

#endif // MLC_IR_GRAPH_GRAPHTENSOROPS
