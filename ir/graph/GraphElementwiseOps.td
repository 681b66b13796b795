//===- GraphElementwiseOps.td - Ops on each element by itself -------------===//

#ifndef MLC_IR_GRAPH_GRAPHELEMENTWISEOPS
#define MLC_IR_GRAPH_GRAPHELEMENTWISEOPS

include "ir/graph/GraphOpBase.td"

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

def Graph_AddOp : Graph_BinaryOp<"add", Graph_NumberTensor,
    [Graph_Gradient, Commutative], "linear"> {
  let summary = "sum, per element";
  let description = [{
    `result[i] = lhs[i] + rhs[i]`. The sum of two partial values is partial.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.add %a, %b : tensor<64x10xf32>
    ```
  }];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Graph_SubOp : Graph_BinaryOp<"sub", Graph_NumberTensor,
    [Graph_Gradient], "linear"> {
  let summary = "difference, per element";
  let description = [{
    `result[i] = lhs[i] - rhs[i]`. The difference of two partial values is
    partial.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.sub %a, %b : tensor<64x10xf32>
    ```
  }];
  let hasFolder = 1;
}

def Graph_MulOp : Graph_BinaryOp<"mul", Graph_NumberTensor,
    [Graph_Gradient, Commutative], "bilinear"> {
  let summary = "product, per element";
  let description = [{
    `result[i] = lhs[i] * rhs[i]`. The product of a partial and a replicated
    value is partial; the types are then written one by one.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.mul %a, %b : tensor<64x10xf32>
    ```
  }];
  let hasFolder = 1;
}

def Graph_DivOp : Graph_BinaryOp<"div", Graph_FloatTensor,
    [Graph_Gradient], "numerator"> {
  let summary = "quotient of floats, per element";
  let description = [{
    `result[i] = lhs[i] / rhs[i]`, as IEEE 754 has it: `x / 0` is an infinity or
    NaN. A partial value over a replicated one is partial.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.div %a, %b : tensor<64x10xf32>
    ```
  }];
  let hasFolder = 1;
}

def Graph_PowOp : Graph_BinaryOp<"pow", Graph_FloatTensor,
    [Graph_Gradient], "none", "kFunctionFlops"> {
  let summary = "power, per element";
  let description = [{
    `result[i] = lhs[i] ^ rhs[i]`, with C's special values: `x ^ 0` is 1 even
    for NaN, a negative base needs a whole exponent or gives NaN.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.pow %x, %n : tensor<64xf32>
    ```
  }];
}

def Graph_MaximumOp : Graph_BinaryOp<"maximum", Graph_NumberTensor,
    [Graph_Gradient, Commutative]> {
  let summary = "the larger, per element";
  let description = [{
    `result[i] = max(lhs[i], rhs[i])`; NaN if either is NaN.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.maximum %a, %b : tensor<64xf32>
    ```
  }];
}

def Graph_MinimumOp : Graph_BinaryOp<"minimum", Graph_NumberTensor,
    [Graph_Gradient, Commutative]> {
  let summary = "the smaller, per element";
  let description = [{
    `result[i] = min(lhs[i], rhs[i])`; NaN if either is NaN.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.minimum %a, %b : tensor<64xf32>
    ```
  }];
}

def Graph_IDivOp : Graph_BinaryOp<"idiv", Graph_IntTensor> {
  let summary = "integer quotient rounded down, per element";
  let description = [{
    `result[i] = floor(lhs[i] / rhs[i])`, as Python's `//`. As in NumPy, a zero
    divisor gives 0, and the smallest number over -1 wraps to itself.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.idiv %a, %b : tensor<64xi32>
    ```
  }];
}

def Graph_ModOp : Graph_BinaryOp<"mod", Graph_NumberTensor, [Graph_Gradient]> {
  let summary = "remainder with the divisor's sign, per element";
  let description = [{
    `result[i] = lhs[i] - floor(lhs[i] / rhs[i]) * rhs[i]`, exact, as Python's
    `%`. A zero divisor gives 0 for integers, as in NumPy, and NaN for floats.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.mod %a, %b : tensor<64xi32>
    ```
  }];
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

def Graph_NegOp : Graph_UnaryOp<"neg", Graph_SignedTensor, "linear"> {
  let summary = "negation, per element";
  let description = [{
    `result[i] = -operand[i]`. Partial values stay partial.

    ```mlir
    %r = graph.neg %x : tensor<64xf32>
    ```
  }];
  let hasFolder = 1;
}

def Graph_AbsOp : Graph_UnaryOp<"abs", Graph_SignedTensor> {
  let summary = "absolute value, per element";
  let description = [{
    `result[i] = |operand[i]|`; the smallest integer wraps to itself.

    ```mlir
    %r = graph.abs %x : tensor<64xf32>
    ```
  }];
}

def Graph_SignOp : Graph_UnaryOp<"sign", Graph_SignedTensor> {
  let summary = "sign, per element";
  let description = [{
    `result[i]` is -1, 0 or 1; NaN for NaN.

    ```mlir
    %r = graph.sign %x : tensor<64xf32>
    ```
  }];
}

def Graph_ExpOp : Graph_UnaryOp<"exp", Graph_FloatTensor, "none",
                                "kFunctionFlops"> {
  let summary = "exponential, per element";
  let description = [{
    `result[i] = e ^ operand[i]`.

    ```mlir
    %r = graph.exp %x : tensor<64xf32>
    ```
  }];
}

def Graph_Expm1Op : Graph_UnaryOp<"expm1", Graph_FloatTensor, "none",
                                  "kFunctionFlops"> {
  let summary = "exponential less one, per element";
  let description = [{
    `result[i] = e ^ operand[i] - 1`, without the difference's rounding: near 0
    it is the operand.

    ```mlir
    %r = graph.expm1 %x : tensor<64xf32>
    ```
  }];
}

def Graph_LogOp : Graph_UnaryOp<"log", Graph_FloatTensor, "none",
                                "kFunctionFlops"> {
  let summary = "natural logarithm, per element";
  let description = [{
    `result[i] = ln(operand[i])`; `-inf` for 0, NaN below.

    ```mlir
    %r = graph.log %x : tensor<64xf32>
    ```
  }];
}

def Graph_Log1pOp : Graph_UnaryOp<"log1p", Graph_FloatTensor, "none",
                                  "kFunctionFlops"> {
  let summary = "natural logarithm of one more, per element";
  let description = [{
    `result[i] = ln(1 + operand[i])`, without the sum's rounding: near 0 it is
    the operand. `-inf` for -1, NaN below.

    ```mlir
    %r = graph.log1p %x : tensor<64xf32>
    ```
  }];
}

def Graph_SqrtOp : Graph_UnaryOp<"sqrt", Graph_FloatTensor> {
  let summary = "square root, per element";
  let description = [{
    `result[i] = sqrt(operand[i])`, rounded correctly; NaN below 0.

    ```mlir
    %r = graph.sqrt %x : tensor<64xf32>
    ```
  }];
}

def Graph_TanhOp : Graph_UnaryOp<"tanh", Graph_FloatTensor, "none",
                                 "kFunctionFlops"> {
  let summary = "hyperbolic tangent, per element";
  let description = [{
    `result[i] = tanh(operand[i])`.

    ```mlir
    %r = graph.tanh %x : tensor<64xf32>
    ```
  }];
}

def Graph_SigmoidOp : Graph_UnaryOp<"sigmoid", Graph_FloatTensor, "none",
                                    "kFunctionFlops"> {
  let summary = "logistic function, per element";
  let description = [{
    `result[i] = 1 / (1 + e ^ -operand[i])`.

    ```mlir
    %r = graph.sigmoid %x : tensor<64xf32>
    ```
  }];
}

def Graph_ErfOp : Graph_UnaryOp<"erf", Graph_FloatTensor, "none",
                                "kFunctionFlops"> {
  let summary = "error function, per element";
  let description = [{
    `result[i] = 2 / sqrt(pi) * integral from 0 to operand[i] of e ^ -t^2 dt`.

    ```mlir
    %r = graph.erf %x : tensor<64xf32>
    ```
  }];
}

def Graph_ReluOp : Graph_UnaryOp<"relu", Graph_SignedTensor> {
  let summary = "positive part, per element";
  let description = [{
    `result[i] = max(operand[i], 0)`; NaN for NaN. The gradient at 0 is 0.

    ```mlir
    %r = graph.relu %x : tensor<64xf32>
    ```
  }];
}

def Graph_SinOp : Graph_UnaryOp<"sin", Graph_FloatTensor, "none",
                                "kFunctionFlops"> {
  let summary = "sine, per element";
  let description = [{
    `result[i] = sin(operand[i])`, in radians. Compiled for f64, arguments
    beyond 2^50 in absolute value give some number in [-1, 1].

    ```mlir
    %r = graph.sin %x : tensor<64xf32>
    ```
  }];
}

def Graph_CosOp : Graph_UnaryOp<"cos", Graph_FloatTensor, "none",
                                "kFunctionFlops"> {
  let summary = "cosine, per element";
  let description = [{
    `result[i] = cos(operand[i])`, in radians. Compiled for f64, arguments
    beyond 2^50 in absolute value give some number in [-1, 1].

    ```mlir
    %r = graph.cos %x : tensor<f64>
    ```
  }];
}

def Graph_FloorOp : Graph_UnaryOp<"floor", Graph_FloatTensor> {
  let summary = "largest whole number not above, per element";
  let description = [{
    `result[i] = floor(operand[i])`.

    ```mlir
    %r = graph.floor %x : tensor<64xf32>
    ```
  }];
}

def Graph_RoundOp : Graph_UnaryOp<"round", Graph_FloatTensor> {
  let summary = "nearest whole number, per element";
  let description = [{
    The nearest whole number, the even one of two as near, as in NumPy. The
    gradient is 0.

    ```mlir
    %r = graph.round %x : tensor<64xf32>
    ```
  }];
}

//===----------------------------------------------------------------------===//
// Comparison and choice
//===----------------------------------------------------------------------===//

def Graph_CompareOp : Graph_ElementwiseOp<"compare"> {
  let summary = "comparison, per element";
  let description = [{
    `result[i] = lhs[i] P rhs[i]` for the predicate `P`, one of
    `eq ne lt le gt ge`. A comparison with NaN is false, except `ne`.

    - (C1) Operands and result have one shape.
    - (C2) Operands have one element type.

    ```mlir
    %r = graph.compare lt %a, %b : tensor<64xf32>   // tensor<64xi1>
    ```
  }];
  let arguments = (ins Graph_ComparePredicate:$predicate,
                       Graph_Tensor:$lhs, Graph_Tensor:$rhs);
  let results = (outs Graph_BoolTensor:$result);
  let assemblyFormat = [{
    $predicate $lhs `,` $rhs attr-dict `:`
    custom<CompareTypes>(type($lhs), type($rhs), type($result))
  }];
  let builders = [OpBuilder<(ins "ComparePredicate":$predicate,
                                 "::mlir::Value":$lhs, "::mlir::Value":$rhs), [{
    build($_builder, $_state, boolLike(lhs.getType()), predicate, lhs, rhs);
  }]>];
  let hasVerifier = 1; // (C2)
}

def Graph_AndOp : Graph_BinaryOp<"and", Graph_BoolTensor, [Commutative]> {
  let summary = "both, per element";
  let description = [{
    `result[i] = lhs[i] and rhs[i]`.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.and %a, %b : tensor<64xi1>
    ```
  }];
}

def Graph_OrOp : Graph_BinaryOp<"or", Graph_BoolTensor, [Commutative]> {
  let summary = "either or both, per element";
  let description = [{
    `result[i] = lhs[i] or rhs[i]`.

    - (C1) Operands and result have one shape and element type.

    ```mlir
    %r = graph.or %a, %b : tensor<64xi1>
    ```
  }];
}

def Graph_NotOp : Graph_ElementwiseOp<"not", [SameOperandsAndResultType]> {
  let summary = "negation of truth, per element";
  let description = [{
    `result[i] = not operand[i]`.

    ```mlir
    %r = graph.not %a : tensor<64xi1>
    ```
  }];
  let arguments = (ins Graph_BoolTensor:$operand);
  let results = (outs Graph_BoolTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
  let hasFolder = 1;
}

def Graph_SelectOp : Graph_Op<"select", [
    Graph_Elementwise, Graph_Gradient,
    AllElementTypesMatch<["onTrue", "onFalse", "result"]>]> {
  let summary = "choice, per element";
  let description = [{
    `result[i] = condition[i] ? onTrue[i] : onFalse[i]`. Two partial values give
    a partial one, when every device has the same condition.

    - (C1) Operands and result have one shape.
    - (C2) Values and result have one element type.

    ```mlir
    %r = graph.select %c, %a, %b : tensor<64xf32>
    ```
  }];
  let arguments = (ins Graph_BoolTensor:$condition, Graph_Tensor:$onTrue,
                       Graph_Tensor:$onFalse);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $onTrue `,` $onFalse attr-dict `:`
    custom<SelectTypes>(type($condition), type($onTrue), type($onFalse),
                        type($result))
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$condition,
      "::mlir::Value":$onTrue, "::mlir::Value":$onFalse), [{
    build($_builder, $_state, onTrue.getType(), condition, onTrue, onFalse);
  }]>];
  let hasFolder = 1;
}

def Graph_CastOp : Graph_ElementwiseOp<"cast", [Graph_Gradient], "none"> {
  let summary = "conversion of the element type, per element";
  let description = [{
    To a float: the nearest value, ties to even. Float to integer: rounded
    towards zero, the nearest end of the range outside of it, 0 for NaN. Integer
    to integer: wraps. To i1: `operand[i] != 0`. From i1: 0 or 1.

    Partial values stay partial from float to float.

    - (C1) Operand and result have one shape.

    ```mlir
    %r = graph.cast %x : tensor<4xui8> to tensor<4xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$operand);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `to` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$operand,
                                 "::mlir::Type":$elementType), [{
    build($_builder, $_state, withElementType(operand.getType(), elementType),
          operand);
  }]>];
  // Floats are linear up to rounding; integers are not.
  let extraClassDefinition = [{
    ::mlc::graph::ShardingRule $cppClass::getShardingRule() {
      bool linear = ::llvm::isa<::mlir::FloatType>(
                        getOperand().getType().getElementType()) &&
                    ::llvm::isa<::mlir::FloatType>(getType().getElementType());
      return ::mlc::graph::buildElementwiseRule(*this, linear
          ? ::mlc::graph::PartialRule::linear
          : ::mlc::graph::PartialRule::none);
    }
    int64_t $cppClass::getFlops() {
      return ::mlc::graph::countResultElements(*this);
    }
  }];
  let hasFolder = 1;
}

#endif // MLC_IR_GRAPH_GRAPHELEMENTWISEOPS
