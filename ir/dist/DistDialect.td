//===- DistDialect.td - The dialect of meshes and layouts ----*- tablegen -*-===//
#ifndef MLC_IR_DIST_DISTDIALECT
#define MLC_IR_DIST_DISTDIALECT

include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"

def Dist_Dialect : Dialect {
  let name = "dist";
  let cppNamespace = "::mlc::dist";
  let summary = "how tensors lie over the devices of a mesh";
  let description = [{
    A mesh is a grid of devices with named axes. The layout of a tensor says,
    for each axis of the mesh, one of three things:

    - *sharded*: the devices along the axis hold equal parts of one dimension;
    - *partial*: each device holds a tensor of the full shape, and the value is
      their sum (or maximum, minimum) over the axis;
    - *replicated*, where the layout does not name the axis: all devices hold
      the same value.

    The layout is the encoding of the tensor type, so that a program whose
    collectives are missing or doubled does not verify: each op's result layouts
    must follow from its operand layouts by its sharding rule.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// The symbol of the mesh that the passes create.
    static constexpr ::llvm::StringLiteral kMeshName = "mesh";
    /// The axis that splits the batch.
    static constexpr ::llvm::StringLiteral kDataAxis = "data";
  }];
}

#endif // MLC_IR_DIST_DISTDIALECT
