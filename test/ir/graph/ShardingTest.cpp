//===- ShardingTest.cpp - Sharding rules and costs ------------------------===//

#include "test/ir/Evaluating.h"

using namespace mlc;
using graph::FactorKind;
using graph::PartialRule;
using Factors = llvm::SmallVector<int64_t>;

namespace {

class ShardingTest : public Evaluating {
protected:
  /// The op in a function of these arguments.
  mlir::Operation *op(const std::string &arguments, const std::string &text) {
    parse("func.func @f(" + arguments + ") {\n %r = " + text + "\n return\n}");
    return module ? &function().getBody().front().front() : nullptr;
  }
  graph::ShardingRule rule(const std::string &arguments,
                           const std::string &text) {
    return llvm::cast<graph::ShardingOpInterface>(op(arguments, text))
        .getShardingRule();
  }
};

TEST_F(ShardingTest, DotContractsAFactor) {
  mlir::Operation *dot = op("%a: tensor<4x8xf32>, %b: tensor<8x3xf32>",
                            "graph.dot %a, %b batch = [] x [] contract = [1] x "
                            "[0] : tensor<4x8xf32>, "
                            "tensor<8x3xf32> to tensor<4x3xf32>");
  auto r = llvm::cast<graph::ShardingOpInterface>(dot).getShardingRule();
  EXPECT_EQ(r.operandFactors[0][1], r.operandFactors[1][0]);
  EXPECT_EQ(r.kinds[r.operandFactors[0][1]], FactorKind::sum);
  EXPECT_EQ(r.resultFactors[0],
            (Factors{r.operandFactors[0][0], r.operandFactors[1][1]}));
  EXPECT_EQ(r.partial, PartialRule::bilinear);
  // 2 M N K = 2 * 4 * 3 * 8; (32 + 24 + 12) * 4 bytes.
  EXPECT_EQ(llvm::cast<graph::CostOpInterface>(dot).getFlops(), 192);
  EXPECT_EQ(llvm::cast<graph::CostOpInterface>(dot).getBytes(), 272);
}

TEST_F(ShardingTest, ReduceMakesItsFactorPartial) {
  auto r = rule("%a: tensor<4x8xf32>", "graph.reduce max %a dims = [0] : "
                                       "tensor<4x8xf32> to tensor<8xf32>");
  EXPECT_EQ(r.kinds[r.operandFactors[0][0]], FactorKind::max);
  EXPECT_EQ(r.resultFactors[0], (Factors{r.operandFactors[0][1]}));
  EXPECT_EQ(r.partial, PartialRule::none);
}

TEST_F(ShardingTest, ReshapeKeepsTheOutermostOfAGroup) {
  // {6} to {6}, {28 x 28} to {784}: gcd(28, 784) = 28 parts at most.
  auto r =
      rule("%a: tensor<6x28x28xf32>",
           "graph.reshape %a : tensor<6x28x28xf32> to tensor<6x1x784xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 1, -1}));
  EXPECT_EQ(r.resultFactors[0], (Factors{0, -1, 1}));
  EXPECT_EQ(r.sizes, (Factors{6, 28}));
  // [4, 6] to [6, 4] is one group: gcd(4, 6) = 2.
  r = rule("%a: tensor<4x6xf32>",
           "graph.reshape %a : tensor<4x6xf32> to tensor<6x4xf32>");
  EXPECT_EQ(r.sizes, (Factors{2}));
  // A batch of one row is where the op says.
  r = rule("%a: tensor<1x3xf32>", "graph.reshape %a keep = [0] to [1] : "
                                  "tensor<1x3xf32> to tensor<1x1x3xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 1}));
  EXPECT_EQ(r.resultFactors[0], (Factors{-1, 0, 1}));
  // From a scalar there is nothing to share.
  r = rule("%a: tensor<f32>",
           "graph.reshape %a : tensor<f32> to tensor<1xf32>");
  EXPECT_EQ(r.resultFactors[0], (Factors{-1}));
}

TEST_F(ShardingTest, BroadcastNeedsARepeatedDimensionWhole) {
  auto r = rule("%a: tensor<1x8xf32>", "graph.broadcast %a dims = [1, 2] : "
                                       "tensor<1x8xf32> to tensor<4x5x8xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{-1, 2}));
  EXPECT_EQ(r.resultFactors[0], (Factors{0, 1, 2}));
}

TEST_F(ShardingTest, IndicesStayWhole) {
  auto r = rule("", "graph.iota dim = 1 : tensor<4x8xi32>");
  EXPECT_EQ(r.kinds[0], FactorKind::parallel);
  EXPECT_EQ(r.kinds[1], FactorKind::whole);
  r = rule("%a: tensor<4x8xf32>", "graph.arg_reduce max %a dim = 1 : "
                                  "tensor<4x8xf32> to tensor<4xi32>");
  EXPECT_EQ(r.kinds[r.operandFactors[0][1]], FactorKind::whole);
}

TEST_F(ShardingTest, LossesKeepTheirRows) {
  auto r = rule("%a: tensor<4x8xf32>, %b: tensor<4xi32>",
                "graph.softmax_cross_entropy %a, %b : tensor<4x8xf32>, "
                "tensor<4xi32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 1}));
  EXPECT_EQ(r.operandFactors[1], (Factors{0}));
  EXPECT_EQ(r.resultFactors[0], (Factors{0}));
  EXPECT_EQ(r.kinds[1], FactorKind::whole);
}

TEST_F(ShardingTest, IndicesGoWhereTheirSlicesGo) {
  auto r = rule("%a: tensor<5x8xf32>, %b: tensor<4x3xi32>",
                "graph.gather %a, %b dim = 0 : tensor<5x8xf32>, "
                "tensor<4x3xi32> to tensor<4x3x8xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{-1, 2}));
  EXPECT_EQ(r.operandFactors[1], (Factors{0, 1}));
  EXPECT_EQ(r.resultFactors[0], (Factors{0, 1, 2}));
  EXPECT_EQ(r.kinds[0], FactorKind::parallel);
  r = rule("%a: tensor<4x3x8xf32>, %b: tensor<4x3xi32>",
           "graph.scatter_add %a, %b dim = 0 : tensor<4x3x8xf32>, "
           "tensor<4x3xi32> to tensor<5x8xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 1, 2}));
  EXPECT_EQ(r.operandFactors[1], (Factors{0, 1}));
  EXPECT_EQ(r.resultFactors[0], (Factors{-1, 2}));
  EXPECT_EQ(r.kinds[0], FactorKind::sum);
}

TEST_F(ShardingTest, WindowsKeepBatchAndChannels) {
  const std::string how =
      " strides = [1] low = [0] high = [0] dilation = [1] x [1]";
  auto r = rule("%x: tensor<8x4x9xf32>, %w: tensor<6x4x3xf32>",
                "graph.conv %x, %w" + how +
                    " groups = 1 : tensor<8x4x9xf32>, tensor<6x4x3xf32> to "
                    "tensor<8x6x7xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 2, -1}));
  EXPECT_EQ(r.operandFactors[1], (Factors{1, 2, -1}));
  EXPECT_EQ(r.resultFactors[0], (Factors{0, 1, -1}));
  EXPECT_EQ(r.kinds[2], FactorKind::sum);
  r = rule("%x: tensor<8x4x9xf32>, %w: tensor<6x2x3xf32>",
           "graph.conv %x, %w" + how +
               " groups = 2 : tensor<8x4x9xf32>, tensor<6x2x3xf32> to "
               "tensor<8x6x7xf32>");
  EXPECT_EQ(r.operandFactors[1], (Factors{-1, -1, -1}));
  // The sum over the batch is partial where that is cut.
  r = rule("%x: tensor<8x4x9xf32>, %y: tensor<8x6x7xf32>",
           "graph.conv_kernel_grad %x, %y" + how +
               " groups = 1 : tensor<8x4x9xf32>, tensor<8x6x7xf32> to "
               "tensor<6x4x3xf32>");
  EXPECT_EQ(r.operandFactors[0][0], r.operandFactors[1][0]);
  EXPECT_EQ(r.kinds[r.operandFactors[0][0]], FactorKind::sum);
  EXPECT_EQ(r.partial, PartialRule::bilinear);
  r = rule("%x: tensor<8x4x9xf32>",
           "graph.max_pool %x, %x window = [3]" + how +
               " : tensor<8x4x9xf32>, tensor<8x4x9xf32> to tensor<8x4x7xf32>");
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 1, -1}));
  EXPECT_EQ(r.partial, PartialRule::none);
}

// 9 elements, 3 taps, padding 1: 9 places of 3 taps without the two outside.
TEST_F(ShardingTest, OnlyTapsThatMeetAnElementCost) {
  mlir::Operation *conv =
      op("%x: tensor<8x4x9xf32>, %w: tensor<6x4x3xf32>",
         "graph.conv %x, %w strides = [1] low = [1] high = [1] dilation = [1] "
         "x [1] groups = 1 : tensor<8x4x9xf32>, tensor<6x4x3xf32> to "
         "tensor<8x6x9xf32>");
  EXPECT_EQ(llvm::cast<graph::CostOpInterface>(conv).getFlops(),
            2 * 8 * 4 * 6 * 25);
}

TEST_F(ShardingTest, PartialSumsPassLinearOps) {
  EXPECT_EQ(
      rule("%a: tensor<4xf32>", "graph.add %a, %a : tensor<4xf32>").partial,
      PartialRule::linear);
  EXPECT_EQ(
      rule("%a: tensor<4xf32>", "graph.mul %a, %a : tensor<4xf32>").partial,
      PartialRule::bilinear);
  EXPECT_EQ(
      rule("%a: tensor<4xf32>", "graph.div %a, %a : tensor<4xf32>").partial,
      PartialRule::numerator);
  EXPECT_EQ(rule("%a: tensor<4xf32>", "graph.exp %a : tensor<4xf32>").partial,
            PartialRule::none);
  EXPECT_EQ(rule("%a: tensor<4xf32>",
                 "graph.cast %a : tensor<4xf32> to tensor<4xi32>")
                .partial,
            PartialRule::none);
}

TEST_F(ShardingTest, AttentionKeepsBatchAndHeadsApart) {
  parse("func.func @f(%q: tensor<4x6x5x8xf32>, %k: tensor<4x3x7x8xf32>, "
        "%m: tensor<4x1x5x7xi1>) {\n %o, %l = "
        "graph.attention %q, %k, %k mask %m : tensor<4x1x5x7xi1> causal "
        "scale = 1.0 : tensor<4x6x5x8xf32>, tensor<4x3x7x8xf32>, "
        "tensor<4x3x7x8xf32> to tensor<4x6x5x8xf32>, tensor<4x6x5xf32>\n "
        "return\n}");
  ASSERT_TRUE(module) << errors;
  mlir::Operation *attention = &function().getBody().front().front();
  auto r = llvm::cast<graph::ShardingOpInterface>(attention).getShardingRule();
  EXPECT_EQ(r.kinds.size(), 2U);
  EXPECT_EQ(r.operandFactors[0], (Factors{0, 1, -1, -1}));
  EXPECT_EQ(r.operandFactors[1], (Factors{0, 1, -1, -1}));
  EXPECT_EQ(r.operandFactors[3], (Factors{0, -1, -1, -1}));
  EXPECT_EQ(r.resultFactors[0], (Factors{0, 1, -1, -1}));
  EXPECT_EQ(r.resultFactors[1], (Factors{0, 1, -1}));
  EXPECT_EQ(r.sizes, (Factors{4, 3}));
  // 4 * 6 heads, 1 + 2 + 3 + 4 + 5 scores each, of 2 * 8 + 2 * 8 + 13.
  EXPECT_EQ(llvm::cast<graph::CostOpInterface>(attention).getFlops(),
            24 * 15 * 45);
}

} // namespace
