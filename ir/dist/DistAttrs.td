//===- DistAttrs.td - The layout of a tensor -----------------*- tablegen -*-===//
#ifndef MLC_IR_DIST_DISTATTRS
#define MLC_IR_DIST_DISTATTRS

include "ir/dist/DistDialect.td"
include "ir/graph/GraphInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"

def Dist_ReductionKind : I32EnumAttr<"ReductionKind", "how parts combine", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"max", 1>,
    I32EnumAttrCase<"min", 2>]> {
  let cppNamespace = "::mlc::dist";
  let genSpecializedAttr = 0;
}

def Dist_ReductionKindAttr
    : EnumAttr<Dist_Dialect, Dist_ReductionKind, "reduction"> {
  let assemblyFormat = "`<` $value `>`";
}

def Dist_LayoutAttr : AttrDef<Dist_Dialect, "Layout", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>,
    DeclareAttrInterfaceMethods<LayoutAttrInterface>]> {
  let mnemonic = "layout";
  let summary = "how a tensor lies over a mesh";
  let description = [{
    `dims` has one list per dimension: the axes over which it is sharded, major
    to minor. `partial` names the axes over which the value is an unreduced sum,
    `partial_max` and `partial_min` an unreduced maximum or minimum. Over every
    other axis of the mesh the tensor is replicated.

    In the phase `dist` shapes are global. In the phase `local` they are those
    of one device and one micro-batch, and the layouts are the same.

    - (L1) No axis is named twice.
    - (L2) There is one list of axes per dimension of the tensor.

    ```mlir
    #rows    = #dist.layout<@mesh, [{"data"}, {} ]>             // batch split
    #whole   = #dist.layout<@mesh, [{}, {} ]>                    // replicated
    #partial = #dist.layout<@mesh, [{}, {} ], partial = ["data"]>
    ```
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$mesh,
                        "::mlir::ArrayAttr":$dims,
                        "::mlir::ArrayAttr":$partialSum,
                        "::mlir::ArrayAttr":$partialMax,
                        "::mlir::ArrayAttr":$partialMin);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1; // (L1)
  let genMnemonicAlias = 1;
  let extraClassDeclaration = [{
    /// The layout of a replicated tensor.
    static LayoutAttr getReplicated(::mlir::FlatSymbolRefAttr mesh,
                                    int64_t rank);
    /// The layout of `type`, or null where it has none.
    static LayoutAttr of(::mlir::Type type);
    static LayoutAttr of(::mlir::Value value);

    int64_t getRank() const { return getDims().size(); }
    /// The axes over which a dimension is sharded, as strings.
    ::mlir::ArrayAttr getAxes(int64_t dim) const;
    /// The axes over which the value is partial with this kind.
    ::mlir::ArrayAttr getPartial(ReductionKind kind) const;
    /// The dimension that is sharded over `axis`.
    std::optional<int64_t> getShardedDim(::mlir::StringAttr axis) const;
    /// The kind with which the value is partial over `axis`.
    std::optional<ReductionKind> getPartialKind(::mlir::StringAttr axis) const;
    bool isSharded() const;
    bool isPartial() const;
    bool isReplicated() const { return !isSharded() && !isPartial(); }
    /// The same layout, replicated over `axis`.
    LayoutAttr dropPartial(::mlir::ArrayAttr axes) const;
    /// Every axis that the layout names.
    ::llvm::SmallVector<::mlir::StringAttr> getNamedAxes() const;
  }];
}

#endif // MLC_IR_DIST_DISTATTRS
