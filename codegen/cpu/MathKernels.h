//===- MathKernels.h - Elementary functions as straight-line code ---------===//
//
// exp, expm1, log, log1p, tanh, sigmoid, erf, sin, cos, pow and sqrt on vectors
// of f32 and f64, scalars too, without calls, tables or branches. Every
// argument is covered: infinities, NaN, zeros and denormals give what IEEE 754
// asks.
//
// Error in units of the last place of the exact result (test/codegen measures):
//   exp, expm1, log, log1p, tanh, erf
//                    f32: at most 2 over all inputs; f64: at most 2 (sampled)
//   sigmoid          f32, f64: at most 3
//   pow              f32: at most 1; f64: at most 2
//   sqrt             the nearest value, as the instruction gives
//   sin, cos         f32: at most 1; f64: at most 2 for |x| <= 2^50, beyond it
//                    some number in [-1, 1]
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_MATHKERNELS_H
#define MLC_CODEGEN_CPU_MATHKERNELS_H

#include "codegen/cpu/KernelBuilder.h"

namespace mlc::cpu {

Value emitExp(KernelBuilder &k, Value x);
Value emitExpm1(KernelBuilder &k, Value x);
Value emitLog(KernelBuilder &k, Value x);
Value emitLog1p(KernelBuilder &k, Value x);
Value emitTanh(KernelBuilder &k, Value x);
Value emitSigmoid(KernelBuilder &k, Value x);
Value emitErf(KernelBuilder &k, Value x);
Value emitSin(KernelBuilder &k, Value x);
Value emitCos(KernelBuilder &k, Value x);
Value emitPow(KernelBuilder &k, Value x, Value y);
/// With 16 lanes of f32 on the multipliers, which leaves the divider to
/// divisions: it takes a vector of either in about 10 cycles.
Value emitSqrt(KernelBuilder &k, Value x);

namespace detail {
Value exp64(KernelBuilder &k, Value x);
Value log64(KernelBuilder &k, Value x);
Value expm1Reduced64(KernelBuilder &k, Value r);
/// cos(x + quarters * pi/2).
Value cos64(KernelBuilder &k, Value x, double quarters);
/// cos(r + n * pi/2) for |r| <= 1 and a whole n.
Value cosReduced64(KernelBuilder &k, Value r, Value n);
Value pow64(KernelBuilder &k, Value x, Value y);

/// c[0] + x * (c[1] + x * ...) with fused steps.
Value polynomial(KernelBuilder &k, Value x, llvm::ArrayRef<double> c);
/// value * 2^n for |n| up to twice the exponent range; exact but for one
/// rounding into the denormals. `n` is an integer vector of the float's width.
Value scaleByPowerOfTwo(KernelBuilder &k, Value value, Value n);
} // namespace detail

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_MATHKERNELS_H
