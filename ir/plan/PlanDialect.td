//===- PlanDialect.td - The plan dialect and its attributes ---*- tablegen -*-===//
//
// One to one with runtime/schema/plan.fbs.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_PLAN_PLANDIALECT
#define MLC_IR_PLAN_PLANDIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::mlc::plan";
  let summary = "buffers with offsets, kernels and steps: what the executor runs";
  let description = [{
    A module of the phases `schedule`, `kernels` and `plan` holds, besides the
    `graph.parameter` declarations and the module attributes:

    - one `plan.arena` with every `plan.buffer`;
    - a `plan.kernel` for every distinct fusion group;
    - a `plan.program` for each entry point, with the steps in order;
    - in phase `plan`, one `plan.binary` with the machine code.

    Everything maps one to one to `runtime/schema/plan.fbs`.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Plan_Attr<string name, string mnemonicName> : AttrDef<Plan_Dialect, name> {
  let mnemonic = mnemonicName;
}

def Plan_Section : I32Enum<"Section", "what a buffer of the arena is for", [
    I32EnumCase<"Parameters", 0, "parameters">,
    I32EnumCase<"State", 1, "state">,
    I32EnumCase<"Inputs", 2, "inputs">,
    I32EnumCase<"Outputs", 3, "outputs">,
    I32EnumCase<"Scalars", 4, "scalars">,
    I32EnumCase<"Transient", 5, "transient">,
    I32EnumCase<"Constants", 6, "constants">,
    I32EnumCase<"Communication", 7, "communication">]> {
  let cppNamespace = "::mlc::plan";
}
def Plan_SectionAttr : EnumAttr<Plan_Dialect, Plan_Section, "section">;

def Plan_Reduction : I32Enum<"Reduction", "how values are joined", [
    I32EnumCase<"Sum", 0, "sum">, I32EnumCase<"Max", 1, "max">,
    I32EnumCase<"Min", 2, "min">]> {
  let cppNamespace = "::mlc::plan";
}
def Plan_ReductionAttr : EnumAttr<Plan_Dialect, Plan_Reduction, "reduction">;

def Plan_RefAttr : Plan_Attr<"Ref", "ref"> {
  let summary = "a place in a buffer";
  let description = [{
    `offset` bytes into `buffer`, plus for every loop around it, the outermost
    first, a stride in bytes times that loop's iteration; missing strides are 0.
    Ops print it as `@buffer`, `@buffer + 128` or `@buffer + 0 strides [0, 64]`.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$buffer,
                        DefaultValuedParameter<"int64_t", "0">:$offset,
                        OptionalArrayRefParameter<"int64_t">:$strides);
  let builders = [AttrBuilderWithInferredContext<
      (ins "::mlir::FlatSymbolRefAttr":$buffer,
           CArg<"int64_t", "0">:$offset), [{
    return $_get(buffer.getContext(), buffer, offset, ::llvm::ArrayRef<int64_t>());
  }]>];
  let assemblyFormat = [{
    `<` $buffer (`+` $offset^)? (`strides` `[` $strides^ `]`)? `>`
  }];
}
def Plan_RefArrayAttr : TypedArrayAttrBase<Plan_RefAttr, "places in buffers">;

def Plan_BindingAttr : Plan_Attr<"Binding", "binding"> {
  let summary = "a name of the model bound to a buffer";
  let parameters = (ins "::mlir::StringAttr":$name,
                        "::mlir::FlatSymbolRefAttr":$buffer);
  let builders = [AttrBuilderWithInferredContext<
      (ins "::mlir::StringAttr":$name, "::mlir::FlatSymbolRefAttr":$buffer), [{
    return $_get(name.getContext(), name, buffer);
  }]>];
  let assemblyFormat = "`<` $name `,` $buffer `>`";
}
def Plan_BindingArrayAttr
    : TypedArrayAttrBase<Plan_BindingAttr, "names bound to buffers">;

def Plan_LoopSumAttr : Plan_Attr<"LoopSum", "loop_sum"> {
  let summary = "a sum over the micro-batches of a loop";
  let description = [{
    Each iteration adds `source` to a running sum in the order of the plan;
    after the loop it is in `result`. `type` gives count and element type.
  }];
  let parameters = (ins EnumParameter<Plan_Reduction>:$reduction,
                        "::mlc::plan::RefAttr":$source,
                        "::mlc::plan::RefAttr":$result,
                        "::mlir::RankedTensorType":$type);
  let assemblyFormat = [{
    `<` $reduction $source `to` $result `:` $type `>`
  }];
}
def Plan_LoopSumArrayAttr
    : TypedArrayAttrBase<Plan_LoopSumAttr, "sums over micro-batches">;

#endif // MLC_IR_PLAN_PLANDIALECT
