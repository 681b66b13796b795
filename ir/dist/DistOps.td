//===- DistOps.td - Meshes, collectives, the micro-batch loop -*- tablegen -*-===//
#ifndef MLC_IR_DIST_DISTOPS
#define MLC_IR_DIST_DISTOPS

include "ir/dist/DistAttrs.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Dist_Op<string mnemonic, list<Trait> traits = []>
    : Op<Dist_Dialect, mnemonic, traits>;

defvar Dist_Tensor = AnyStaticShapeTensor;

def Dist_MeshOp : Dist_Op<"mesh", [Symbol]> {
  let summary = "a grid of devices with named axes";
  let description = [{
    A size of -1 is *elastic*: `mlrun` gives it, once per run.

    - (M1) There is one size per axis, and at least one axis.
    - (M2) No two axes have the same name, and none is empty.
    - (M3) A size is at least 1, or -1.
    - (M4) At most one axis is elastic.

    ```mlir
    dist.mesh @mesh ["data"] sizes = [4]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$axes,
                       DenseI64ArrayAttr:$sizes);
  let assemblyFormat = [{
    $sym_name $axes `sizes` `=` $sizes attr-dict
  }];
  let hasVerifier = 1; // (M1) to (M4)
  let extraClassDeclaration = [{
    static constexpr int64_t kElastic = -1;
    /// The size of an axis; nothing where the mesh has no such axis.
    std::optional<int64_t> getAxisSize(::llvm::StringRef axis);
  }];
}

def Dist_AllReduceOp : Dist_Op<"all_reduce", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "combines partial values over axes of the mesh";
  let description = [{
    For every operand `x` and device `d`, with the devices `e` that differ from
    `d` along `axes` only:

        result[d] = sum over e of x[e]            (or max, min)

    The operands of one op share one launch. `id` numbers the collectives of a
    function in issue order, the same on every rank; `label` names what is
    reduced, for reports and for messages about a peer that failed.

    Order of the sum: the fixed tree over micro-batches and ranks, or the
    communicator's own (`train.sum`). Each of N ranks sends 2(N-1)/N times the
    bytes of the operands (Rabenseifner, ICCS 2004).

    - (R1) There is at least one operand and one axis, and no axis twice.
    - (R2) Every operand is partial over each of `axes`, with kind `kind`.
    - (R3) A result has the operand's type without `axes` in its layout.
    - (R4) All operands lie on the same mesh, and the mesh has the axes.

    ```mlir
    %g:2 = dist.all_reduce sum %a, %b over ["data"]
        : tensor<4x8xf32, #partial2>, tensor<8xf32, #partial1>
    ```
  }];
  let arguments = (ins Dist_ReductionKindAttr:$kind,
                       Variadic<Dist_Tensor>:$operands,
                       StrArrayAttr:$axes, OptionalAttr<I64Attr>:$id,
                       OptionalAttr<StrAttr>:$label);
  let results = (outs Variadic<Dist_Tensor>:$results);
  let builders = [OpBuilder<(ins "ReductionKind":$kind,
                                 "::mlir::ValueRange":$operands,
                                 "::mlir::ArrayAttr":$axes)>];
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1; // (R1) to (R3)
  let extraClassDeclaration = [{
    /// Bytes of all operands on one rank.
    int64_t getPayloadBytes();
  }];
}

def Dist_ReshardOp : Dist_Op<"reshard", [Pure]> {
  let summary = "the same value in another layout";
  let description = [{
    What layout propagation leaves where an op needs its operand in another
    layout; `dist-insert-collectives` turns it into collectives. Gone after the
    phase `dist`.

    - (S1) Operand and result have the same shape and element type.
    - (S2) Both have layouts, over the same mesh, and they differ.
    - (S3) The result is not partial where the operand is not.

    ```mlir
    %w = dist.reshard %g : tensor<8xf32, #partial> to tensor<8xf32, #whole>
    ```
  }];
  let arguments = (ins Dist_Tensor:$input);
  let results = (outs Dist_Tensor:$result);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `to` type($result)
  }];
  let hasVerifier = 1; // (S1) to (S3)
}

def Dist_MicrobatchLoopOp : Dist_Op<"microbatch_loop", [
    RecursiveMemoryEffects, SingleBlock,
    SingleBlockImplicitTerminator<"YieldOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "sums over the micro-batches of this rank";
  let description = [{
    The body runs once per micro-batch of this rank. Its arguments are the rows
    of the micro-batch: an input of the function stands for as many micro-batches
    as there are, and has the type of one. Values from above are captured; they
    are the same for every micro-batch.

        result = sum over the rank's micro-batches m of yield(m)

    with the maximum or minimum where the layout says `partial_max` or
    `partial_min`. A result stays partial: the ranks still have to combine
    theirs. How many micro-batches there are is known when the program runs
    (`mlc.train`, or the length of a split).

    Order of a sum: the fixed tree over the micro-batch index, which goes on
    across the ranks; a sum must therefore reach its all-reduce unchanged.

    - (B1) The body has one argument per input, of the input's type.
    - (B2) Every input is sharded on dimension 0, and all have the same rows.
    - (B3) A result has the type of the yielded value.
    - (B4) Every result is partial, and not sharded.
    - (B5) The body holds no collective and no other loop.
    - (B6) A captured value is replicated.
    - (B7) Only an all-reduce uses a result.

    ```mlir
    %sum = dist.microbatch_loop (%xm = %x : tensor<8x4xf32, #rows>) {
      %s = graph.reduce sum %xm dims = [0]
          : tensor<8x4xf32, #rows> to tensor<4xf32, #partial>
      dist.yield %s : tensor<4xf32, #partial>
    } : tensor<4xf32, #partial>
    ```
  }];
  let arguments = (ins Variadic<Dist_Tensor>:$inputs);
  let results = (outs Variadic<Dist_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;       // (B1), (B2), (B4), (B7)
  let hasRegionVerifier = 1; // (B3), (B5), (B6)
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$results,
                                 "::mlir::ValueRange":$inputs)>];
}

def Dist_YieldOp : Dist_Op<"yield", [
    Pure, Terminator, ReturnLike, HasParent<"MicrobatchLoopOp">]> {
  let summary = "what one micro-batch adds to the loop's results";
  let description = [{
    ```mlir
    dist.yield %gradient, %loss : tensor<4xf32, #partial1>, tensor<f32, #partial0>
    ```
  }];
  let arguments = (ins Variadic<Dist_Tensor>:$values);
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, {}); }]>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // MLC_IR_DIST_DISTOPS
