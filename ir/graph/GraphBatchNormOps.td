//===- GraphBatchNormOps.td - Normalising by micro-batches ----------------===//

#ifndef MLC_IR_GRAPH_GRAPHBATCHNORMOPS
#define MLC_IR_GRAPH_GRAPHBATCHNORMOPS

include "ir/graph/GraphOpBase.td"

def Graph_WideTensor : Graph_TensorOf<[F32, F64], "f32 or f64">;

class Graph_NormOp<string mnemonic, list<Trait> traits,
                          list<string> fusionMethods>
    : Graph_Op<mnemonic, traits, ["getFlops"],
               ["getShardingRule", "retypeResults"], fusionMethods> {
  let hasVerifier = 1;
}

def Graph_BatchNormOp : Graph_NormOp<"batch_norm",
    [Graph_Gradient, AllTypesMatch<["input", "result"]>],
    ["acceptsEpilogue"]> {
  let summary = "each channel of a micro-batch less its mean, over its deviation";
  let description = [{
    The rows of `input`, of shape `[B, C, ...]`, are `microbatches` blocks of
    equally many; dimension 1 are the channels. Block m has, over its rows whose
    `mask` is not 0 and over all dimensions behind the second, of channel c the
    `mean[m, c]`, the `variance[m, c]` (biased), and `count[m]` elements:

        result[r, c, ...] = (input[r, c, ...] - mean[m, c])
            / sqrt(variance[m, c] + eps) * scale[c] + shift[c]

    As in PyTorch's BatchNorm while it trains. A block without rows has mean and
    variance 0. Blocks are independent of each other, so that the batch may be
    cut between them; at the shapes of one micro-batch there is one. f16 and
    bf16 are computed in f32. There is no gradient with respect to mean and
    variance as results.

    - (C1) The input has a channel dimension.
    - (C2) `scale` and `shift` have an element for each channel.
    - (C3) `mask` has an element for each row.
    - (C4) `microbatches` is at least 1 and divides the rows.
    - (C5) `mean` and `variance` are `[microbatches, C]`, `count` is
      `[microbatches]`.
    - (C6) What is not like the input is f64 if that is, else f32.
    - (C7) `eps` is above 0.

    ```mlir
    %y, %mean, %variance, %count = graph.batch_norm %x scale %scale shift %shift mask %mask
        eps = 1.0e-5 microbatches = 4
        : (tensor<32x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<32xf32>)
        -> (tensor<32x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>)
    ```
  }];
  let arguments = (ins Graph_FloatTensor:$input, Graph_WideTensor:$scale,
                       Graph_WideTensor:$shift, Graph_WideTensor:$mask,
                       F64Attr:$eps, I64Attr:$microbatches);
  let results = (outs Graph_FloatTensor:$result, Graph_WideTensor:$mean,
                      Graph_WideTensor:$variance, Graph_WideTensor:$count);
  let assemblyFormat = [{
    $input `scale` $scale `shift` $shift `mask` $mask `eps` `=` $eps
    `microbatches` `=` $microbatches attr-dict
    `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$scale,
      "::mlir::Value":$shift, "::mlir::Value":$mask, "double":$eps,
      "int64_t":$microbatches)>];
}

def Graph_BatchNormGradOp : Graph_NormOp<"batch_norm_grad",
    [AllTypesMatch<["dresult", "input", "dinput"]>], ["acceptsPrologue"]> {
  let summary = "gradient of batch_norm";
  let description = [{
    For the cotangent `dy` of `graph.batch_norm`, with `xhat = (input - mean) /
    sqrt(variance + eps)`, per block m and channel c

        dshift[m, c] = sum of dy        dscale[m, c] = sum of dy * xhat
        dinput = scale / sqrt(variance + eps)
            * (dy - real * (dshift + xhat * dscale) / count)

    over the rows and dimensions of the block, where `real` is 1 for a row whose
    mask is not 0, else 0. The gradients of the parameters are the sums over m.

    - (C1) The input has a channel dimension.
    - (C2) `scale` has an element for each channel.
    - (C3) `mask` has an element for each row.
    - (C4) `microbatches` is at least 1 and divides the rows.
    - (C5) `mean`, `variance`, `dscale` and `dshift` are `[microbatches, C]`,
      `count` is `[microbatches]`.
    - (C6) What is not like the input is f64 if that is, else f32.
    - (C7) `eps` is above 0.

    ```mlir
    %dx, %dscale, %dshift = graph.batch_norm_grad %dy, %x scale %scale mask %mask
        statistics %mean, %variance, %count eps = 1.0e-5 microbatches = 4
        : (tensor<32x8xf32>, tensor<32x8xf32>, tensor<8xf32>, tensor<32xf32>,
           tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>)
        -> (tensor<32x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
    ```
  }];
  let arguments = (ins Graph_FloatTensor:$dresult, Graph_FloatTensor:$input,
                       Graph_WideTensor:$scale, Graph_WideTensor:$mask,
                       Graph_WideTensor:$mean, Graph_WideTensor:$variance,
                       Graph_WideTensor:$count,
                       F64Attr:$eps, I64Attr:$microbatches);
  let results = (outs Graph_FloatTensor:$dinput, Graph_WideTensor:$dscale,
                      Graph_WideTensor:$dshift);
  let assemblyFormat = [{
    $dresult `,` $input `scale` $scale `mask` $mask
    `statistics` $mean `,` $variance `,` $count `eps` `=` $eps
    `microbatches` `=` $microbatches attr-dict
    `:` functional-type(operands, results)
  }];
}

#endif // MLC_IR_GRAPH_GRAPHBATCHNORMOPS
