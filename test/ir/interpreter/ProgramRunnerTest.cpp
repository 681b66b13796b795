//===- ProgramRunnerTest.cpp - Training steps by hand ---------------------===//

#include "test/ir/Evaluating.h"

using namespace mlc;
using Values = std::vector<double>;

namespace {

// Least squares of w x to 6 for x = 2: loss (2 w - 6)^2, gradient 4 (2 w - 6),
// and w' = w - gradient / 16 = w / 2 + 1.5.
constexpr const char *kTrain = R"(
graph.parameter @w : tensor<f32> init #graph.init<constant, 1.0> role trained
func.func @train(%w: tensor<f32> {graph.param = @w}, %x: tensor<1xf32> {graph.input = "x"},
                 %n: tensor<i64> {graph.count}, %t: tensor<i64> {graph.step})
    -> (tensor<f32> {graph.loss}, tensor<i64> {graph.metric = "step"},
        tensor<i64> {graph.metric = "rows"}, tensor<f32> {graph.update = @w}) {
  %xs = graph.reshape %x : tensor<1xf32> to tensor<f32>
  %wx = graph.mul %w, %xs : tensor<f32>
  %six = graph.constant dense<6.0> : tensor<f32>
  %e = graph.sub %wx, %six : tensor<f32>
  %loss = graph.mul %e, %e : tensor<f32>
  %quarter = graph.constant dense<0.25> : tensor<f32>
  %d = graph.mul %e, %quarter : tensor<f32>
  %w2 = graph.sub %w, %d : tensor<f32>
  return %loss, %t, %n, %w2 : tensor<f32>, tensor<i64>, tensor<i64>, tensor<f32>
})";

class ProgramRunnerTest : public Evaluating {};

TEST_F(ProgramRunnerTest, FeedsUpdatesBack) {
  parse(kTrain);
  interpreter::ProgramRunner runner(*module);
  interpreter::Batch batch;
  batch.inputs["x"] = literal("tensor<1xf32>", {2});
  double losses[] = {16, 4, 1}; // w = 1, 2, 2.5
  for (int64_t step = 0; step < 3; ++step) {
    auto result = runner.run("train", batch);
    ASSERT_TRUE(succeeded(result)) << errors;
    EXPECT_EQ(result->loss, losses[step]);
    EXPECT_EQ(result->metrics["step"].at(0), step);
    EXPECT_EQ(result->metrics["rows"].at(0), 1);
  }
  EXPECT_EQ(runner.parameters["w"].at(0), 2.75);
  EXPECT_EQ(runner.step, 3);
}

TEST_F(ProgramRunnerTest, NamesWhatIsMissing) {
  parse(kTrain);
  interpreter::ProgramRunner runner(*module);
  EXPECT_TRUE(failed(runner.run("train", {})));
  EXPECT_NE(errors.find("needs the input \"x\""), std::string::npos) << errors;
  EXPECT_TRUE(failed(runner.run("infer", {})));
  EXPECT_NE(errors.find("has no program @infer"), std::string::npos) << errors;
}

TEST_F(ProgramRunnerTest, NeedsRandomValuesFromItsCaller) {
  parse(R"(
graph.parameter @w : tensor<f32> init #graph.init<uniform, 0.0, 1.0> role trained
func.func @infer(%w: tensor<f32> {graph.param = @w}) -> (tensor<f32> {graph.output = "w"}) {
  return %w : tensor<f32>
})");
  interpreter::ProgramRunner runner(*module);
  EXPECT_TRUE(failed(runner.run("infer", {})));
  EXPECT_NE(errors.find("has a random initial value"), std::string::npos);
  runner.parameters["w"] = literal("tensor<f32>", {0.5});
  auto result = runner.run("infer", {});
  ASSERT_TRUE(succeeded(result)) << errors;
  EXPECT_EQ(result->outputs["w"].at(0), 0.5);
}

} // namespace
