//===- GraphLoopOps.td - Loops that stay loops ----------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHLOOPOPS
#define MLC_IR_GRAPH_GRAPHLOOPOPS

include "ir/graph/GraphOpBase.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Graph_ScanOp : Op<Graph_Dialect, "scan",
                      [RecursiveMemoryEffects, SingleBlock, IsolatedFromAbove,
                       AttrSizedOperandSegments,
                       DeclareOpInterfaceMethods<CostOpInterface, ["getFlops"]>,
                       DeclareOpInterfaceMethods<
                           OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a loop of fixed length over slices, with carried values";
  let description = [{
    The body runs `count` times, for i = 0, 1, ... or, with `reverse`, for i =
    `count` - 1, ... 0. Its arguments are the carried values, slice i of each
    sequence along dimension 0, and the values that stay the same; it yields the
    next carried values and slice i of each stacked result:

        carry = inits
        for i: carry, stacked[0][i], ... = body(carry, sequences[..][i], same)
        results = carry, stacked

    A `repeat` of the language is a scan over the stacked parameters of its
    layers. With `remat`, the backward pass keeps the carried values alone and
    computes the body again.

    Unlike in JAX's `lax.scan` what the body needs from outside is an operand.

    - (C1) `count` is at least 1, and dimension 0 of every sequence.
    - (C2) The body's arguments have the types of the inits, of the sequences'
      slices, and of the values that stay the same.
    - (C3) The body yields values of the types of the inits, then one for each
      stacked result.
    - (C4) The results have the types of the inits; a stacked one has that of
      the yielded value with a dimension 0 of `count`.

    ```mlir
    %h, %hs = graph.scan 28 carry(%c = %zero : tensor<4xf32>)
        over(%x = %xs : tensor<28x4xf32>) same(%w = %w0 : tensor<4xf32>) {
      %0 = graph.mul %c, %w : tensor<4xf32>
      %1 = graph.add %0, %x : tensor<4xf32>
      graph.yield %1, %1 : tensor<4xf32>, tensor<4xf32>
    } : tensor<4xf32>, tensor<28x4xf32>
    ```
  }];
  let arguments = (ins I64Attr:$count, UnitAttr:$reverse, UnitAttr:$remat,
      Variadic<Graph_Tensor>:$inits, Variadic<Graph_Tensor>:$sequences,
      Variadic<Graph_Tensor>:$same);
  let results = (outs Variadic<Graph_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;       // (C1)
  let hasRegionVerifier = 1; // (C2) to (C4)
  let extraClassDeclaration = [{
    YieldOp getYield();
    unsigned getNumCarries() { return getInits().size(); }
    unsigned getNumStacked() { return getNumResults() - getNumCarries(); }
    ::mlir::ResultRange getFinals() {
      return getResults().take_front(getNumCarries());
    }
    ::mlir::ResultRange getStacked() {
      return getResults().drop_front(getNumCarries());
    }
    ::mlir::Block::BlockArgListType getCarryArguments();
    ::mlir::Block::BlockArgListType getSliceArguments();
    ::mlir::Block::BlockArgListType getSameArguments();
    /// The values of each iteration, on their way to the stacked results.
    ::mlir::OperandRange getYieldedSlices();
  }];
}

def Graph_YieldOp
    : Op<Graph_Dialect,
         "yield", [Pure, Terminator, ReturnLike, HasParent<"ScanOp">]> {
  let summary = "the next carried values, and a slice of each stacked result";
  let description = [{
    ```mlir
    graph.yield %h, %h : tensor<4xf32>, tensor<4xf32>
    ```
  }];
  let arguments = (ins Variadic<Graph_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // MLC_IR_GRAPH_GRAPHLOOPOPS
