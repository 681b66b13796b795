//===- DevicesTest.cpp - Layouts and loops over simulated devices ---------===//

#include "test/ir/Evaluating.h"

using namespace mlc;
using Values = std::vector<double>;

namespace {

// The loss sum over n of w . x[n], and its gradient, in the phases graph, dist
// and local. Whole numbers, so that every order of a sum is exact.
constexpr const char *kGraph = R"(
func.func @f(%x: tensor<24x2xf32>, %w: tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>) {
  %y = graph.dot %x, %w batch = [] x [] contract = [1] x [0]
      : tensor<24x2xf32>, tensor<2xf32> to tensor<24xf32>
  %l = graph.reduce sum %y dims = [0] : tensor<24xf32> to tensor<f32>
  %g = graph.reduce sum %x dims = [0] : tensor<24x2xf32> to tensor<2xf32>
  return %l, %g : tensor<f32>, tensor<2xf32>
})";

constexpr const char *kLayouts = R"(
#rows2 = #dist.layout<@mesh, [{"data"}, {}]>
#rows1 = #dist.layout<@mesh, [{"data"}]>
#whole1 = #dist.layout<@mesh, [{}]>
#whole0 = #dist.layout<@mesh, []>
#partial1 = #dist.layout<@mesh, [{}], partial = ["data"]>
#partial0 = #dist.layout<@mesh, [], partial = ["data"]>
dist.mesh @mesh ["data"] sizes = [-1]
)";

constexpr const char *kDist = R"(
func.func @f(%x: tensor<24x2xf32, #rows2>, %w: tensor<2xf32, #whole1>)
    -> (tensor<f32, #whole0>, tensor<2xf32, #whole1>) {
  %y = graph.dot %x, %w batch = [] x [] contract = [1] x [0]
      : tensor<24x2xf32, #rows2>, tensor<2xf32, #whole1> to tensor<24xf32, #rows1>
  %l = graph.reduce sum %y dims = [0] : tensor<24xf32, #rows1> to tensor<f32, #partial0>
  %g = graph.reduce sum %x dims = [0] : tensor<24x2xf32, #rows2> to tensor<2xf32, #partial1>
  %s:2 = dist.all_reduce sum %l, %g over ["data"] : tensor<f32, #partial0>, tensor<2xf32, #partial1>
  return %s#0, %s#1 : tensor<f32, #whole0>, tensor<2xf32, #whole1>
})";

constexpr const char *kLocal = R"(
func.func @f(%x: tensor<3x2xf32, #rows2>, %w: tensor<2xf32, #whole1>)
    -> (tensor<f32, #whole0>, tensor<2xf32, #whole1>) {
  %p:2 = dist.microbatch_loop (%xm = %x : tensor<3x2xf32, #rows2>) {
    %y = graph.dot %xm, %w batch = [] x [] contract = [1] x [0]
        : tensor<3x2xf32, #rows2>, tensor<2xf32, #whole1> to tensor<3xf32, #rows1>
    %l = graph.reduce sum %y dims = [0] : tensor<3xf32, #rows1> to tensor<f32, #partial0>
    %g = graph.reduce sum %xm dims = [0] : tensor<3x2xf32, #rows2> to tensor<2xf32, #partial1>
    dist.yield %l, %g : tensor<f32, #partial0>, tensor<2xf32, #partial1>
  } : tensor<f32, #partial0>, tensor<2xf32, #partial1>
  %s:2 = dist.all_reduce sum %p#0, %p#1 over ["data"] : tensor<f32, #partial0>, tensor<2xf32, #partial1>
  return %s#0, %s#1 : tensor<f32, #whole0>, tensor<2xf32, #whole1>
})";

class DevicesTest : public Evaluating {
protected:
  std::vector<graph::Literal> arguments() {
    Values x;
    for (int i = 0; i < 48; ++i)
      x.push_back(i * 7 % 11);
    return {literal("tensor<24x2xf32>", x), literal("tensor<2xf32>", {2, -1})};
  }
  std::vector<Values> runAll(int64_t devices) {
    auto results =
        interpreter::evaluate(function(), arguments(), {false, devices});
    std::vector<Values> values;
    if (succeeded(results))
      for (const graph::Literal &result : *results)
        values.push_back(result.floats);
    return values;
  }
  std::vector<Values> expected() {
    parse(kGraph);
    return runAll(1);
  }
};

TEST_F(DevicesTest, AgreeWithOneOnShards) {
  std::vector<Values> one = expected();
  ASSERT_EQ(one.size(), 2u) << errors;
  parse(std::string(kLayouts) + kDist);
  for (int64_t devices : {1, 2, 3, 4, 5, 8})
    EXPECT_EQ(runAll(devices), one) << devices << errors;
}

TEST_F(DevicesTest, AgreeWithOneOnMicrobatches) {
  std::vector<Values> one = expected();
  ASSERT_EQ(one.size(), 2u) << errors;
  parse(std::string(kLayouts) + kLocal);
  for (int64_t devices : {1, 2, 3, 4, 8})
    EXPECT_EQ(runAll(devices), one) << devices << errors;
}

TEST_F(DevicesTest, NeedAMicrobatchEach) {
  parse(std::string(kLayouts) + kLocal);
  EXPECT_TRUE(runAll(9).empty());
  EXPECT_NE(errors.find("has 8 micro-batches for 9 devices"), std::string::npos)
      << errors;
}

TEST_F(DevicesTest, CheckTheirArguments) {
  parse(kGraph);
  EXPECT_TRUE(failed(interpreter::evaluate(function(), {arguments()[0]})));
  EXPECT_NE(errors.find("has 2 arguments but got 1 values"), std::string::npos);
  EXPECT_TRUE(failed(
      interpreter::evaluate(function(), {arguments()[1], arguments()[1]})));
  EXPECT_NE(errors.find("argument #0 is"), std::string::npos);
}

// Sums of eight parts in f32: 2^24 + 1 + ... loses ones one after another, and
// keeps pairs: (2^24 + 1 -> 2^24) + (1 + 1) + ((1 + 1) + (1 + 1)) = 2^24 + 6.
TEST_F(DevicesTest, AddInTheTreeWhoeverHoldsThePart) {
  parse(std::string(kLayouts) + R"(
func.func @f(%x: tensor<1xf32, #rows1>) -> tensor<f32, #whole0> {
  %p = dist.microbatch_loop (%xm = %x : tensor<1xf32, #rows1>) {
    %l = graph.reduce sum %xm dims = [0] : tensor<1xf32, #rows1> to tensor<f32, #partial0>
    dist.yield %l : tensor<f32, #partial0>
  } : tensor<f32, #partial0>
  %s = dist.all_reduce sum %p over ["data"] : tensor<f32, #partial0>
  return %s : tensor<f32, #whole0>
})");
  graph::Literal x = literal("tensor<8xf32>", {16777216, 1, 1, 1, 1, 1, 1, 1});
  for (int64_t devices : {1, 2, 4, 8})
    EXPECT_EQ(run({x}, {false, devices}), (Values{16777222})) << devices;
}

// At phase local, of 24 rows in micro-batches of 3.
TEST_F(DevicesTest, RowsThatNothingReadsNeedNoLoop) {
  parse(std::string(kLayouts) + R"(
func.func @f(%x: tensor<3x2xf32, #rows2>, %w: tensor<2xf32, #whole1>) -> tensor<2xf32, #whole1> {
  %y = graph.add %w, %w : tensor<2xf32, #whole1>
  return %y : tensor<2xf32, #whole1>
})");
  for (int64_t devices : {1, 2})
    EXPECT_EQ(run(arguments(), {/*f64=*/false, devices}),
              run(arguments(), {/*f64=*/false, 1}))
        << errors;
  EXPECT_EQ(run(arguments()).size(), 2u) << errors;
}

} // namespace
