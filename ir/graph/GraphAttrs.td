//===- GraphAttrs.td - Enumerations and attributes of graph ---------------===//

#ifndef MLC_IR_GRAPH_GRAPHATTRS
#define MLC_IR_GRAPH_GRAPHATTRS

include "ir/graph/GraphDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Graph_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlc::graph";
}

def Graph_ReductionKind : Graph_Enum<"ReductionKind", "how elements combine", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"max", 1>,
    I32EnumAttrCase<"min", 2>]>;

def Graph_ComparePredicate : Graph_Enum<"ComparePredicate", "an order relation", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>,
    I32EnumAttrCase<"lt", 2>, I32EnumAttrCase<"le", 3>,
    I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]>;

def Graph_ParameterRole : Graph_Enum<"ParameterRole", "who writes a parameter", [
    I32EnumAttrCase<"trained", 0>, I32EnumAttrCase<"state", 1>,
    I32EnumAttrCase<"optimizer", 2>]>;

// In plan.fbs these are the strings of `Initializer.kind`.
def Graph_InitKind : Graph_Enum<"InitKind", "distribution of initial values", [
    I32EnumAttrCase<"zeros", 0>, I32EnumAttrCase<"ones", 1>,
    I32EnumAttrCase<"constant", 2>, I32EnumAttrCase<"uniform", 3>,
    I32EnumAttrCase<"normal", 4>, I32EnumAttrCase<"truncated_normal", 5>,
    I32EnumAttrCase<"orthogonal", 6>]>;

def Graph_InitAttr : AttrDef<Graph_Dialect, "Init"> {
  let mnemonic = "init";
  let summary = "how a parameter gets its first value";
  let description = [{
    The runtime evaluates it with Philox4x32-10, keyed by the seed and the
    parameter's path.

    | kind | numbers | values |
    |---|---|---|
    | `zeros`, `ones` | none | 0, 1 |
    | `constant` | `a` | `a` |
    | `uniform` | `a`, `b` | uniform in `[a, b)` |
    | `normal` | `a`, `b` | normal with mean `a` and standard deviation `b` |
    | `truncated_normal` | `a`, `b` | the same, drawn again outside `a ± 2 b` |
    | `orthogonal` | `a`, `b` | `a` times a random matrix of `b` columns, whose columns are orthonormal, or its rows where it has fewer rows than columns |

    - (C1) A kind has exactly its numbers, and they are finite.
    - (C2) `uniform` has `a < b`; a standard deviation is at least 0;
      `orthogonal` has a whole number of columns, at least 1.

    ```mlir
    #graph.init<uniform, -0.125, 0.125>
    ```
  }];
  let parameters = (ins EnumParameter<Graph_InitKind>:$kind,
                        "::mlir::DenseF64ArrayAttr":$numbers);
  let builders = [AttrBuilder<(ins "::mlc::graph::InitKind":$kind,
                                   CArg<"::llvm::ArrayRef<double>", "{}">:$numbers), [{
    return $_get($_ctxt, kind, ::mlir::DenseF64ArrayAttr::get($_ctxt, numbers));
  }]>];
  let extraClassDeclaration = [{
    /// The number `a` or `b` of the table; 0 where the kind has none.
    double getA() const { return getNumbers().empty() ? 0.0 : getNumbers()[0]; }
    double getB() const { return getNumbers().size() < 2 ? 0.0 : getNumbers()[1]; }
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1; // (C1), (C2)
}

#endif // MLC_IR_GRAPH_GRAPHATTRS
