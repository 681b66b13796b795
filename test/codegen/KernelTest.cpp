//===- KernelTest.cpp - Compiled kernels against the reference ------------===//
#include "test/codegen/KernelTest.h"

#include "codegen/cpu/CpuCodegen.h"
#include "ir/graph/GraphOps.h"
#include "ir/plan/PlanOps.h"
#include "test/codegen/Loaded.h"

#include "mlir/Parser/Parser.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::test {

namespace {

struct Buffer {
  // 64-byte aligned, with guard bytes behind it.
  static constexpr size_t kGuard = 128;
  explicit Buffer(size_t size) : size(size), bytes(size + kGuard + 64, 0xa5) {}
  char *data() {
    auto address = reinterpret_cast<uintptr_t>(bytes.data());
    return bytes.data() + (64 - address % 64) % 64;
  }
  bool guardIntact() {
    for (size_t i = 0; i < kGuard; ++i)
      if (data()[size + i] != char(0xa5))
        return false;
    return true;
  }
  size_t size;
  std::vector<char> bytes;
};

size_t widthOf(Type element) {
  return element.isInteger(1) ? 1 : element.getIntOrFloatBitWidth() / 8;
}

uint64_t bitsOf(const Literal &literal, int64_t i) {
  Type element = literal.getElementType();
  if (!literal.isFloat())
    return uint64_t(literal.ints[i]);
  APFloat value(literal.floats[i]);
  bool lost;
  value.convert(cast<FloatType>(element).getFloatSemantics(),
                APFloat::rmNearestTiesToEven, &lost);
  return value.bitcastToAPInt().getZExtValue();
}

Buffer toMemory(const Literal &literal) {
  size_t width = widthOf(literal.getElementType());
  Buffer buffer(width * literal.size());
  for (int64_t i = 0; i < literal.size(); ++i) {
    uint64_t bits = bitsOf(literal, i);
    std::memcpy(buffer.data() + i * width, &bits, width);
  }
  return buffer;
}

double fromMemory(Buffer &buffer, Type element, int64_t i) {
  size_t width = widthOf(element);
  uint64_t bits = 0;
  std::memcpy(&bits, buffer.data() + i * width, width);
  if (auto type = dyn_cast<FloatType>(element)) {
    APFloat value(type.getFloatSemantics(), APInt(width * 8, bits));
    bool lost;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return value.convertToDouble();
  }
  if (element.isInteger(32))
    return int32_t(bits);
  return double(int64_t(bits));
}

Literal makeUp(RankedTensorType type, const Options &options,
               std::mt19937_64 &random) {
  Literal literal(type);
  int64_t low = options.intLow, limit = options.intLimit;
  if (type.getElementType().isUnsignedInteger()) {
    low = 0;
    limit = std::min<int64_t>(limit, 256);
  }
  for (int64_t i = 0; i < literal.size(); ++i) {
    double uniform = std::ldexp(double(random() >> 11), -53);
    if (literal.isFloat())
      literal.floats[i] = graph::roundFloat(
          type.getElementType(), (2 * uniform - 1) * options.floatLimit, {});
    else if (type.getElementType().isInteger(1))
      literal.ints[i] = uniform < 0.5;
    else
      literal.ints[i] = low + int64_t(uniform * double(limit - low));
  }
  return literal;
}

std::vector<Literal> evaluate(plan::KernelOp kernel,
                              const std::vector<Literal> &inputs) {
  llvm::DenseMap<Value, Literal> values;
  for (auto [argument, literal] :
       llvm::zip_equal(kernel.getBody().getArguments(), inputs))
    values[argument] = literal;
  std::vector<Literal> outputs;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<plan::ReturnOp>(op)) {
      for (Value value : op.getOperands())
        outputs.push_back(values[value]);
      break;
    }
    std::vector<const Literal *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(&values[operand]);
    std::vector<Literal> results;
    for (Type type : op.getResultTypes())
      results.emplace_back(cast<RankedTensorType>(type));
    EXPECT_TRUE(succeeded(
        cast<graph::ReferenceOpInterface>(op).evaluate(operands, results, {})));
    for (auto [value, literal] : llvm::zip_equal(op.getResults(), results))
      values[value] = literal;
  }
  return outputs;
}

void compare(Buffer &actual, const Literal &expected, const Options &options,
             int number) {
  double largest = 0, tolerance = 0, smallestNormal = 0;
  for (int64_t i = 0; i < expected.size(); ++i)
    if (std::isfinite(expected.at(i)))
      largest = std::max(largest, std::abs(expected.at(i)));
  if (auto type = dyn_cast<FloatType>(expected.getElementType())) {
    tolerance =
        type.isF64() ? std::min(options.tolerance, 1e-12) : options.tolerance;
    smallestNormal = APFloat::getSmallestNormalized(type.getFloatSemantics())
                         .convertToDouble();
  }
  for (int64_t i = 0; i < expected.size(); ++i) {
    double want = expected.at(i);
    double scale =
        options.perElement ? std::max(std::abs(want), smallestNormal) : largest;
    double have = fromMemory(actual, expected.getElementType(), i);
    bool equal = want == have || (std::isnan(want) && std::isnan(have)) ||
                 std::abs(want - have) <= tolerance * scale;
    ASSERT_TRUE(equal) << "result " << number << " element " << i << ": want "
                       << want << ", have " << have;
  }
}

} // namespace

void checkKernel(const std::string &text, const Options &options) {
  SCOPED_TRACE(text);
  DialectRegistry registry;
  registry.insert<graph::GraphDialect, plan::PlanDialect>();
  registerCpuCodegenDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  auto kernel = *module->getOps<plan::KernelOp>().begin();

  std::mt19937_64 random(7);
  std::vector<Literal> inputs;
  for (Type type : kernel.getArgumentTypes())
    inputs.push_back(makeUp(cast<RankedTensorType>(type), options, random));
  std::vector<Literal> expected = evaluate(kernel, inputs);

  std::string error;
  std::optional<CpuTarget> target = CpuTarget::resolve(options.cpu, error);
  ASSERT_TRUE(target) << error;
  ASSERT_TRUE(succeeded(lowerKernels(*module, *target)));
  FailureOr<std::string> bytes = emitSharedObject(*module, *target);
  ASSERT_TRUE(succeeded(bytes));
  Loaded library = Loaded::open(*bytes);
  ASSERT_TRUE(library) << library.error;
  mlrt::KernelFunction code = library.find(kernel.getCodeSymbol().str());
  ASSERT_TRUE(code);

  std::vector<Buffer> whole, parts;
  for (bool split : {false, true}) {
    std::vector<Buffer> arguments, &results = split ? parts : whole;
    for (const Literal &input : inputs)
      arguments.push_back(toMemory(input));
    for (Literal &literal : expected)
      results.emplace_back(widthOf(literal.getElementType()) * literal.size());
    std::vector<void *> pointers;
    for (Buffer &buffer : arguments)
      pointers.push_back(buffer.data());
    for (auto [i, buffer] : llvm::enumerate(results)) {
      int64_t shared = kernel.getInPlaceArgument(i);
      if (shared >= 0) // run in place: the argument's memory is the result's
        std::memcpy(buffer.data(), arguments[shared].data(), buffer.size);
      pointers.push_back(buffer.data());
      if (shared >= 0)
        pointers[shared] = buffer.data();
    }
    Buffer scratch(kernel.getScratchBytes());
    if (scratch.size > 0)
      pointers.push_back(scratch.data());
    mlrt::KernelContext state;
    int64_t tasks = kernel.getTasks();
    if (!split)
      code(pointers.data(), &state, 0, tasks);
    for (int64_t task = tasks; split && task-- > 0;)
      code(pointers.data(), &state, task, task + 1);
    EXPECT_EQ(state.error, mlrt::KernelError::kNone);
    EXPECT_TRUE(scratch.guardIntact());
    for (Buffer &buffer : results)
      EXPECT_TRUE(buffer.guardIntact());
  }
  for (auto [i, literal] : llvm::enumerate(expected)) {
    compare(whole[i], literal, options, int(i));
    EXPECT_EQ(std::memcmp(whole[i].data(), parts[i].data(), whole[i].size), 0)
        << "the split into tasks changes result " << i;
  }
}

void checkBody(const std::string &arguments, const std::string &results,
               const std::string &body, const Options &options) {
  checkKernel("plan.kernel @k(" + arguments + ") -> (" + results + ") {\n" +
                  body + "}\n",
              options);
}

} // namespace mlc::test
