//===- PlanOps.td - Buffers, kernels, programs and steps -----*- tablegen -*-===//
//
// What the executor runs. Each op is one table of runtime/schema/plan.fbs.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_PLAN_PLANOPS
#define MLC_IR_PLAN_PLANOPS

include "ir/plan/PlanDialect.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Plan_Op<string mnemonic, list<Trait> traits = []>
    : Op<Plan_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def Plan_ArenaOp : Plan_Op<"arena", [
    SymbolTable, NoTerminator, SingleBlock, NoRegionArguments,
    HasParent<"::mlir::ModuleOp">, IsolatedFromAbove]> {
  let summary = "the one allocation of a rank, and every buffer in it";
  let description = [{
    Buffers have a symbol table of their own, so that a parameter's buffer has
    the parameter's name. Without `bytes`, offsets are still to be planned. The
    order of the buffers is their index in the plan.

    - (A1) With `bytes`, every buffer has an offset; without, none has.
    - (A2) A buffer lies inside the arena, at a multiple of 64 bytes.
    - (A3) Only transient buffers share bytes, with one another.
    - (A4) A module has one arena.

    ```mlir
    plan.arena bytes = 4352 {
      plan.buffer @head.b parameters : tensor<10xf32> offset = 0
      plan.buffer @pixels inputs : tensor<32x16xf32> slots = 2 offset = 64
    }
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$bytes);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`bytes` `=` $bytes^)? attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1; // (A1) to (A4)
  let extraClassDeclaration = [{
    /// Alignment of every buffer and slot, in bytes.
    static constexpr int64_t kAlignment = 64;
    /// The module's arena, or null.
    static ArenaOp of(::mlir::Operation *inModule);
    BufferOp getBuffer(::llvm::StringRef name);
  }];
}

def Plan_BufferOp : Plan_Op<"buffer", [Symbol, HasParent<"ArenaOp">]> {
  let summary = "a range of the arena";
  let description = [{
    Row-major elements of `type`; `i1` takes one byte. With `slots` above 1 a
    ring of equal slots, each a multiple of 64 bytes; iteration i of a loop uses
    slot `i % slots`. `value` is the initial content of a constant.

    - (B1) The type is static, without encoding, of an element type of the plan:
      f32 bf16 f16 f64 i32 i64 ui8 i1.
    - (B2) At least one slot; more than one only for inputs.
    - (B3) `value` exactly in the section `constants`, and of the type.
    - (B4) No negative offset.

    ```mlir
    plan.buffer @label inputs : tensor<32xi32> slots = 2 offset = 128
    plan.buffer @table constants : tensor<3xf32> value = dense<[1.0, 2.0, 4.0]>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Plan_SectionAttr:$section,
                       TypeAttrOf<AnyRankedTensor>:$type,
                       DefaultValuedAttr<I64Attr, "1">:$slots,
                       OptionalAttr<ElementsAttr>:$value,
                       OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = [{
    $sym_name $section `:` $type
    (`slots` `=` $slots^)? (`value` `=` $value^)?
    (`offset` `=` $offset^)? attr-dict
  }];
  let hasVerifier = 1; // (B1) to (B4)
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
    /// Bytes used in each slot.
    int64_t getSlotBytes();
    /// Bytes from one slot to the next.
    int64_t getSlotStride();
    /// Bytes of all slots.
    int64_t getTotalBytes();
  }];
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def Plan_KernelOp : Plan_Op<"kernel", [
    IsolatedFromAbove, FunctionOpInterface, HasParent<"::mlir::ModuleOp">,
    OpAsmOpInterface]> {
  let summary = "one compiled function: a fusion group";
  let description = [{
    The body computes the results from the arguments with `graph` ops on
    tensors. A call passes pointers: the arguments, then the results, then the
    scratch memory when `scratch_bytes` is above 0. In the phases after
    `schedule` the body is gone: the machine code is under the name `symbol`
    (default: the kernel's own).

    `in_place` names for each result the argument whose memory it may share in
    some call, or -1. Code for such a kernel reads the elements of that argument
    before it writes the same elements of the result.

    `tasks` is into how many independent parts the work is cut. `flops` and
    `bytes` are for reports.

    - (K1) Arguments and results are static tensors without encoding.
    - (K2) `in_place` has an entry for each result; the argument has the type of
      the result, and no two results share one.
    - (K3) `tasks` is at least 1, `scratch_bytes` at least 0.
    - (K4) The body is one block and ends with a `plan.return` of the results.

    ```mlir
    plan.kernel @k0(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32>
        attributes {in_place = array<i64: 0>, tasks = 1 : i64} {
      %0 = graph.add %x, %y : tensor<4xf32>
      plan.return %0 : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<StrAttr>:$symbol,
                       OptionalAttr<DenseI64ArrayAttr>:$in_place,
                       DefaultValuedAttr<I64Attr, "1">:$tasks,
                       DefaultValuedAttr<I64Attr, "0">:$scratch_bytes,
                       DefaultValuedAttr<I64Attr, "0">:$flops,
                       DefaultValuedAttr<I64Attr, "0">:$bytes,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region AnyRegion:$body);
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
                                 "::mlir::FunctionType":$type)>];
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1; // (K1) to (K4)
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() {
      return getFunctionType().getInputs();
    }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() {
      return getFunctionType().getResults();
    }
    ::mlir::Region *getCallableRegion() {
      return isExternal() ? nullptr : &getBody();
    }
    /// Name of the machine code.
    ::llvm::StringRef getCodeSymbol() {
      return getSymbol().value_or(getSymName());
    }
    /// Pointers of a call: arguments, results, scratch memory if any.
    int64_t getNumPointers();
    /// Bytes behind pointer `i`.
    int64_t getPointerBytes(int64_t i);
    /// Whether the kernel writes through pointer `i`.
    bool isPointerWritten(int64_t i) { return i >= getNumArguments(); }
    /// The argument whose memory result `i` may share, or -1.
    int64_t getInPlaceArgument(int64_t i);
  }];
}

def Plan_ReturnOp : Plan_Op<"return", [
    Pure, HasParent<"KernelOp">, Terminator, ReturnLike]> {
  let summary = "results of a kernel";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Plan_BinaryOp : Plan_Op<"binary", [HasParent<"::mlir::ModuleOp">]> {
  let summary = "the machine code of every kernel, as one shared object";
  let description = [{
    `code` is an ELF shared object in hexadecimal. `cpu` and `features` are what
    the code needs, in LLVM's names.

    - (X1) `code` is an even number of hexadecimal digits.

    ```mlir
    plan.binary cpu = "x86-64-v3" features = ["avx2", "fma"] code = "7f454c46"
    ```
  }];
  let arguments = (ins StrAttr:$cpu, StrArrayAttr:$features, StrAttr:$code);
  let assemblyFormat = [{
    `cpu` `=` $cpu `features` `=` $features `code` `=` $code attr-dict
  }];
  let hasVerifier = 1; // (X1)
}

//===----------------------------------------------------------------------===//
// Programs and steps
//===----------------------------------------------------------------------===//

def Plan_ProgramOp : Plan_Op<"program", [
    NoTerminator, SingleBlock, NoRegionArguments, Symbol,
    HasParent<"::mlir::ModuleOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "an entry point: its buffers and its steps in order";
  let description = [{
    Buffers that the executor fills before a step or micro-batch and reads after
    it; `rows` is the number of rows of one micro-batch. The running sums of
    loops take `sum_level_bytes` behind the arena for each level of the tree.

    - (P1) The buffers exist; `mask` is a vector of `rows`, `count`, `step` and
      `seed` are i64 scalars, `row` is an i64 vector of `rows`, `loss` and the
      metrics are no inputs.
    - (P2) An input and an output have `rows` rows.

    ```mlir
    plan.program @infer rows = 32 attributes {inputs = [#plan.binding<"x", @infer.x>],
                                   outputs = [#plan.binding<"y", @infer.y>]} {
      plan.call @k0(@infer.x, @infer.y)
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$rows,
                       DefaultValuedAttr<Plan_BindingArrayAttr, "{}">:$inputs,
                       OptionalAttr<FlatSymbolRefAttr>:$mask,
                       OptionalAttr<FlatSymbolRefAttr>:$count,
                       OptionalAttr<FlatSymbolRefAttr>:$step,
                       OptionalAttr<FlatSymbolRefAttr>:$loss,
                       DefaultValuedAttr<Plan_BindingArrayAttr, "{}">:$metrics,
                       DefaultValuedAttr<Plan_BindingArrayAttr, "{}">:$outputs,
                       DefaultValuedAttr<I64Attr, "0">:$sum_level_bytes,
                       OptionalAttr<FlatSymbolRefAttr>:$row,
                       OptionalAttr<FlatSymbolRefAttr>:$seed);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `rows` `=` $rows attr-dict-with-keyword $body
  }];
  let hasVerifier = 1; // (R3)
}

class Plan_Step<string mnemonic, list<Trait> traits = []>
    : Plan_Op<mnemonic, !listconcat(
          [ParentOneOf<["ProgramOp", "LoopOp"]>,
           DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)>;

def Plan_CallOp : Plan_Step<"call"> {
  let summary = "runs a kernel";
  let description = [{
    - (C1) The kernel exists and takes as many pointers; scratch memory is passed
      once the arena is planned.
    - (C2) Every place lies inside its buffer, with the bytes that the kernel
      touches behind it.
    - (C3) The kernel writes to no constant, and to a place that it also reads
      only where its `in_place` allows it.

    ```mlir
    plan.call @k3(@x, @grads + 16384)
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Plan_RefArrayAttr:$args);
  let assemblyFormat = [{ $kernel `(` custom<Refs>($args) `)` attr-dict }];
  let extraClassDeclaration = [{
    RefAttr getArg(int64_t i) { return ::llvm::cast<RefAttr>(getArgs()[i]); }
    KernelOp getKernelOp();
  }];
}

def Plan_LoopOp : Plan_Step<"loop", [
    NoTerminator, SingleBlock, NoRegionArguments]> {
  let summary = "runs its steps once for every micro-batch";
  let description = [{
    `count` 0 stands for the micro-batches of this rank, as the executor splits
    them.

    - (L1) A loop over the micro-batches is inside no other; no loop holds an
      all-reduce.
    - (L2) Source and result of a sum have the bytes of its type; where they are
      one place, `in_place_sums` says that a rank has exactly one micro-batch.
    - (L3) `count >= 0`.

    ```mlir
    plan.loop count = 0 sums = [
        #plan.loop_sum<sum #plan.ref<@g> to #plan.ref<@bucket> : tensor<8xf32>>] {
      plan.call @k0(@x, @g)
    }
    ```
  }];
  let arguments = (ins I64Attr:$count,
                       DefaultValuedAttr<Plan_LoopSumArrayAttr, "{}">:$sums,
                       UnitAttr:$in_place_sums);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `count` `=` $count (`sums` `=` $sums^)?
    (`in_place_sums` $in_place_sums^)? attr-dict-with-keyword $body
  }];
  let hasVerifier = 1; // (L1) (L3)
}

def Plan_AllReduceOp : Plan_Step<"all_reduce"> {
  let summary = "reduces a place over the ranks of axes, in place";
  let description = [{
    `id` is the same on every rank and increases in the order of issue.

    - (R1) The place lies inside its buffer.
    - (R2) `axes` are axes of the module's mesh, at least one.
    - (R3) Ids increase within a program.

    ```mlir
    plan.all_reduce sum @bucket : tensor<1024xf32> over ["data"] id = 0 name = "hidden.w"
    ```
  }];
  let arguments = (ins Plan_ReductionAttr:$reduction, Plan_RefAttr:$data,
                       TypeAttrOf<AnyRankedTensor>:$type, StrArrayAttr:$axes,
                       I64Attr:$id, StrAttr:$name);
  let assemblyFormat = [{
    $reduction custom<Ref>($data) `:` $type `over` $axes
    `id` `=` $id `name` `=` $name attr-dict
  }];
}

def Plan_CopyOp : Plan_Step<"copy"> {
  let summary = "copies bytes";
  let description = [{
    - (Y1) Both places lie inside their buffers and do not overlap.

    ```mlir
    plan.copy @new to @hidden.w bytes = 16384
    ```
  }];
  let arguments = (ins Plan_RefAttr:$source, Plan_RefAttr:$target,
                       I64Attr:$bytes);
  let assemblyFormat = [{
    custom<Ref>($source) `to` custom<Ref>($target)
    `bytes` `=` $bytes attr-dict
  }];
}

def Plan_FillOp : Plan_Step<"fill"> {
  let summary = "sets every byte to one value";
  let description = [{
    - (F1) The place lies inside its buffer; the value is in [0, 256).

    ```mlir
    plan.fill @state value = 0 bytes = 64
    ```
  }];
  let arguments = (ins Plan_RefAttr:$target, I64Attr:$value, I64Attr:$bytes);
  let assemblyFormat = [{
    custom<Ref>($target) `value` `=` $value
    `bytes` `=` $bytes attr-dict
  }];
}

#endif // MLC_IR_PLAN_PLANOPS
