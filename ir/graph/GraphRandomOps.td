//===- GraphRandomOps.td - Tensors of random numbers ----------------------===//

#ifndef MLC_IR_GRAPH_GRAPHRANDOMOPS
#define MLC_IR_GRAPH_GRAPHRANDOMOPS

include "ir/graph/GraphOpBase.td"

def Graph_RandomTensor : Graph_TensorOf<[F32, F64], "f32 or f64">;
def Graph_I64Tensor : Graph_TensorOf<[I64], "i64">;

// Numbers of a place in the model. They depend on the seed, the place, the
// indices and the number of the row, and not on how rows are cut into parts.
class Graph_RandomOp<string mnemonic, dag attributes = (ins), string format = "">
    : Graph_Op<mnemonic, [AttrSizedOperandSegments], ["getFlops"],
               ["getShardingRule"], ["getFusionRole"]> {
  let arguments = !con(
      (ins Graph_I64Tensor:$seed, Variadic<Graph_I64Tensor>:$indices,
           Optional<Graph_I64Tensor>:$rows,
           DefaultValuedOptionalAttr<I64Attr, "0">:$dim, I64Attr:$site),
      attributes);
  let results = (outs Graph_RandomTensor:$result);
  let assemblyFormat = !strconcat(
      "$seed `fold` `(` $indices `)` (`rows` $rows^ `dim` `=` $dim)?",
      " `site` `=` $site ", format,
      " attr-dict `:` functional-type(operands, $result)");
  let hasVerifier = 1;
}

def Graph_RandomUniformOp : Graph_RandomOp<"random_uniform"> {
  let summary = "random numbers, uniform in [0, 1)";
  let description = [{
    Multiples of 2^-24, by Philox4x32-10: `runtime/schema/Philox.h` says which
    word each is. The key is `seed ^ site`, into which the `indices` are folded
    in order: the step, then those of the loops around. `rows[i]` says which row
    of the global batch index `i` along `dim` of the result is, so that a number
    does not depend on how the batch is cut; without `rows` all elements are one
    row. Computed where it is read, never stored.

    - (C1) The seed and the indices are scalars.
    - (C2) There is one of `rows` for every index along `dim`.
    - (C3) A row has fewer than 2^32 elements.

    ```mlir
    %u = graph.random_uniform %seed fold(%step) rows %rows dim = 0 site = 7
        : (tensor<i64>, tensor<i64>, tensor<32xi64>) -> tensor<32x10xf32>
    ```
  }];
}

def Graph_DropoutMaskOp
    : Graph_RandomOp<"dropout_mask", (ins F64Attr:$rate), "`rate` `=` $rate"> {
  let summary = "what dropout multiplies with: 0 or 1 / (1 - rate)";
  let description = [{
    0 where `graph.random_uniform` of the same operands is below `rate`, else
    `1 / (1 - rate)` (Srivastava et al., 2014, scaled while training).

    - (C1) The seed and the indices are scalars.
    - (C2) There is one of `rows` for every index along `dim`.
    - (C3) A row has fewer than 2^32 elements.
    - (C4) The rate is in [0, 1).

    ```mlir
    %m = graph.dropout_mask %seed fold(%step) rows %rows dim = 0 site = 7 rate = 0.5
        : (tensor<i64>, tensor<i64>, tensor<32xi64>) -> tensor<32x10xf32>
    ```
  }];
}

#endif // MLC_IR_GRAPH_GRAPHRANDOMOPS
