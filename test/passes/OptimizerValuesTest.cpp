//===- OptimizerValuesTest.cpp - Updates by hand --------------------------===//
//
// Gradients are inputs, so that an update is a few numbers: where schedules
// change, and what clipping does.
//
//===----------------------------------------------------------------------===//

#include "passes/Pipelines.h"
#include "test/ir/Evaluating.h"

#include "mlir/Pass/PassManager.h"

#include <cmath>

using namespace mlc;

namespace {

class OptimizerValuesTest : public Evaluating {
protected:
  void compile(const std::string &text) {
    parse(text);
    mlir::PassManager manager(&context);
    buildGradPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module))) << errors;
  }

  /// The learning rate of step `step`, as the update of 0 by the gradient -1.
  double rate(const std::string &schedule, int64_t step) {
    compile(R"(
module attributes {mlc.train = {optimizer = {kind = "sgd", lr = )" +
            schedule + R"(}}} {
  graph.parameter @w : tensor<1xf64> init #graph.init<zeros> role trained
  func.func @train(%w: tensor<1xf64> {graph.param = @w}, %g: tensor<1xf64> {graph.input = "g"})
      -> (tensor<f64> {graph.loss}, tensor<1xf64> {graph.gradient = @w}) {
    %l = graph.reduce sum %g dims = [0] : tensor<1xf64> to tensor<f64>
    return %l, %g : tensor<f64>, tensor<1xf64>
  }
})");
    interpreter::ProgramRunner runner(*module);
    runner.step = step;
    interpreter::Batch batch;
    batch.inputs["g"] = literal("tensor<1xf64>", {-1});
    EXPECT_TRUE(succeeded(runner.run("train", batch))) << errors;
    return runner.parameters["w"].at(0);
  }
};

// 49 * (1 / 49.0) is below 1: a product would drop one step late.
TEST_F(OptimizerValuesTest, StepsDropAtTheirMultiples) {
  for (int every : {1, 3, 7, 49, 98, 103, 107, 161}) {
    std::string schedule =
        "{kind = \"step\", value = 1.0 : f64, gamma = 0.5 : f64, every = " +
        std::to_string(every) + " : i64, warmup = 2 : i64}";
    for (int drops : {1, 2, 3}) {
      int at = every * drops + 2;
      EXPECT_EQ(rate(schedule, at - 1), std::ldexp(1.0, 1 - drops)) << every;
      EXPECT_EQ(rate(schedule, at), std::ldexp(1.0, -drops)) << every;
    }
  }
}

TEST_F(OptimizerValuesTest, LinearEndsAtItsFloor) {
  const char *schedule = "{kind = \"linear\", peak = 1.0 : f64, floor = 0.0 : "
                         "f64, total = 49 : i64}";
  EXPECT_GT(rate(schedule, 48), 0.0);
  EXPECT_EQ(rate(schedule, 49), 0.0);
  EXPECT_EQ(rate(schedule, 1000), 0.0);
}

// sqrt(3^2 + 4^2) = 5, over parameters of three types.
TEST_F(OptimizerValuesTest, ClippingTakesOneNormOverAllTypes) {
  compile(R"(
module attributes {mlc.train = {clip_norm = 1.0 : f64, optimizer = {kind = "sgd", lr = {kind = "constant", value = 1.0 : f64}}}} {
  graph.parameter @v : tensor<1xf32> init #graph.init<zeros> role trained
  graph.parameter @w : tensor<2xf64> init #graph.init<zeros> role trained
  graph.parameter @z : tensor<1xbf16> init #graph.init<zeros> role trained
  func.func @train(%v: tensor<1xf32> {graph.param = @v}, %w: tensor<2xf64> {graph.param = @w}, %z: tensor<1xbf16> {graph.param = @z},
                   %g: tensor<1xf64> {graph.input = "g"})
      -> (tensor<f64> {graph.loss}, tensor<1xf32> {graph.gradient = @v}, tensor<2xf64> {graph.gradient = @w}, tensor<1xbf16> {graph.gradient = @z}) {
    %l = graph.reduce sum %g dims = [0] : tensor<1xf64> to tensor<f64>
    %dv = graph.cast %g : tensor<1xf64> to tensor<1xf32>
    %dw = graph.constant dense<[0.0, 4.0]> : tensor<2xf64>
    %dz = graph.constant dense<0.0> : tensor<1xbf16>
    return %l, %dv, %dw, %dz : tensor<f64>, tensor<1xf32>, tensor<2xf64>, tensor<1xbf16>
  }
})");
  interpreter::ProgramRunner runner(*module);
  interpreter::Batch batch;
  batch.inputs["g"] = literal("tensor<1xf64>", {-3});
  ASSERT_TRUE(succeeded(runner.run("train", batch))) << errors;
  EXPECT_NEAR(runner.parameters["v"].at(0), 3 / (5 + 1e-6), 1e-7);
  EXPECT_NEAR(runner.parameters["w"].at(1), -4 / (5 + 1e-6), 1e-15);
}

} // namespace
