//===- GraphAttentionOps.td - Attention that stores no scores -------------===//

#ifndef MLC_IR_GRAPH_GRAPHATTENTIONOPS
#define MLC_IR_GRAPH_GRAPHATTENTIONOPS

include "ir/graph/GraphOpBase.td"

def Graph_AttentionOp : Graph_Op<"attention",
    [Graph_Gradient, AllElementTypesMatch<["query", "key", "value", "output"]>],
    ["getFlops"]> {
  let summary = "softmax(query key^T scale + mask) value, by blocks";
  let description = [{
    For every row of the batch `b`, head `h` and query `i`, with
    `g = h / (query heads / key heads)`:

        score[j]  = scale * (query[b, h, i, :] . key[b, g, j, :]) + mask[b, h, i, j]
        logsumexp = log(sum over j of exp(score[j]))
        output    = sum over j of exp(score[j] - logsumexp) * value[b, g, j, :]

    A mask of i1 says instead which `j` take part, and `causal` leaves out those
    with `j > i`, whatever the two lengths (aligned at the first query and the
    first key, as PyTorch's scaled_dot_product_attention). A query with nothing
    to attend to has the output 0 and, so that `exp(score - logsumexp)` is 0 too,
    the logsumexp +infinity. The scores are never in memory. f16 and bf16 are
    computed in f32. After Dao et al., "FlashAttention", NeurIPS 2022.

    - (C1) Query, key, value and output have one element type.
    - (C2) Query, key and value have rank 4: batch, heads, length, depth.
    - (C3) They have one batch, key and value the same heads and length, and
      query and key the same depth.
    - (C4) The heads of the query are a multiple of those of the key.
    - (C5) The mask has i1 or the query's element type.
    - (C6) The mask has rank 4, the extents of the scores or 1, and the length of
      the key in its last dimension.
    - (C7) The output is as the query, with the depth of the value.
    - (C8) `logsumexp` is a number per query, f64 for f64 and f32 for the rest.

    ```mlir
    %o, %l = graph.attention %q, %k, %v causal scale = 0.125
        : tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>
        to tensor<2x8x64x32xf32>, tensor<2x8x64xf32>
    ```
  }];
  let arguments = (ins Graph_FloatTensor:$query, Graph_FloatTensor:$key,
                       Graph_FloatTensor:$value, Optional<Graph_Tensor>:$mask,
                       UnitAttr:$causal, F64Attr:$scale);
  let results = (outs Graph_FloatTensor:$output, Graph_FloatTensor:$logsumexp);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` $mask^ `:` type($mask))?
    (`causal` $causal^)? `scale` `=` $scale attr-dict `:` type($query) `,`
    type($key) `,` type($value) `to` type($output) `,` type($logsumexp)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$query, "::mlir::Value":$key,
      "::mlir::Value":$value, "::mlir::Value":$mask, "bool":$causal,
      "double":$scale)>];
  let hasVerifier = 1; // (C2) to (C8)
}

def Graph_AttentionGradOp : Graph_Op<"attention_grad",
    [Graph_Gradient, AllElementTypesMatch<["query", "key", "value", "doutput",
                                           "dquery", "dkey", "dvalue"]>,
     AllElementTypesMatch<["logsumexp", "delta"]>], ["getFlops"]> {
  let summary = "gradient of attention with respect to query, key and value";
  let description = [{
    With the scores of `graph.attention`, computed again by blocks, the cotangent
    `doutput` of its output, and

        delta[b, h, i] = doutput[b, h, i, :] . output[b, h, i, :] - dlogsumexp[b, h, i]
        p[i, j]        = exp(score[i, j] - logsumexp[i])
        ds[i, j]       = p[i, j] * (doutput[i, :] . value[j, :] - delta[i])

    of every row of the batch and head:

        dquery[i, :] = scale * sum over j of ds[i, j] * key[j, :]
        dkey[j, :]   = scale * sum over i and the heads that share it of ds[i, j] * query[i, :]
        dvalue[j, :] = sum over the same of p[i, j] * doutput[i, :]

    - (C1) Query, key, value, `doutput` and results have one element type.
    - (C2) Query, key and value have rank 4: batch, heads, length, depth.
    - (C3) They have one batch, key and value the same heads and length, and
      query and key the same depth.
    - (C4) The heads of the query are a multiple of those of the key.
    - (C5) The mask has i1 or the query's element type.
    - (C6) The mask has rank 4, the extents of the scores or 1, and the length of
      the key in its last dimension.
    - (C7) `doutput` is as the query, with the depth of the value.
    - (C8) `logsumexp` and `delta` are a number per query, f64 for f64 and f32 for
      the rest.
    - (C9) The results have the shapes of query, key and value.

    ```mlir
    %dq, %dk, %dv = graph.attention_grad %q, %k, %v, %l, %do, %delta causal scale = 0.125
        : tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>,
          tensor<2x8x64xf32>, tensor<2x8x64x32xf32>, tensor<2x8x64xf32>
        to tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>
    ```
  }];
  let arguments = (ins Graph_FloatTensor:$query, Graph_FloatTensor:$key,
                       Graph_FloatTensor:$value, Graph_FloatTensor:$logsumexp,
                       Graph_FloatTensor:$doutput, Graph_FloatTensor:$delta,
                       Optional<Graph_Tensor>:$mask,
                       UnitAttr:$causal, F64Attr:$scale);
  let results = (outs Graph_FloatTensor:$dquery, Graph_FloatTensor:$dkey,
                      Graph_FloatTensor:$dvalue);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $logsumexp `,` $doutput `,` $delta
    (`mask` $mask^ `:` type($mask))? (`causal` $causal^)? `scale` `=` $scale
    attr-dict `:` type($query) `,` type($key) `,` type($value) `,`
    type($logsumexp) `,` type($doutput) `,` type($delta) `to` type($dquery) `,`
    type($dkey) `,` type($dvalue)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$query, "::mlir::Value":$key,
      "::mlir::Value":$value, "::mlir::Value":$logsumexp,
      "::mlir::Value":$doutput, "::mlir::Value":$delta, "::mlir::Value":$mask,
      "bool":$causal, "double":$scale), [{
    build($_builder, $_state, query.getType(), key.getType(), value.getType(),
          query, key, value, logsumexp, doutput, delta, mask,
          causal ? $_builder.getUnitAttr() : ::mlir::UnitAttr(),
          $_builder.getF64FloatAttr(scale));
  }]>];
  let hasVerifier = 1; // (C2) to (C9)
}

#endif // MLC_IR_GRAPH_GRAPHATTENTIONOPS
