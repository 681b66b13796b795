//===- GraphInterfaces.td - What passes may ask of an op ----------------===//
//
// Everything that is known about one op lives with that op, behind these
// interfaces. Passes ask; they never switch on op names.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHINTERFACES
#define MLC_IR_GRAPH_GRAPHINTERFACES

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"

def GradientOpInterface : OpInterface<"GradientOpInterface"> {
  let cppNamespace = "::mlc::graph";
  let description = [{
    How cotangents flow from the results of an op to its operands
    (reverse-mode differentiation).
  }];
  let methods = [InterfaceMethod<
    [{
      Builds the cotangents of the operands from those of the results.

      A null value among `resultCotangents` stands for zero. On return
      `operandCotangents` holds one value per operand, of the operand's type;
      null where no gradient flows (integer operands, for example).
    }],
    "::llvm::LogicalResult", "buildGradient",
    (ins "::mlir::OpBuilder &":$builder,
         "::mlir::ValueRange":$resultCotangents,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$operandCotangents)>];
}

def ShardingOpInterface : OpInterface<"ShardingOpInterface"> {
  let cppNamespace = "::mlc::graph";
  let description = [{
    The factors that dimensions of operands and results share. Layout
    propagation, the check of layouts and the partition read this and nothing
    else. After Shardy's sharding rules (openxla/shardy).
  }];
  let methods = [
    InterfaceMethod<
      "The sharding rule of this op at its present shapes.",
      "::mlc::graph::ShardingRule", "getShardingRule">,
    InterfaceMethod<[{
      Gives the results other types, which differ in their layouts or in the
      extents of dimensions that have a factor. Attributes that hold extents
      follow. The operands have their new types already. Fails, without a
      diagnostic, where the op has no such form (a constant that is no splat).
    }],
      "::llvm::LogicalResult", "retypeResults",
      (ins "::mlir::TypeRange":$types), /*methodBody=*/"",
      /*defaultImplementation=*/[{
        for (auto [result, type] :
             ::llvm::zip_equal($_op->getResults(), types))
          result.setType(type);
        return ::mlir::success();
      }]>];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::mlc::graph";
  let description = [{
    What one execution of an op costs when it runs alone. A fused kernel adds
    the operations and leaves out the bytes that stay inside.
  }];
  let methods = [
    InterfaceMethod<[{
      Scalar floating-point or integer operations. A function such as exp
      counts as `kFunctionFlops` of them, a pure move of data as none.
    }],
      "int64_t", "getFlops", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/[{
        return ::mlc::graph::countResultElements($_op);
      }]>,
    InterfaceMethod<"Bytes of all operands read and all results written once.",
      "int64_t", "getBytes", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/[{
        return ::mlc::graph::countBytes($_op);
      }]>];
}

def FusionOpInterface : OpInterface<"FusionOpInterface"> {
  let cppNamespace = "::mlc::graph";
  let description = [{
    What an op does in a fusion group, the ops of one kernel. The analysis of
    groups and the outlining of kernels read this and nothing else; an op
    without this interface (a collective, a terminator) stands alone.
  }];
  let methods = [
    InterfaceMethod<
      "By default elementwise where the op has that trait, else an anchor.",
      "::mlc::graph::FusionRole", "getFusionRole", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/[{
        return $_op->template hasTrait<::mlc::graph::Elementwise>()
                   ? ::mlc::graph::FusionRole::Elementwise
                   : ::mlc::graph::FusionRole::Anchor;
      }]>,
    InterfaceMethod<[{
      May elementwise ops compute the operands of this anchor where it reads
      them, without memory in between. Only for an op that reads each element
      once, or else they are computed again and again.
    }],
      "bool", "acceptsPrologue", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/"return false;">,
    InterfaceMethod<
      "May elementwise ops go on with the result before it is stored.",
      "bool", "acceptsEpilogue", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/"return false;">,
    InterfaceMethod<[{
      May this anchor share a kernel with the anchor `other`: they read the same
      values and most of their work is the same.
    }],
      "bool", "sharesWorkWith", (ins "::mlir::Operation *":$other),
      /*methodBody=*/"", /*defaultImplementation=*/"return false;">];
}

def ReferenceOpInterface : OpInterface<"ReferenceOpInterface"> {
  let cppNamespace = "::mlc::graph";
  let description = [{
    The meaning of an op, as plain slow code. Every backend is compared with
    it.
  }];
  let methods = [InterfaceMethod<
    [{
      Evaluates the op. `operands` has one literal per operand, and `results`
      one per result, of the type to give and filled with 0. Shapes are those of
      the literals: on one of several devices they are parts of the op's own.
      Fails with a diagnostic at the op where the values have no meaning (a
      label out of range).
    }],
    "::llvm::LogicalResult", "evaluate",
    (ins "::llvm::ArrayRef<const ::mlc::graph::Literal *>":$operands,
         "::llvm::MutableArrayRef<::mlc::graph::Literal>":$results,
         "::mlc::graph::EvalOptions":$options)>];
}

def LayoutAttrInterface : AttrInterface<"LayoutAttrInterface"> {
  let cppNamespace = "::mlc::graph";
  let description = [{
    The encoding of a tensor type that says how the value lies over the
    devices. `graph` knows that there are layouts, and `dist` what they are.
  }];
  let methods = [
    InterfaceMethod<[{
      Checks that the layouts of all operands and results of `op` are what
      `rule` gives; called on the first layout among the types of `op`, after
      the op's own verifier. Emits the diagnostic.
    }],
      "::llvm::LogicalResult", "verifyOp",
      (ins "::mlir::Operation *":$op,
           "const ::mlc::graph::ShardingRule &":$rule)>,
    InterfaceMethod<[{
      Checks that this layout fits a tensor of the given shape. Emits through
      `emitError`.
    }],
      "::llvm::LogicalResult", "verifyShape",
      (ins "::llvm::ArrayRef<int64_t>":$shape,
           "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
    InterfaceMethod<"Is dimension `dim` cut over some axis.",
      "bool", "isDimSharded", (ins "int64_t":$dim)>,
    InterfaceMethod<[{
      The layout of values of this layout stacked along a new dimension 0, which
      is whole.
    }],
      "::mlir::Attribute", "stack", (ins)>,
    InterfaceMethod<[{
      The layout of one slice along dimension 0; null where that one is cut.
    }],
      "::mlir::Attribute", "unstack", (ins)>];
}

#endif // MLC_IR_GRAPH_GRAPHINTERFACES
