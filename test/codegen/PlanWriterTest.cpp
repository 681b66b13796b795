//===- PlanWriterTest.cpp - Numbers and limits of a plan ------------------===//
#include "codegen/PlanWriter.h"
#include "ir/graph/GraphOps.h"
#include "ir/plan/PlanOps.h"
#include "plan_generated.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace mlc {

namespace {

// Two constants of 256 bytes; calls of 3 operations and 5 bytes in loops.
constexpr const char *kPlan = R"(
plan.arena bytes = 1024 {
  plan.buffer @w parameters : tensor<4xf32> offset = 0
  plan.buffer @c constants : tensor<64xi32> value = dense<1> : tensor<64xi32> offset = 64
  plan.buffer @d constants : tensor<64xi32> value = dense<2> : tensor<64xi32> offset = 320
}
plan.kernel @k(tensor<4xf32>) -> () attributes {symbol = "k", flops = 3 : i64, bytes = 5 : i64}
plan.program @train rows = 4 {
  plan.loop count = 0 {
    plan.call @k(@w)
    plan.loop count = 2 {
      plan.loop count = 5 {
        plan.call @k(@w)
      }
    }
  }
  plan.call @k(@w)
  plan.loop count = 7 {
    plan.call @k(@w)
  }
}
plan.binary cpu = "x86-64-v3" features = ["avx2"] code = "7f45"
)";

class PlanWriterTest : public testing::Test {
protected:
  PlanWriterTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          errors += diagnostic.str();
        }) {
    context.loadDialect<graph::GraphDialect, plan::PlanDialect>();
    module = parseSourceString<ModuleOp>(kPlan, &context);
  }

  MLIRContext context;
  std::string errors;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
};

TEST_F(PlanWriterTest, CountsCallsInLoops) {
  ASSERT_TRUE(module) << errors;
  FailureOr<std::string> bytes = writePlan(*module);
  ASSERT_TRUE(succeeded(bytes)) << errors;
  const auto *prediction = mlrt::schema::GetPlan(bytes->data())->prediction();
  EXPECT_EQ(prediction->flops_per_microbatch(), 3 * (1 + 2 * 5));
  EXPECT_EQ(prediction->bytes_per_microbatch(), 5 * (1 + 2 * 5));
  EXPECT_EQ(prediction->flops_per_step(), 3 * (1 + 7));
}

TEST_F(PlanWriterTest, LimitsTheConstantsTogether) {
  ASSERT_TRUE(module) << errors;
  EXPECT_TRUE(failed(writePlan(*module, 584)));
  EXPECT_EQ(errors,
            "'plan.buffer' op brings the constants to 512 bytes, more than the "
            "511 that a plan holds; compute it from smaller values, or make it "
            "an input");
}

TEST_F(PlanWriterTest, NeedsConstantsInOrder) {
  ASSERT_TRUE(module) << errors;
  auto arena = plan::ArenaOp::of(*module);
  arena.getBuffer("c").setOffset(320);
  arena.getBuffer("d").setOffset(64);
  EXPECT_TRUE(failed(writePlan(*module)));
  EXPECT_EQ(errors, "'plan.buffer' op begins at byte 64, before the end of the "
                    "constants above it");
}

TEST_F(PlanWriterTest, LimitsThePlan) {
  ASSERT_TRUE(module) << errors;
  FailureOr<std::string> bytes = writePlan(*module);
  ASSERT_TRUE(succeeded(bytes)) << errors;
  EXPECT_TRUE(succeeded(writePlan(*module, bytes->size()))) << errors;
  EXPECT_TRUE(failed(writePlan(*module, bytes->size() - 1)));
  EXPECT_NE(errors.find("needs a plan of"), std::string::npos) << errors;
}

} // namespace

} // namespace mlc
