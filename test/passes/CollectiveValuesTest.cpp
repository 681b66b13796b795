//===- CollectiveValuesTest.cpp - Partitioned programs give the same ------===//
//
// What makes layouts hard, in one model: a parameter used twice, whose partial
// gradients are added before they are reduced; a splat used with rows and with
// a parameter; a maximum over the batch; rows that are reshaped; a term of the
// loss that does not depend on the batch. Compared with the phase grad, for
// 1 to 8 devices, with micro-batches of one row.
//
//===----------------------------------------------------------------------===//

#include "passes/Pipelines.h"
#include "test/ir/Evaluating.h"

#include "mlir/Pass/PassManager.h"

using namespace mlc;
using Values = std::vector<double>;

namespace {

// 8 rows as 8 micro-batches of 1, of 2 x 2 pixels each.
constexpr const char *kModel = R"(
module attributes {
  mlc.train = {batch = 8 : i64, microbatch = 1 : i64, microbatches = 8 : i64, epochs = 1 : i64, steps = 0 : i64,
               seed = 0 : i64, precision = "f32", sum = "tree", clip_norm = 0.5 : f64,
               optimizer = {kind = "sgd", lr = {kind = "constant", value = 0.125 : f64}}, groups = []},
  mlc.mesh = [{name = "data", size = -1 : i64}]
} {
  graph.parameter @w : tensor<4x4xf32> init #graph.init<constant, 0.25> role trained
  graph.parameter @b : tensor<4xf32> init #graph.init<constant, 0.5> role trained
  func.func @train(%w: tensor<4x4xf32> {graph.param = @w}, %b: tensor<4xf32> {graph.param = @b},
                   %x: tensor<8x2x2xf32> {graph.input = "x"},
                   %m: tensor<8xf32> {graph.mask}, %n: tensor<i64> {graph.count})
      -> (tensor<f32> {graph.loss}, tensor<f32> {graph.metric = "largest"}) {
    %flat = graph.reshape %x : tensor<8x2x2xf32> to tensor<8x4xf32>
    %bb = graph.broadcast %b dims = [1] : tensor<4xf32> to tensor<8x4xf32>
    %xw = graph.dot %flat, %w batch = [] x [] contract = [1] x [0] : tensor<8x4xf32>, tensor<4x4xf32> to tensor<8x4xf32>
    %h0 = graph.add %xw, %bb : tensor<8x4xf32>
    %h = graph.tanh %h0 : tensor<8x4xf32>
    %wt = graph.transpose %w perm = [1, 0] : tensor<4x4xf32> to tensor<4x4xf32>
    %y = graph.dot %h, %wt batch = [] x [] contract = [1] x [0] : tensor<8x4xf32>, tensor<4x4xf32> to tensor<8x4xf32>
    %d = graph.sub %y, %flat : tensor<8x4xf32>
    %sq = graph.mul %d, %d : tensor<8x4xf32>
    %row = graph.reduce sum %sq dims = [1] : tensor<8x4xf32> to tensor<8xf32>
    %rm = graph.mul %row, %m : tensor<8xf32>
    %s = graph.reduce sum %rm dims = [0] : tensor<8xf32> to tensor<f32>
    %nf = graph.cast %n : tensor<i64> to tensor<f32>
    %mean = graph.div %s, %nf : tensor<f32>
    %bsq = graph.mul %b, %b : tensor<4xf32>
    %decay = graph.reduce sum %bsq dims = [0] : tensor<4xf32> to tensor<f32>
    %loss = graph.add %mean, %decay : tensor<f32>
    %largest = graph.reduce max %rm dims = [0] : tensor<8xf32> to tensor<f32>
    return %loss, %largest : tensor<f32>, tensor<f32>
  }
})";

class CollectiveValuesTest : public Evaluating {
protected:
  void lower(void (*pipeline)(mlir::OpPassManager &)) {
    mlir::PassManager manager(&context);
    pipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module))) << errors;
  }

  int64_t payload() {
    int64_t bytes = 0;
    module->walk([&](dist::AllReduceOp op) { bytes += op.getPayloadBytes(); });
    return bytes;
  }

  /// Losses and metrics of three steps, then the weights.
  Values train(int64_t devices) {
    interpreter::ProgramRunner runner(*module, {/*f64=*/true, devices});
    interpreter::Batch batch;
    Values x, mask;
    for (int i = 0; i < 32; ++i)
      x.push_back((i * 29 % 17 - 8) / 8.0);
    for (int i = 0; i < 8; ++i)
      mask.push_back(i < 7 ? 1 : 0);
    batch.inputs["x"] = literal("tensor<8x2x2xf32>", x);
    batch.mask = literal("tensor<8xf32>", mask);
    Values values;
    for (int step = 0; step < 3; ++step) {
      auto result = runner.run("train", batch);
      if (failed(result))
        return {};
      values.push_back(*result->loss);
      values.push_back(result->metrics["largest"].at(0));
    }
    for (const char *path : {"w", "b"})
      values.insert(values.end(), runner.parameters[path].floats.begin(),
                    runner.parameters[path].floats.end());
    return values;
  }

  void expectNear(const Values &expected) {
    for (int64_t devices : {1, 2, 3, 4, 8}) {
      Values actual = train(devices);
      ASSERT_EQ(actual.size(), expected.size()) << devices << "\n" << errors;
      for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(actual[i], expected[i], 1e-12) << i << " on " << devices;
    }
  }
};

TEST_F(CollectiveValuesTest, AgreeOnEveryNumberOfDevices) {
  parse(kModel);
  lower(buildGradPipeline);
  Values expected = train(1);
  ASSERT_EQ(expected.size(), 6u + 16 + 4) << errors;
  EXPECT_LT(expected[4], expected[0]); // it learns
  lower(buildDistPipeline);
  // Each gradient once, although w has two, and two scalars.
  EXPECT_EQ(payload(), (16 + 4 + 1 + 1) * 4);
  expectNear(expected);
  lower(buildLocalPipeline);
  EXPECT_EQ(payload(), (16 + 4 + 1 + 1) * 4);
  expectNear(expected);
}

} // namespace
