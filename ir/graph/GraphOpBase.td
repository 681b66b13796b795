//===- GraphOpBase.td - Types and classes of the graph ops ----------------===//

#ifndef MLC_IR_GRAPH_GRAPHOPBASE
#define MLC_IR_GRAPH_GRAPHOPBASE

include "ir/graph/GraphAttrs.td"
include "ir/graph/GraphInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// A ranked tensor whose extents are known and at least 1.
def Graph_HasExtentsPred : CPred<[{
    ::llvm::all_of(::llvm::cast<::mlir::RankedTensorType>($_self).getShape(),
                   [](int64_t extent) { return extent > 0; })}]>;
class Graph_TensorOf<list<Type> elements, string what>
    : ShapedContainerType<elements,
        And<[IsRankedTensorTypePred, Graph_HasExtentsPred]>,
        "tensor of known shape, extents at least 1", "::mlir::RankedTensorType"> {
  let summary = "tensor of known shape, extents at least 1, of " # what;
}

defvar Graph_Floats = [F16, BF16, F32, F64];
defvar Graph_SignedInts = [I32, I64];
defvar Graph_Ints = [I32, I64, UI8];

def Graph_Tensor : Graph_TensorOf<
    !listconcat(Graph_Floats, Graph_Ints, [I1]),
    "f16, bf16, f32, f64, i32, i64, ui8 or i1">;
def Graph_NumberTensor : Graph_TensorOf<
    !listconcat(Graph_Floats, Graph_Ints),
    "f16, bf16, f32, f64, i32, i64 or ui8">;
def Graph_SignedTensor : Graph_TensorOf<
    !listconcat(Graph_Floats, Graph_SignedInts),
    "f16, bf16, f32, f64, i32 or i64">;
def Graph_FloatTensor : Graph_TensorOf<Graph_Floats, "f16, bf16, f32 or f64">;
def Graph_IntTensor : Graph_TensorOf<Graph_Ints, "i32, i64 or ui8">;
def Graph_BoolTensor : Graph_TensorOf<[I1], "i1">;

// The layouts of operands and results are what the sharding rule gives. Runs
// after the op's own verifier.
def Graph_CheckedLayouts : NativeOpTrait<"CheckedLayouts"> {
  let cppNamespace = "::mlc::graph";
}
// Every operand and the result have one shape, and element [i] of the result
// depends on elements [i] of the operands alone.
def Graph_Elementwise : NativeOpTrait<"Elementwise"> {
  let cppNamespace = "::mlc::graph";
}

// An op on tensors. `costMethods`, `shardingMethods` and `fusionMethods` name the
// methods of the interfaces that differ from the default.
class Graph_Op<string mnemonic, list<Trait> traits = [],
               list<string> costMethods = [],
               list<string> shardingMethods = ["getShardingRule"],
               list<string> fusionMethods = []>
    : Op<Graph_Dialect, mnemonic, !listconcat([Pure], traits, [
        Graph_CheckedLayouts,
        DeclareOpInterfaceMethods<ShardingOpInterface, shardingMethods>,
        DeclareOpInterfaceMethods<CostOpInterface, costMethods>,
        DeclareOpInterfaceMethods<FusionOpInterface, fusionMethods>,
        DeclareOpInterfaceMethods<ReferenceOpInterface>])>;

def Graph_Gradient : DeclareOpInterfaceMethods<GradientOpInterface>;

// Elementwise ops have one sharding rule; `partial` is what they do with
// partial sums, and `cost` the scalar operations per element.
class Graph_ElementwiseOp<string mnemonic, list<Trait> traits = [],
                          string partialRule = "none", string cost = "1">
    : Graph_Op<mnemonic, !listconcat([Graph_Elementwise], traits), ["getFlops"]> {
  code elementwiseDefinition = [{
    ::mlc::graph::ShardingRule $cppClass::getShardingRule() {
      return ::mlc::graph::buildElementwiseRule(*this,
          ::mlc::graph::PartialRule::}] # partialRule # [{);
    }
    int64_t $cppClass::getFlops() {
      return ::mlc::graph::countResultElements(*this) * (}] # cost # [{);
    }
  }];
  let extraClassDefinition = elementwiseDefinition;
}

class Graph_UnaryOp<string mnemonic, Type type, string partialRule = "none",
                    string cost = "1">
    : Graph_ElementwiseOp<mnemonic, [SameOperandsAndResultType, Graph_Gradient],
                          partialRule, cost> {
  let arguments = (ins type:$operand);
  let results = (outs type:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
}

// `T` when all types agree, `(T, U) -> V` when layouts differ.
class Graph_BinaryOp<string mnemonic, Type type, list<Trait> traits = [],
                     string partialRule = "none", string cost = "1">
    : Graph_ElementwiseOp<mnemonic,
        !listconcat([SameOperandsAndResultElementType], traits),
        partialRule, cost> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:`
    custom<SameTypes>(type($lhs), type($rhs), type($result))
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$lhs, "::mlir::Value":$rhs), [{
    build($_builder, $_state, lhs.getType(), lhs, rhs);
  }]>];
}

#endif // MLC_IR_GRAPH_GRAPHOPBASE
