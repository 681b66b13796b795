//===- GradientCheckTest.cpp - The comparison finds what is wrong ---------===//

#include "ir/interpreter/GradientCheck.h"
#include "test/ir/Evaluating.h"
#include <cmath>

using namespace mlc;
using interpreter::CheckedGradient;
using interpreter::Difference;

namespace {

double draw(llvm::StringRef, int64_t index) {
  return std::fmod(0.618033988749895 * static_cast<double>(index + 1), 1.0);
}

class GradientCheckTest : public Evaluating {
protected:
  static Difference at(double (*f)(double), double x) {
    auto difference = interpreter::differentiate(
        [&](double value) -> mlir::FailureOr<double> { return f(value); }, x);
    EXPECT_TRUE(succeeded(difference));
    return *difference;
  }

  /// The check of loss = sum(w^3), whose gradient is said to be
  /// 3 w^2 + wrong at element 1.
  CheckedGradient cubes(double wrong) {
    parse(R"(
func.func @f(%w: tensor<3xf32> {graph.param = @w}, %wrong: tensor<3xf32>)
    -> (tensor<f32> {graph.loss}, tensor<3xf32> {graph.gradient = @w}) {
  %w2 = graph.mul %w, %w : tensor<3xf32>
  %w3 = graph.mul %w2, %w : tensor<3xf32>
  %loss = graph.reduce sum %w3 dims = [0] : tensor<3xf32> to tensor<f32>
  %twice = graph.add %w2, %w2 : tensor<3xf32>
  %thrice = graph.add %twice, %w2 : tensor<3xf32>
  %g = graph.add %thrice, %wrong : tensor<3xf32>
  return %loss, %g : tensor<f32>, tensor<3xf32>
})");
    auto checked =
        interpreter::checkGradients(function(),
                                    {literal("tensor<3xf32>", {1, -2, 0.5}),
                                     literal("tensor<3xf32>", {0, wrong, 0})},
                                    draw);
    EXPECT_TRUE(succeeded(checked)) << errors;
    EXPECT_EQ(checked->size(), 1U);
    return checked->front();
  }
};

TEST_F(GradientCheckTest, DifferentiatesToManyDigits) {
  for (double x : {-3.0, -0.1, 0.0, 1e-3, 0.5, 2.0}) {
    Difference sine = at([](double t) { return std::sin(t); }, x);
    EXPECT_TRUE(sine.smooth) << x;
    EXPECT_NEAR(sine.value, std::cos(x), 1e-10) << x;
    Difference exponential = at([](double t) { return std::exp(t); }, x);
    EXPECT_TRUE(exponential.smooth) << x;
    EXPECT_NEAR(exponential.value, std::exp(x), 1e-10 * std::exp(x) + 1e-11);
  }
  // A step that fits 1 is far too wide here.
  Difference steep = at([](double t) { return std::sin(3000 * t); }, 0.1);
  EXPECT_TRUE(steep.smooth);
  EXPECT_NEAR(steep.value, 3000 * std::cos(300.0), 3e-4);
}

TEST_F(GradientCheckTest, TellsKinksFromCurves) {
  auto hinge = [](double t) { return t > 0 ? t + t * t : t * t; };
  EXPECT_FALSE(at(hinge, 0).smooth);
  // Beside the kink a smaller step is on one side of it.
  for (double d : {1e-4, 3e-4, 1e-3, 2.0 / 3 / 512, 1.0 / 512, 3e-3, 1.0})
    for (double x : {d, -d}) {
      Difference difference = at(hinge, x);
      EXPECT_TRUE(difference.smooth) << x;
      EXPECT_NEAR(difference.value, (x > 0) + 2 * x, 1e-8) << x;
    }
  EXPECT_FALSE(at([](double t) { return std::fabs(t); }, 0).smooth);
  EXPECT_FALSE(at([](double t) { return std::sqrt(t); }, 0).smooth);
}

TEST_F(GradientCheckTest, AgreesWithRightGradients) {
  CheckedGradient right = cubes(0);
  EXPECT_EQ(right.checked, 3);
  EXPECT_EQ(right.kinks, 0);
  EXPECT_LT(right.error, 1e-9);
}

TEST_F(GradientCheckTest, FindsTheWrongElement) {
  // 2e-5 of 12 is 1.7e-6, above 1e-6; 6e-6 is half of it.
  CheckedGradient wrong = cubes(2e-5);
  EXPECT_NEAR(wrong.error, 2e-5 / 12, 1e-9);
  EXPECT_EQ(wrong.place(), "w[1]");
  EXPECT_NEAR(wrong.difference, 12, 1e-8);
  EXPECT_LT(cubes(6e-6).error, 1e-6);
  EXPECT_GT(cubes(-12).error, 0.99);
  EXPECT_TRUE(std::isinf(cubes(std::nan("")).error));
}

TEST_F(GradientCheckTest, FindsTheGradientThatIsMissing) {
  parse(R"(
module attributes {mlc.train = {groups = [{pattern = "frozen", frozen = true}]}} {
graph.parameter @lost : tensor<2xf32> init #graph.init<ones> role trained
graph.parameter @unused : tensor<f32> init #graph.init<ones> role trained
graph.parameter @frozen : tensor<2xf32> init #graph.init<ones> role trained
graph.parameter @state : tensor<2xf32> init #graph.init<ones> role state
func.func @f(%lost: tensor<2xf32> {graph.param = @lost},
             %unused: tensor<f32> {graph.param = @unused},
             %frozen: tensor<2xf32> {graph.param = @frozen},
             %state: tensor<2xf32> {graph.param = @state})
    -> (tensor<f32> {graph.loss}) {
  %a = graph.mul %lost, %frozen : tensor<2xf32>
  %b = graph.mul %a, %state : tensor<2xf32>
  %loss = graph.reduce sum %b dims = [0] : tensor<2xf32> to tensor<f32>
  return %loss : tensor<f32>
}
})");
  graph::Literal two = literal("tensor<2xf32>", {1, 2});
  auto checked = interpreter::checkGradients(
      function(), {two, literal("tensor<f32>", {1}), two, two}, draw);
  ASSERT_TRUE(succeeded(checked)) << errors;
  ASSERT_EQ(checked->size(), 2U);
  EXPECT_EQ(checked->front().place(), "lost[0]");
  EXPECT_EQ(checked->front().gradient, 0);
  EXPECT_NEAR(checked->front().difference, 1, 1e-9);
  EXPECT_EQ(checked->back().path, "unused");
  EXPECT_EQ(checked->back().checked, 1);
  EXPECT_EQ(checked->back().error, 0);
}

TEST_F(GradientCheckTest, MeasuresSmallElementsAgainstLargeOnes) {
  Difference exact{1e-4, 0, true};
  EXPECT_NEAR(interpreter::relativeError(1e-4 + 1e-9, exact, 1e-4), 1e-5, 1e-8);
  EXPECT_NEAR(interpreter::relativeError(1e-4 + 1e-9, exact, 1), 1e-7, 1e-10);
  // Noise of 1e-8 hides 1e-9, and no more than 1e-8.
  Difference noisy{1e-4, 1e-8, true};
  EXPECT_LT(interpreter::relativeError(1e-4 + 1e-9, noisy, 0), 1e-6);
  EXPECT_GT(interpreter::relativeError(1e-4 + 2e-8, noisy, 0), 1e-6);
  EXPECT_EQ(interpreter::relativeError(0, {0, 0, true}, 0), 0);
  EXPECT_EQ(interpreter::relativeError(1, {0, 0, true}, 0), 1);
}

TEST_F(GradientCheckTest, NeedsALoss) {
  parse("func.func @f(%a: tensor<f32>) -> tensor<f32> { return %a : "
        "tensor<f32> }");
  EXPECT_TRUE(failed(interpreter::checkGradients(
      function(), {literal("tensor<f32>", {1})}, draw)));
  EXPECT_NE(errors.find("has no loss"), std::string::npos) << errors;
}

} // namespace
