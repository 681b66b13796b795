//===- GraphGradientOps.td - Gradients that a model gives itself ----------===//

#ifndef MLC_IR_GRAPH_GRAPHGRADIENTOPS
#define MLC_IR_GRAPH_GRAPHGRADIENTOPS

include "ir/graph/GraphOpBase.td"

// Results are the first operands, one for one: only differentiation sees a
// difference, and the op is gone after it.
def Graph_ReplacedByOperands : NativeOpTrait<"ReplacedByOperands"> {
  let cppNamespace = "::mlc::graph";
}

def Graph_CustomGradientOp : Op<Graph_Dialect, "custom_gradient", [
    Pure, IsolatedFromAbove, SingleBlock, AttrSizedOperandSegments,
    Graph_ReplacedByOperands, Graph_Gradient,
    RangedTypesMatchWith<"results have the types of the values", "values", // (C1)
                         "results", "$_self">,
    DeclareOpInterfaceMethods<ReferenceOpInterface>]> {
  let summary = "values with a gradient of their own";
  let description = [{
    `results = values`. In the backward pass no cotangent flows to the values;
    instead the region computes those of the first inputs, from all inputs and
    the cotangents of the results. The other inputs (integers, the mask of the
    batch, its count) get none. `graph-autodiff` puts the region in its place,
    and the values in the place of the results.

    - (C1) Results have the types of the values.
    - (C2) The region's arguments have the types of the inputs, then those of the
      results.
    - (C3) The region ends with the cotangents of the first inputs, which are
      floats, of their types.

    ```mlir
    // A step, whose gradient passes straight through.
    %r = graph.custom_gradient %step of(%x : tensor<4xf32>) {
    ^bb0(%arg: tensor<4xf32>, %dr: tensor<4xf32>):
      graph.cotangents %dr : tensor<4xf32>
    } : tensor<4xf32>
    ```
  }];
  let arguments = (ins Variadic<Graph_FloatTensor>:$values,
                       Variadic<Graph_Tensor>:$inputs);
  let results = (outs Variadic<Graph_FloatTensor>:$results);
  let regions = (region SizedRegion<1>:$gradient);
  let assemblyFormat = [{
    $values `of` `(` ($inputs^ `:` type($inputs))? `)` $gradient attr-dict `:`
    type($values)
  }];
  let hasRegionVerifier = 1; // (C2) and (C3)
}

def Graph_CotangentsOp : Op<Graph_Dialect, "cotangents", [
    Pure, Terminator, HasParent<"CustomGradientOp">]> {
  let summary = "ends the region of a custom_gradient";
  let description = [{
    The cotangents of the first inputs of the `custom_gradient` around it.

    ```mlir
    graph.cotangents %dx, %dw : tensor<4xf32>, tensor<4x4xf32>
    ```
  }];
  let arguments = (ins Variadic<Graph_FloatTensor>:$cotangents);
  let assemblyFormat = "($cotangents^ `:` type($cotangents))? attr-dict";
}

#endif // MLC_IR_GRAPH_GRAPHGRADIENTOPS
