//===- GraphIndexOps.td - Ops whose indices are values --------------------===//

#ifndef MLC_IR_GRAPH_GRAPHINDEXOPS
#define MLC_IR_GRAPH_GRAPHINDEXOPS

include "ir/graph/GraphOpBase.td"

def Graph_GatherOp : Graph_Op<"gather",
    [Graph_Gradient, AllElementTypesMatch<["operand", "result"]>],
    ["getFlops"],
    ["getShardingRule"], ["acceptsEpilogue"]> {
  let summary = "slices of a tensor at indices along one dimension";
  let description = [{
    Takes slices along `dim`, one for each index, as NumPy's `take`:

        result[o..., n..., i...] = operand[o..., indices[n...], i...]

    An index outside `[0, dim(operand, dim))` ends the run with an error. The
    gradient of the operand is `graph.scatter_add`.

    - (C1) `0 <= dim < rank(operand)`.
    - (C2) The result has the operand's extents, with those of `indices` in the
      place of dimension `dim`.
    - (C3) Operand and result have one element type.

    ```mlir
    %r = graph.gather %table, %i dim = 0
        : tensor<256x64xf32>, tensor<8x32xi32> to tensor<8x32x64xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$operand, Graph_IntTensor:$indices,
                       I64Attr:$dim);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $operand `,` $indices `dim` `=` $dim attr-dict
    `:` type($operand) `,` type($indices) `to` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$operand,
      "::mlir::Value":$indices, "int64_t":$dim), [{
    build($_builder, $_state,
          gatheredType(operand.getType(), indices.getType(), dim), operand,
          indices, dim);
  }]>];
  let hasVerifier = 1; // (C1), (C2)
}

def Graph_ScatterAddOp : Graph_Op<"scatter_add",
    [Graph_Gradient, AllElementTypesMatch<["updates", "result"]>],
    ["getFlops"],
    ["getShardingRule"], ["acceptsPrologue"]> {
  let summary = "sums of slices, by indices along one dimension";
  let description = [{
    Adds slices to zeros along `dim`, each where its index says:

        result[o..., v, i...] = sum over n... with indices[n...] == v
                                of updates[o..., n..., i...]

    The terms of a sum are added in the row-major order of `n...`. f16 and bf16
    accumulate in f32. An index outside `[0, dim(result, dim))` ends the run with
    an error. Sharded indices give a partial result.

    - (C1) `0 <= dim <= rank(updates) - rank(indices)`.
    - (C2) From dimension `dim` on, `updates` has the extents of `indices`.
    - (C3) The result has the extents of `updates`, with one dimension in the
      place of those of `indices`.
    - (C4) Updates and result have one element type.

    ```mlir
    %r = graph.scatter_add %d, %i dim = 0
        : tensor<8x32x64xf32>, tensor<8x32xi32> to tensor<256x64xf32>
    ```
  }];
  let arguments = (ins Graph_NumberTensor:$updates, Graph_IntTensor:$indices,
                       I64Attr:$dim);
  let results = (outs Graph_NumberTensor:$result);
  let assemblyFormat = [{
    $updates `,` $indices `dim` `=` $dim attr-dict
    `:` type($updates) `,` type($indices) `to` type($result)
  }];
  let hasVerifier = 1; // (C1) to (C3)
}

#endif // MLC_IR_GRAPH_GRAPHINDEXOPS
