//===- MathKernelsTest.cpp - Error of the elementary functions ------------===//
//
// Compiles each function for vectors of this machine and compares it with the
// C library: f32 against double, f64 against long double. By default every
// 61st f32 and every denormal near the ends; MLC_EXHAUSTIVE=1 takes all 2^32
// (some minutes).
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/MathKernels.h"
#include "codegen/cpu/CpuCodegen.h"
#include "test/codegen/Loaded.h"

#include "mlir/IR/OwningOpRef.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

using namespace mlc;
using namespace mlc::cpu;
using mlir::Value;

namespace {

CpuTarget nativeTarget() {
  std::string error;
  std::optional<CpuTarget> target = CpuTarget::resolve("native", error);
  EXPECT_TRUE(target) << error;
  return *target;
}

using Emit = llvm::function_ref<Value(KernelBuilder &, llvm::ArrayRef<Value>)>;

// f(args = {inputs..., output}, -, 0, elements): elementwise over vectors.
struct Function {
  test::Loaded library;
  mlrt::KernelFunction code = nullptr;

  Function(bool wide, unsigned inputs, Emit emit) {
    mlir::DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    mlir::MLIRContext context(registry);
    context.loadAllAvailableDialects();
    mlir::OpBuilder builder(&context);
    mlir::Location loc = builder.getUnknownLoc();
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
    CpuTarget target = nativeTarget();
    KernelBuilder k(builder, loc, target);
    builder.setInsertionPointToEnd(module->getBody());
    auto type = mlir::LLVM::LLVMFunctionType::get(
        mlir::LLVM::LLVMVoidType::get(&context),
        {k.ptr(), k.ptr(), k.i64(), k.i64()});
    auto func = mlir::LLVM::LLVMFuncOp::create(builder, loc, "f", type);
    mlir::Block *entry = func.addEntryBlock(builder);
    builder.setInsertionPointToStart(entry);
    std::vector<Value> pointers;
    for (unsigned i = 0; i <= inputs; ++i)
      pointers.push_back(
          k.load(k.ptr(), k.gep(entry->getArgument(0), k.index(i), k.ptr())));
    mlir::Type element = wide ? k.f64() : k.f32();
    k.loop(entry->getArgument(2), entry->getArgument(3), target.lanes,
           [&](Value i) {
             std::vector<Value> values;
             for (unsigned j = 0; j < inputs; ++j)
               values.push_back(k.load(k.vec(element, target.lanes),
                                       k.gep(pointers[j], i, element)));
             k.store(emit(k, values), k.gep(pointers[inputs], i, element));
           });
    mlir::LLVM::ReturnOp::create(builder, loc, mlir::ValueRange{});
    mlir::FailureOr<std::string> bytes = emitSharedObject(*module, target);
    if (mlir::failed(bytes))
      return;
    library = test::Loaded::open(*bytes);
    EXPECT_TRUE(library) << library.error;
    code = library.find("f");
  }
};

// |result - exact| in units of the last place of `exact` in T.
template <typename T, typename Wide> double ulps(T result, Wide exact) {
  T rounded = T(exact);
  if (std::isnan(rounded) || std::isnan(result))
    return std::isnan(rounded) && std::isnan(result) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(result))
    return rounded == result ? 0 : 1e9;
  int exponent = rounded == 0 ? std::numeric_limits<T>::min_exponent - 1
                              : std::ilogb(exact);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent - 1);
  Wide unit =
      std::ldexp(Wide(1), exponent - std::numeric_limits<T>::digits + 1);
  return double(std::abs(Wide(result) - exact) / unit);
}

void sweepFloats(Emit emit, double (*reference)(double), double limit) {
  Function function(/*wide=*/false, 1, emit);
  ASSERT_TRUE(function.code);
  constexpr uint32_t kBlock = 4096;
  uint64_t stride = std::getenv("MLC_EXHAUSTIVE") ? 1 : 61;
  std::vector<float> in(kBlock), out(kBlock);
  double worst = 0;
  float worstAt = 0;
  void *args[] = {in.data(), out.data()};
  auto run = [&](uint64_t first, uint64_t step) {
    for (uint32_t i = 0; i < kBlock; ++i)
      in[i] = std::bit_cast<float>(uint32_t(first + i * step));
    function.code(args, nullptr, 0, kBlock);
    for (uint32_t i = 0; i < kBlock; ++i) {
      double error = ulps(out[i], reference(double(in[i])));
      if (error > worst) {
        worst = error;
        worstAt = in[i];
      }
    }
  };
  for (uint64_t first = 0; first < (uint64_t(1) << 32);
       first += kBlock * stride)
    run(first, stride);
  // Around zero, one, the smallest normal, the largest finite; both signs.
  for (uint32_t center : {0x0u, 0x00800000u, 0x3f800000u, 0x7f800000u})
    for (uint32_t sign : {0x0u, 0x80000000u})
      run((center | sign) - kBlock / 2, 1);
  EXPECT_LE(worst, limit) << "at " << worstAt;
  ::testing::Test::RecordProperty("ulps", std::to_string(worst));
  printf("worst %.3f ulp at %a\n", worst, double(worstAt));
}

void sampleDoubles(Emit emit, long double (*reference)(long double),
                   double range, double limit) {
  Function function(/*wide=*/true, 1, emit);
  ASSERT_TRUE(function.code);
  std::mt19937_64 random(1);
  std::vector<double> in(1 << 18), out(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    double uniform = std::ldexp(double(random() >> 11), -53);
    in[i] = i % 2 ? (2 * uniform - 1) * range
                  : std::bit_cast<double>(random()); // every exponent, NaNs
  }
  const double special[] = {0.0,      -0.0,
                            INFINITY, -INFINITY,
                            NAN,      1.0,
                            -1.0,     5e-324,
                            -5e-324,  2.2250738585072014e-308,
                            709.79,   -745.2,
                            -708.5,   1.7976931348623157e308};
  std::copy(std::begin(special), std::end(special), in.begin());
  if (reference == cosl ||
      reference == sinl) // larger arguments are outside the promise
    for (double &x : in)
      x = std::abs(x) > range && std::isfinite(x) ? 1.0 : x;
  void *args[] = {in.data(), out.data()};
  function.code(args, nullptr, 0, int64_t(in.size()));
  double worst = 0, worstAt = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    double error = ulps(out[i], reference((long double)(in[i])));
    if (error > worst) {
      worst = error;
      worstAt = in[i];
    }
  }
  EXPECT_LE(worst, limit) << "at " << worstAt;
  printf("worst %.3f ulp at %a\n", worst, worstAt);
}

double sigmoidOf(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
long double sigmoidOfLong(long double x) {
  return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x));
}

auto expOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitExp(k, a[0]);
};
auto logOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitLog(k, a[0]);
};
auto log1pOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitLog1p(k, a[0]);
};
auto tanhOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitTanh(k, a[0]);
};
auto sigmoid = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitSigmoid(k, a[0]);
};
auto expm1Of = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitExpm1(k, a[0]);
};
auto erfOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitErf(k, a[0]);
};
auto sinOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitSin(k, a[0]);
};
auto cosOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitCos(k, a[0]);
};
auto powOf = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
  return emitPow(k, a[0], a[1]);
};

template <typename T, typename Wide>
void samplePowers(Wide (*reference)(Wide, Wide), double limit) {
  Function function(sizeof(T) == 8, 2, powOf);
  ASSERT_TRUE(function.code);
  const T special[] = {T(0),    T(-0.0),     T(1),         T(-1),
                       T(2),    T(-2),       T(3),         T(0.5),
                       T(-0.5), T(INFINITY), T(-3),        T(NAN),
                       T(1e9),  T(-7),       T(-INFINITY), T(0.999)};
  std::mt19937_64 random(2);
  std::vector<T> x, y;
  for (T a : special)
    for (T b : special) {
      x.push_back(a);
      y.push_back(b);
    }
  for (int i = 0; i < 1 << 17; ++i) {
    double u = std::ldexp(double(random() >> 11), -53);
    double v = std::ldexp(double(random() >> 11), -53);
    x.push_back(T(i % 3 == 0 ? u : std::exp(40 * u - 20)));
    y.push_back(T(i % 3 == 0 ? std::floor(v * 100000) : 80 * v - 40));
  }
  while (x.size() % 16) {
    x.push_back(1);
    y.push_back(1);
  }
  std::vector<T> out(x.size());
  void *args[] = {x.data(), y.data(), out.data()};
  function.code(args, nullptr, 0, int64_t(x.size()));
  double worst = 0;
  size_t worstAt = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double error = ulps(out[i], reference(Wide(x[i]), Wide(y[i])));
    if (error > worst) {
      worst = error;
      worstAt = i;
    }
  }
  EXPECT_LE(worst, limit) << "at " << x[worstAt] << " ^ " << y[worstAt] << " = "
                          << out[worstAt];
  printf("worst %.3f ulp\n", worst);
}

TEST(MathKernels, ExpOfEveryFloat) { sweepFloats(expOf, std::exp, 2.0); }
TEST(MathKernels, LogOfEveryFloat) { sweepFloats(logOf, std::log, 2.0); }
TEST(MathKernels, Log1pOfEveryFloat) { sweepFloats(log1pOf, std::log1p, 2.0); }
TEST(MathKernels, TanhOfEveryFloat) { sweepFloats(tanhOf, std::tanh, 2.0); }
TEST(MathKernels, SigmoidOfEveryFloat) { sweepFloats(sigmoid, sigmoidOf, 3.0); }
// No root is near the middle of two floats: 0.5 means the nearest one.
TEST(MathKernels, SqrtOfEveryFloatIsTheNearest) {
  auto emit = [](KernelBuilder &k, llvm::ArrayRef<Value> a) {
    return emitSqrt(k, a[0]);
  };
  sweepFloats(emit, std::sqrt, 0.5);
}
TEST(MathKernels, CosOfEveryFloat) { sweepFloats(cosOf, std::cos, 1.0); }
TEST(MathKernels, SinOfEveryFloat) { sweepFloats(sinOf, std::sin, 1.0); }
TEST(MathKernels, Expm1OfEveryFloat) { sweepFloats(expm1Of, std::expm1, 2.0); }
TEST(MathKernels, ErfOfEveryFloat) { sweepFloats(erfOf, std::erf, 2.0); }
TEST(MathKernels, SinOfDoubles) { sampleDoubles(sinOf, sinl, 1e6, 2.0); }
TEST(MathKernels, SinOfLargeDoubles) {
  sampleDoubles(sinOf, sinl, 0x1p50, 2.0);
}
TEST(MathKernels, Expm1OfDoubles) { sampleDoubles(expm1Of, expm1l, 2, 2.0); }
TEST(MathKernels, Expm1OfWideDoubles) {
  sampleDoubles(expm1Of, expm1l, 700, 2.0);
}
TEST(MathKernels, ErfOfDoubles) { sampleDoubles(erfOf, erfl, 2, 2.0); }
TEST(MathKernels, ErfOfWideDoubles) { sampleDoubles(erfOf, erfl, 7, 2.0); }
TEST(MathKernels, ExpOfDoubles) { sampleDoubles(expOf, expl, 745, 2.0); }
TEST(MathKernels, LogOfDoubles) { sampleDoubles(logOf, logl, 4, 2.0); }
TEST(MathKernels, Log1pOfDoubles) { sampleDoubles(log1pOf, log1pl, 2, 2.0); }
TEST(MathKernels, SmallLog1pOfDoubles) {
  sampleDoubles(log1pOf, log1pl, 1e-9, 2.0);
}
TEST(MathKernels, TanhOfDoubles) { sampleDoubles(tanhOf, tanhl, 2, 2.0); }
TEST(MathKernels, SigmoidOfDoubles) {
  sampleDoubles(sigmoid, sigmoidOfLong, 40, 3.0);
}
TEST(MathKernels, CosOfDoubles) { sampleDoubles(cosOf, cosl, 1e6, 2.0); }
TEST(MathKernels, CosOfLargeDoubles) {
  sampleDoubles(cosOf, cosl, 0x1p50, 2.0);
}
TEST(MathKernels, CosOfHugeDoublesIsBounded) {
  Function function(/*wide=*/true, 1, cosOf);
  ASSERT_TRUE(function.code);
  std::vector<double> in(2048), out(in.size());
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = (i % 2 ? 1.0 : -1.0) * std::ldexp(1.37, int(i / 2));
  void *args[] = {in.data(), out.data()};
  function.code(args, nullptr, 0, int64_t(in.size()));
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_LE(std::abs(out[i]), 1.0) << in[i];
}
TEST(MathKernels, PowOfDoubles) {
  samplePowers<double, long double>(powl, 2.0);
}
TEST(MathKernels, PowOfFloats) {
  samplePowers<float, double>([](double x, double y) { return std::pow(x, y); },
                              1.0);
}

} // namespace
