//===- PhasesTest.cpp - One model at every phase, on 1 to 8 devices -------===//
//
// Trains a small classifier with padded rows at the phases grad, dist and
// local, in f64, and compares losses, metrics and weights with the phase grad
// on one device. The gradient itself is compared with central differences.
//
//===----------------------------------------------------------------------===//

#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "test/ir/Evaluating.h"
#include <cmath>

using namespace mlc;
using Values = std::vector<double>;

namespace {

// 16 rows as 8 micro-batches of 2. The rate is 1/2.
constexpr const char *kModel = R"(
module attributes {
  mlc.source = "phases.mlg",
  mlc.train = {batch = 16 : i64, microbatch = 2 : i64, microbatches = 8 : i64, epochs = 1 : i64, steps = 0 : i64,
               seed = 0 : i64, precision = "f32", sum = "tree", clip_norm = 0.0 : f64,
               optimizer = {kind = "sgd", lr = {kind = "constant", value = 0.5 : f64}}, groups = []},
  mlc.mesh = [{name = "data", size = -1 : i64}],
  mlc.inputs = [{name = "x", type = tensor<3xf32>, limit = 0 : i64}, {name = "y", type = tensor<i32>, limit = 4 : i64}]
} {
  graph.parameter @w : tensor<3x4xf32> init #graph.init<zeros> role trained
  graph.parameter @b : tensor<4xf32> init #graph.init<constant, 0.25> role trained
  func.func @train(%w: tensor<3x4xf32> {graph.param = @w}, %b: tensor<4xf32> {graph.param = @b},
                   %x: tensor<16x3xf32> {graph.input = "x"}, %y: tensor<16xi32> {graph.input = "y"},
                   %m: tensor<16xf32> {graph.mask}, %n: tensor<i64> {graph.count})
      -> (tensor<f32> {graph.loss}, tensor<f32> {graph.metric = "accuracy"}) {
    %xw = graph.dot %x, %w batch = [] x [] contract = [1] x [0] : tensor<16x3xf32>, tensor<3x4xf32> to tensor<16x4xf32>
    %bb = graph.broadcast %b dims = [1] : tensor<4xf32> to tensor<16x4xf32>
    %z = graph.add %xw, %bb : tensor<16x4xf32>
    %h = graph.tanh %z : tensor<16x4xf32>
    %l = graph.softmax_cross_entropy %h, %y : tensor<16x4xf32>, tensor<16xi32>
    %lm = graph.mul %l, %m : tensor<16xf32>
    %s = graph.reduce sum %lm dims = [0] : tensor<16xf32> to tensor<f32>
    %nf = graph.cast %n : tensor<i64> to tensor<f32>
    %loss = graph.div %s, %nf : tensor<f32>
    %best = graph.arg_reduce max %h dim = 1 : tensor<16x4xf32> to tensor<16xi32>
    %hit = graph.compare eq %best, %y : tensor<16xi32>
    %hits = graph.cast %hit : tensor<16xi1> to tensor<16xf32>
    %hitsm = graph.mul %hits, %m : tensor<16xf32>
    %c = graph.reduce sum %hitsm dims = [0] : tensor<16xf32> to tensor<f32>
    %accuracy = graph.div %c, %nf : tensor<f32>
    return %loss, %accuracy : tensor<f32>, tensor<f32>
  }
})";

class PhasesTest : public Evaluating {
protected:
  void lower(void (*pipeline)(mlir::OpPassManager &)) {
    mlir::PassManager manager(&context);
    pipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module))) << errors;
  }

  interpreter::Batch batch() {
    interpreter::Batch result;
    Values x, y, mask;
    for (int i = 0; i < 48; ++i)
      x.push_back((i * 29 % 17 - 8) / 8.0);
    for (int i = 0; i < 16; ++i) {
      y.push_back(i * 5 % 4);
      mask.push_back(i < 13 ? 1 : 0);
    }
    result.inputs["x"] = literal("tensor<16x3xf32>", x);
    result.inputs["y"] = literal("tensor<16xi32>", y);
    result.mask = literal("tensor<16xf32>", mask);
    return result;
  }

  /// The losses and accuracies of three steps, then the weights.
  Values train(int64_t devices) {
    interpreter::ProgramRunner runner(*module, {/*f64=*/true, devices});
    Values values;
    for (int step = 0; step < 3; ++step) {
      auto result = runner.run("train", batch());
      if (failed(result))
        return {};
      values.push_back(*result->loss);
      values.push_back(result->metrics["accuracy"].at(0));
    }
    for (const char *path : {"w", "b"})
      values.insert(values.end(), runner.parameters[path].floats.begin(),
                    runner.parameters[path].floats.end());
    return values;
  }

  void expectNear(const Values &actual, const Values &expected,
                  int64_t devices) {
    ASSERT_EQ(actual.size(), expected.size()) << devices << errors;
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(actual[i], expected[i], 1e-12) << i << " on " << devices;
  }
};

TEST_F(PhasesTest, AgreeOnEveryNumberOfDevices) {
  parse(kModel);
  lower(buildGradPipeline);
  Values expected = train(1);
  ASSERT_EQ(expected.size(), 6u + 12 + 4) << errors;
  EXPECT_LT(expected[4], expected[0]); // it learns
  lower(buildDistPipeline);
  for (int64_t devices : {1, 2, 3, 4, 8})
    expectNear(train(devices), expected, devices);
  lower(buildLocalPipeline);
  for (int64_t devices : {1, 2, 3, 4, 8})
    expectNear(train(devices), expected, devices);
}

TEST_F(PhasesTest, GradientsAreCentralDifferences) {
  parse(kModel);
  auto lossAt = [&](const char *path, int64_t index, double delta) {
    interpreter::ProgramRunner runner(*module, {/*f64=*/true, 1});
    runner.parameters["w"] = literal("tensor<3x4xf32>", Values(12, 0));
    runner.parameters["b"] = literal("tensor<4xf32>", Values(4, 0.25));
    runner.parameters[path].floats[index] += delta;
    auto result = runner.run("train", batch());
    return succeeded(result) ? *result->loss : std::nan("");
  };
  constexpr double kStep = 1e-5;
  std::map<std::string, Values> expected;
  for (const char *path : {"w", "b"})
    for (int64_t i = 0; i < (*path == 'w' ? 12 : 4); ++i)
      expected[path].push_back(
          (lossAt(path, i, kStep) - lossAt(path, i, -kStep)) / (2 * kStep));
  lower(buildGradPipeline);
  interpreter::ProgramRunner runner(*module, {/*f64=*/true, 1});
  ASSERT_TRUE(succeeded(runner.run("train", batch()))) << errors;
  for (auto &[path, gradient] : expected)
    for (size_t i = 0; i < gradient.size(); ++i) { // w' = w - gradient / 2
      double before = path == "w" ? 0 : 0.25;
      double actual = (before - runner.parameters[path].floats[i]) * 2;
      EXPECT_NEAR(actual, gradient[i], 1e-6 * std::fabs(gradient[i]) + 1e-10)
          << path << " " << i;
    }
}

} // namespace
