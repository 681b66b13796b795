//===- KernelBuilder.h - LLVM dialect, one line an instruction ------------===//
//
// A builder for kernels: arithmetic that works alike on scalars and vectors,
// structured loops over SSA values, and vector memory access. Emits the LLVM
// dialect directly, so that nothing has to be converted afterwards.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_KERNELBUILDER_H
#define MLC_CODEGEN_CPU_KERNELBUILDER_H

#include "codegen/cpu/CpuTarget.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

namespace mlc::cpu {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;

/// `Exact` arithmetic is rounded once an operation. `Contract` lets a product
/// and a sum become one fused operation.
enum class Rounding { Exact, Contract };

using FPred = mlir::LLVM::FCmpPredicate;
using IPred = mlir::LLVM::ICmpPredicate;

class KernelBuilder {
public:
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                const CpuTarget &target)
      : b(builder), loc(loc), target(target) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  const CpuTarget &target;

  // Types. A "shape" is a scalar type or a vector type; `like` keeps the shape
  // of `shape` and changes the element.
  Type i1() { return b.getI1Type(); }
  Type i8() { return b.getI8Type(); }
  Type i32() { return b.getI32Type(); }
  Type i64() { return b.getI64Type(); }
  Type f32() { return b.getF32Type(); }
  Type f64() { return b.getF64Type(); }
  Type ptr() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  Type vec(Type element, unsigned lanes); ///< lanes 1: the scalar itself
  static Type element(Type type);
  static unsigned lanesOf(Type type);
  Type like(Type element, Type shape) { return vec(element, lanesOf(shape)); }

  // Constants of a scalar or vector type.
  Value cf(Type type, double value);
  Value ci(Type type, int64_t value);
  Value index(int64_t value) { return ci(i64(), value); }
  Value zero(Type type); ///< 0, false or +0.0

  // Floating point.
  Value fadd(Value x, Value y, Rounding r = Rounding::Exact);
  Value fsub(Value x, Value y, Rounding r = Rounding::Exact);
  Value fmul(Value x, Value y, Rounding r = Rounding::Exact);
  Value fdiv(Value x, Value y);
  Value fma(Value x, Value y, Value z); ///< x * y + z, rounded once
  Value fneg(Value x);
  Value fabs(Value x);
  Value fsqrt(Value x);
  /// 1 / sqrt(x) to 14 bits; 16 lanes of f32, needs AVX-512.
  Value rsqrt14(Value x);
  Value ffloor(Value x);
  Value froundeven(Value x);
  Value fcopysign(Value magnitude, Value sign);
  Value fcmp(FPred predicate, Value x, Value y);
  Value fpext(Value x, Type element);
  Value fptrunc(Value x, Type element);

  // Integers (also i1).
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value sdiv(Value x, Value y);
  Value srem(Value x, Value y);
  Value udiv(Value x, Value y);
  Value urem(Value x, Value y);
  Value shl(Value x, Value y);
  Value lshr(Value x, Value y);
  Value ashr(Value x, Value y);
  Value andi(Value x, Value y);
  Value ori(Value x, Value y);
  Value xori(Value x, Value y);
  Value noti(Value x); ///< of i1
  Value icmp(IPred predicate, Value x, Value y);
  Value smin(Value x, Value y);
  Value sext(Value x, Type element);
  Value zext(Value x, Type element);
  Value trunc(Value x, Type element);
  Value sitofp(Value x, Type element);
  Value fptosi(Value x, Type element);
  Value bitcast(Value x, Type element); ///< same width of element
  Value select(Value condition, Value x, Value y);

  // Vectors.
  Value splat(Value scalar, unsigned lanes);
  Value extract(Value vector, int64_t lane);
  Value insert(Value scalar, Value vector, int64_t lane);
  Value laneIndices(Type element, unsigned lanes); ///< 0, 1, 2, ...
  Value shuffle(Value x, Value y, llvm::ArrayRef<int32_t> mask);
  /// i1 vector whose first `active` lanes are set.
  Value prefixMask(unsigned lanes, unsigned active);

  // Memory. Addresses are in elements of `element`. `active` < lanes masks.
  Value gep(Value base, Value offset, Type element);
  Value load(Type type, Value address, unsigned active = ~0u);
  void store(Value value, Value address, unsigned active = ~0u);
  Value gather(Type type, Value base, Value offsets, unsigned active = ~0u);
  /// The same where the i1 vector `mask` is set, and 0 elsewhere; no other
  /// element need be in memory that can be read.
  Value loadWhere(Type type, Value address, Value mask);
  Value gatherWhere(Type type, Value base, Value offsets, Value mask);
  void scatter(Value value, Value base, Value offsets, unsigned active = ~0u);
  /// Stack memory of the function (in its entry block), 64-byte aligned.
  Value stack(Type element, int64_t count);

  // Control. `body` gets the induction variable and the carried values, and
  // returns the carried values of the next iteration.
  using LoopBody =
      llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)>;
  llvm::SmallVector<Value> loop(Value begin, Value end, int64_t step,
                                ValueRange carried, LoopBody body);
  void loop(Value begin, Value end, int64_t step,
            llvm::function_ref<void(Value)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);

private:
  mlir::LLVM::FastmathFlags flags(Rounding r);
  unsigned alignmentOf(Type type);
};

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_KERNELBUILDER_H
