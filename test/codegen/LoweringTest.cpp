//===- LoweringTest.cpp - What compiled kernels ask for and tell ----------===//
#include "codegen/cpu/CpuCodegen.h"
#include "codegen/cpu/CpuTarget.h"
#include "ir/graph/GraphOps.h"
#include "ir/plan/PlanOps.h"
#include "test/codegen/Loaded.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace mlc::test {

namespace {

class LoweringTest : public testing::Test {
protected:
  LoweringTest() {
    DialectRegistry registry;
    registerCpuCodegenDialects(registry);
    registry.insert<graph::GraphDialect, plan::PlanDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  void parse(const std::string &text, const char *cpu = "native") {
    module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    std::string error;
    target = CpuTarget::resolve(cpu, error);
    ASSERT_TRUE(target) << error;
  }
  plan::KernelOp kernel() { return *module->getOps<plan::KernelOp>().begin(); }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::optional<CpuTarget> target;
};

// Which argument the code of @k tells to have a label out of range, where
// `body` makes %l of the arguments %a, %b and %c.
class LabelTest : public LoweringTest {
protected:
  int32_t argumentOf(const std::string &body) {
    std::string four = "tensor<4xi32>";
    parse("plan.kernel @k(%x: tensor<4x64xf32>, %a: " + four + ", %b: " + four +
          ", %c: " + four + ") -> (tensor<4xf32>) {\n" + body +
          "  %r = graph.softmax_cross_entropy %x, %l : tensor<4x64xf32>, " +
          four + "\n  plan.return %r : tensor<4xf32>\n}\n");
    EXPECT_TRUE(succeeded(lowerKernels(*module, *target)));
    FailureOr<std::string> bytes = emitSharedObject(*module, *target);
    EXPECT_TRUE(succeeded(bytes));
    Loaded object = Loaded::open(*bytes);
    EXPECT_TRUE(object) << object.error;
    mlrt::KernelFunction code = object.find(kernel().getCodeSymbol().str());
    alignas(64) float x[4 * 64] = {}, r[4];
    alignas(64) int32_t labels[4] = {100, 100, 100, 100};
    void *pointers[] = {x, labels, labels, labels, r};
    mlrt::KernelContext state;
    code(pointers, &state, 0, kernel().getTasks());
    EXPECT_EQ(state.error, mlrt::KernelError::kLabelOutOfRange);
    return state.argument;
  }
};

TEST_F(LabelTest, NamesTheOnlyArgument) {
  EXPECT_EQ(argumentOf("%l = graph.add %b, %b : tensor<4xi32>\n"), 2);
}

TEST_F(LabelTest, NamesNoneOfSeveralArguments) {
  EXPECT_EQ(argumentOf("%s = graph.add %a, %b : tensor<4xi32>\n"
                       "%l = graph.add %s, %c : tensor<4xi32>\n"),
            -1);
}

TEST_F(LabelTest, FollowsALongChainOnce) {
  std::string body, last = "a";
  for (int i = 0; i < 40; ++i) {
    std::string next = "n" + std::to_string(i);
    body += "%" + next + " = graph.maximum %" + last + ", %" + last +
            " : tensor<4xi32>\n";
    last = next;
  }
  EXPECT_EQ(argumentOf(body + "%l = graph.maximum %" + last + ", %a" +
                       " : tensor<4xi32>\n"),
            1);
}

// 2^60 ways lead from the reduction to the result.
TEST_F(LoweringTest, LooksAtSharedValuesOnce) {
  std::string text = "plan.kernel @k(%x: tensor<4x8xf32>) -> (tensor<4xf32>) "
                     "{\n  %v0 = graph.reduce sum %x dims = [1]"
                     " : tensor<4x8xf32> to tensor<4xf32>\n";
  for (int i = 0; i < 60; ++i)
    text += "  %v" + std::to_string(i + 1) + " = graph.mul %v" +
            std::to_string(i) + ", %v" + std::to_string(i) +
            " : tensor<4xf32>\n";
  parse(text + "  plan.return %v60 : tensor<4xf32>\n}\n");
  EXPECT_TRUE(succeeded(lowerKernels(*module, *target)));
}

// 13 rows, 16 lanes: room for one vector of rows, not for 13.
TEST_F(LoweringTest, ScratchOfAProductFollowsItsRows) {
  auto scratchOf = [&](int64_t rows) {
    std::string lhs = "tensor<" + std::to_string(rows) + "x4096xf32>";
    std::string result = "tensor<" + std::to_string(rows) + "x16xf32>";
    parse("plan.kernel @k(%a: " + lhs + ", %b: tensor<4096x16xf32>) -> (" +
              result + ") {\n  %m = graph.neg %a : " + lhs +
              "\n  %r = graph.dot %m, %b batch = [] x [] contract = [1] x [0]"
              " : " +
              lhs + ", tensor<4096x16xf32> to " + result +
              "\n  plan.return %r : " + result + "\n}\n",
          "x86-64-v4");
    EXPECT_TRUE(succeeded(setScratchBytes(*module, *target)));
    return static_cast<int64_t>(kernel().getScratchBytes());
  };
  EXPECT_GT(scratchOf(16), 0);
  EXPECT_EQ(scratchOf(13), scratchOf(16));
}

} // namespace

} // namespace mlc::test
