//===- EvaluateOpsTest.cpp - One value of every op, by hand ---------------===//
//
// A table, so that an op without a case is found. What is special about an op
// is in EvaluateTest.cpp.
//
//===----------------------------------------------------------------------===//

#include "test/ir/Evaluating.h"
#include <set>

using namespace mlc;
using Values = std::vector<double>;

namespace {

struct Argument {
  const char *type;
  Values values;
};

struct Case {
  const char *op;   ///< without the dialect
  const char *text; ///< behind the name, of the operands %a, %b, %c
  std::vector<Argument> arguments;
  const char *result;
  Values expected;
  int results = 1; ///< of which the first is looked at
};

constexpr const char *kPair = "tensor<2xf64>";
constexpr const char *kInts = "tensor<4xi32>";
constexpr const char *kBools = "tensor<4xi1>";

const std::vector<Case> &allCases() {
  static const std::vector<Case> cases = {
      {"add",
       "%a, %b : tensor<2xf64>",
       {{kPair, {1, 2}}, {kPair, {0.5, -3}}},
       kPair,
       {1.5, -1}},
      {"sub",
       "%a, %b : tensor<2xf64>",
       {{kPair, {1, 2}}, {kPair, {0.5, -3}}},
       kPair,
       {0.5, 5}},
      {"mul",
       "%a, %b : tensor<2xf64>",
       {{kPair, {1, 2}}, {kPair, {0.5, -3}}},
       kPair,
       {0.5, -6}},
      {"div",
       "%a, %b : tensor<2xf64>",
       {{kPair, {1, 3}}, {kPair, {0.5, -4}}},
       kPair,
       {2, -0.75}},
      {"pow",
       "%a, %b : tensor<2xf64>",
       {{kPair, {4, 3}}, {kPair, {0.5, -1}}},
       kPair,
       {2, 1.0 / 3}},
      {"maximum",
       "%a, %b : tensor<2xf64>",
       {{kPair, {1, -3}}, {kPair, {0.5, -2}}},
       kPair,
       {1, -2}},
      {"minimum",
       "%a, %b : tensor<2xf64>",
       {{kPair, {1, -3}}, {kPair, {0.5, -2}}},
       kPair,
       {0.5, -3}},
      {"idiv",
       "%a, %b : tensor<4xi32>",
       {{kInts, {7, -7, 7, -7}}, {kInts, {2, 2, -2, -2}}},
       kInts,
       {3, -4, -4, 3}},
      {"mod",
       "%a, %b : tensor<4xi32>",
       {{kInts, {7, -7, 7, -7}}, {kInts, {2, 2, -2, -2}}},
       kInts,
       {1, 1, -1, -1}},
      {"neg", "%a : tensor<2xf64>", {{kPair, {1.5, -2}}}, kPair, {-1.5, 2}},
      {"abs", "%a : tensor<2xf64>", {{kPair, {1.5, -2}}}, kPair, {1.5, 2}},
      {"sign", "%a : tensor<2xf64>", {{kPair, {1.5, -2}}}, kPair, {1, -1}},
      {"exp",
       "%a : tensor<2xf64>",
       {{kPair, {1, -1}}},
       kPair,
       {2.718281828459045, 0.36787944117144233}},
      {"log",
       "%a : tensor<2xf64>",
       {{kPair, {2, 10}}},
       kPair,
       {0.6931471805599453, 2.302585092994046}},
      {"log1p",
       "%a : tensor<2xf64>",
       {{kPair, {1e-20, 1}}},
       kPair,
       {1e-20, 0.6931471805599453}},
      {"sqrt",
       "%a : tensor<2xf64>",
       {{kPair, {2, 9}}},
       kPair,
       {1.4142135623730951, 3}},
      {"tanh",
       "%a : tensor<2xf64>",
       {{kPair, {0.5, -1}}},
       kPair,
       {0.46211715726000975, -0.7615941559557649}},
      {"sigmoid",
       "%a : tensor<2xf64>",
       {{kPair, {0, 1}}},
       kPair,
       {0.5, 0.7310585786300049}},
      {"relu", "%a : tensor<2xf64>", {{kPair, {1.5, -2}}}, kPair, {1.5, 0}},
      {"cos",
       "%a : tensor<2xf64>",
       {{kPair, {1, -2}}},
       kPair,
       {0.5403023058681398, -0.4161468365471424}},
      {"expm1",
       "%a : tensor<2xf64>",
       {{kPair, {1e-20, 1}}},
       kPair,
       {1e-20, 1.718281828459045}},
      {"erf",
       "%a : tensor<2xf64>",
       {{kPair, {0.5, -2}}},
       kPair,
       {0.5204998778130465, -0.9953222650189527}},
      {"sin",
       "%a : tensor<2xf64>",
       {{kPair, {1, -2}}},
       kPair,
       {0.8414709848078965, -0.9092974268256817}},
      {"round", "%a : tensor<2xf64>", {{kPair, {2.5, -1.6}}}, kPair, {2, -2}},
      {"floor", "%a : tensor<2xf64>", {{kPair, {1.5, -1.5}}}, kPair, {1, -2}},
      {"compare",
       "le %a, %b : tensor<4xi32>",
       {{kInts, {1, 2, 3, -4}}, {kInts, {2, 2, 2, 2}}},
       kBools,
       {1, 1, 0, 1}},
      {"and",
       "%a, %b : tensor<4xi1>",
       {{kBools, {0, 0, 1, 1}}, {kBools, {0, 1, 0, 1}}},
       kBools,
       {0, 0, 0, 1}},
      {"or",
       "%a, %b : tensor<4xi1>",
       {{kBools, {0, 0, 1, 1}}, {kBools, {0, 1, 0, 1}}},
       kBools,
       {0, 1, 1, 1}},
      {"not",
       "%a : tensor<4xi1>",
       {{kBools, {0, 0, 1, 1}}},
       kBools,
       {1, 1, 0, 0}},
      {"select",
       "%a, %b, %c : tensor<4xi32>",
       {{kBools, {0, 0, 1, 1}}, {kInts, {1, 2, 3, 4}}, {kInts, {5, 6, 7, 8}}},
       kInts,
       {5, 6, 3, 4}},
      {"cast",
       "%a : tensor<2xf64> to tensor<2xi32>",
       {{kPair, {1.9, -1.9}}},
       "tensor<2xi32>",
       {1, -1}},
      {"constant", "dense<[1.5, -2.0]> : tensor<2xf64>", {}, kPair, {1.5, -2}},
      {"iota", "dim = 0 : tensor<4xi32>", {}, kInts, {0, 1, 2, 3}},
      {"broadcast",
       "%a dims = [0] : tensor<2xf64> to tensor<2x3xf64>",
       {{kPair, {1, 2}}},
       "tensor<2x3xf64>",
       {1, 1, 1, 2, 2, 2}},
      {"reshape",
       "%a : tensor<4xi32> to tensor<2x2xi32>",
       {{kInts, {1, 2, 3, 4}}},
       "tensor<2x2xi32>",
       {1, 2, 3, 4}},
      {"transpose",
       "%a perm = [1, 0] : tensor<2x3xi32> to tensor<3x2xi32>",
       {{"tensor<2x3xi32>", {1, 2, 3, 4, 5, 6}}},
       "tensor<3x2xi32>",
       {1, 4, 2, 5, 3, 6}},
      {"concat",
       "dim = 0 %a, %b : (tensor<4xi32>, tensor<1xi32>) -> tensor<5xi32>",
       {{kInts, {1, 2, 3, 4}}, {"tensor<1xi32>", {9}}},
       "tensor<5xi32>",
       {1, 2, 3, 4, 9}},
      {"slice",
       "%a starts = [1] limits = [4] strides = [2] : tensor<4xi32> to "
       "tensor<2xi32>",
       {{kInts, {1, 2, 3, 4}}},
       "tensor<2xi32>",
       {2, 4}},
      {"reduce",
       "max %a dims = [0] : tensor<2x3xi32> to tensor<3xi32>",
       {{"tensor<2x3xi32>", {1, 5, 3, 4, 2, 6}}},
       "tensor<3xi32>",
       {4, 5, 6}},
      {"arg_reduce",
       "min %a dim = 1 : tensor<2x3xi32> to tensor<2xi32>",
       {{"tensor<2x3xi32>", {1, 5, 3, 4, 2, 6}}},
       "tensor<2xi32>",
       {0, 1}},
      // [1 2; 3 4] [5; 6] = [5 + 12; 15 + 24]
      {"dot",
       "%a, %b batch = [] x [] contract = [1] x [0] : tensor<2x2xf64>, "
       "tensor<2xf64> to tensor<2xf64>",
       {{"tensor<2x2xf64>", {1, 2, 3, 4}}, {kPair, {5, 6}}},
       kPair,
       {17, 39}},
      {"custom_gradient",
       "%a of(%b : tensor<2xf64>) {\n^bb0(%x: tensor<2xf64>, %d: "
       "tensor<2xf64>):\n  graph.cotangents %d : tensor<2xf64>\n} : "
       "tensor<2xf64>",
       {{"tensor<2xf64>", {3, 4}}, {"tensor<2xf64>", {5, 6}}},
       "tensor<2xf64>",
       {3, 4}},
      // 1 2 3 and the kernel 1 10, a zero on the left: 10 1+20 2+30.
      {"conv",
       "%a, %b strides = [1] low = [1] high = [0] dilation = [1] x [1] groups "
       "= 1 : tensor<1x1x3xf64>, tensor<1x1x2xf64> to tensor<1x1x3xf64>",
       {{"tensor<1x1x3xf64>", {1, 2, 3}}, {"tensor<1x1x2xf64>", {1, 10}}},
       "tensor<1x1x3xf64>",
       {10, 21, 32}},
      // The first tap meets 1 2 of 1 2 3, the second 2 3.
      {"conv_kernel_grad",
       "%a, %b strides = [1] low = [0] high = [0] dilation = [1] x [1] groups "
       "= 1 : tensor<1x1x3xf64>, tensor<1x1x2xf64> to tensor<1x1x2xf64>",
       {{"tensor<1x1x3xf64>", {1, 2, 3}}, {"tensor<1x1x2xf64>", {1, 10}}},
       "tensor<1x1x2xf64>",
       {21, 32}},
      {"sum_pool",
       "%a window = [2] strides = [2] low = [1] high = [0] dilation = [1] x "
       "[1] : tensor<1x1x3xf64> to tensor<1x1x2xf64>",
       {{"tensor<1x1x3xf64>", {1, 2, 4}}},
       "tensor<1x1x2xf64>",
       {1, 6}},
      // The first of equals.
      {"max_pool",
       "%a, %b window = [2] strides = [1] low = [0] high = [0] dilation = [1] "
       "x [1] : tensor<1x1x3xf64>, tensor<1x1x3xf64> to tensor<1x1x2xf64>",
       {{"tensor<1x1x3xf64>", {1, 1, 4}}, {"tensor<1x1x3xf64>", {5, 6, 7}}},
       "tensor<1x1x2xf64>",
       {5, 7}},
      {"max_pool_grad",
       "%a, %b window = [2] strides = [1] low = [0] high = [0] dilation = [1] "
       "x [1] : tensor<1x1x3xf64>, tensor<1x1x2xf64> to tensor<1x1x3xf64>",
       {{"tensor<1x1x3xf64>", {1, 2, 2}}, {"tensor<1x1x2xf64>", {5, 6}}},
       "tensor<1x1x3xf64>",
       {0, 11, 0}},
      // Logits 0 and ln 3: probabilities 1/4 and 3/4.
      // runtime/schema/Philox.h, written again in Python, gave these.
      {"random_uniform",
       "%a fold(%b) rows %c dim = 0 site = 7 : (tensor<i64>, tensor<i64>, "
       "tensor<2xi64>) -> tensor<2x3xf32>",
       {{"tensor<i64>", {5}}, {"tensor<i64>", {3}}, {"tensor<2xi64>", {0, 9}}},
       "tensor<2x3xf32>",
       {0.28705430030822754, 0.6547679901123047, 0.7102281451225281,
        0.32559317350387573, 0.7202332615852356, 0.7669284343719482}},
      {"dropout_mask",
       "%a fold(%b) rows %c dim = 0 site = 7 rate = 0.6875 : (tensor<i64>, "
       "tensor<i64>, tensor<2xi64>) -> tensor<2x3xf64>",
       {{"tensor<i64>", {5}}, {"tensor<i64>", {3}}, {"tensor<2xi64>", {0, 9}}},
       "tensor<2x3xf64>",
       {0, 0, 3.2, 0, 3.2, 3.2}},
      // Channel 0 has mean 2 and variance 1, channel 1 mean 10 and variance 0.
      {"batch_norm",
       "%a scale %b shift %c mask %d eps = 3.0 microbatches = 1 : "
       "(tensor<3x2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<3xf64>) -> "
       "(tensor<3x2xf64>, tensor<1x2xf64>, tensor<1x2xf64>, tensor<1xf64>)",
       {{"tensor<3x2xf64>", {1, 10, 3, 10, 6, 10}},
        {"tensor<2xf64>", {2, 5}},
        {"tensor<2xf64>", {1, -1}},
        {"tensor<3xf64>", {1, 1, 0}}},
       "tensor<3x2xf64>",
       {0, -1, 2, -1, 5, -1},
       4},
      // xhat is -1/2, 1/2 and 2; dshift 1, dscale -1/2.
      {"batch_norm_grad",
       "%a, %b scale %c mask %d statistics %e, %f, %g eps = 3.0 "
       "microbatches = 1 : (tensor<3x1xf64>, tensor<3x1xf64>, tensor<1xf64>, "
       "tensor<3xf64>, tensor<1x1xf64>, tensor<1x1xf64>, tensor<1xf64>) -> "
       "(tensor<3x1xf64>, tensor<1x1xf64>, tensor<1x1xf64>)",
       {{"tensor<3x1xf64>", {1, 0, 0}},
        {"tensor<3x1xf64>", {1, 3, 6}},
        {"tensor<1xf64>", {2}},
        {"tensor<3xf64>", {1, 1, 0}},
        {"tensor<1x1xf64>", {2}},
        {"tensor<1x1xf64>", {1}},
        {"tensor<1xf64>", {2}}},
       "tensor<3x1xf64>",
       {0.375, -0.375, 0},
       3},
      {"softmax_cross_entropy",
       "%a, %b : tensor<1x2xf64>, tensor<1xi32>",
       {{"tensor<1x2xf64>", {0, 1.0986122886681098}}, {"tensor<1xi32>", {0}}},
       "tensor<1xf64>",
       {1.3862943611198906}},
      {"gather",
       "%a, %b dim = 1 : tensor<2x3xf32>, tensor<2xi32> to tensor<2x2xf32>",
       {{"tensor<2x3xf32>", {1, 2, 3, 4, 5, 6}}, {"tensor<2xi32>", {2, 0}}},
       "tensor<2x2xf32>",
       {3, 1, 6, 4}},
      {"scatter_add",
       "%a, %b dim = 0 : tensor<3x2xf32>, tensor<3xi32> to tensor<3x2xf32>",
       {{"tensor<3x2xf32>", {1, 2, 3, 4, 5, 6}}, {"tensor<3xi32>", {2, 0, 2}}},
       "tensor<3x2xf32>",
       {3, 4, 0, 0, 6, 8}},
      {"softmax_cross_entropy_grad",
       "%a, %b, %c : tensor<1x2xf64>, tensor<1xi32>, tensor<1xf64> to "
       "tensor<1x2xf64>",
       {{"tensor<1x2xf64>", {0, 1.0986122886681098}},
        {"tensor<1xi32>", {0}},
        {"tensor<1xf64>", {2}}},
       "tensor<1x2xf64>",
       {-1.5, 1.5}},
      // The same probabilities, and values 4 and 8.
      {"attention",
       "%a, %b, %c scale = 1.0 : tensor<1x1x1x1xf64>, tensor<1x1x2x1xf64>, "
       "tensor<1x1x2x1xf64> to tensor<1x1x1x1xf64>, tensor<1x1x1xf64>",
       {{"tensor<1x1x1x1xf64>", {1}},
        {"tensor<1x1x2x1xf64>", {0, 1.0986122886681098}},
        {"tensor<1x1x2x1xf64>", {4, 8}}},
       "tensor<1x1x1x1xf64>",
       {7},
       2},
      // Of the scores: 1/4 (2 * 4 - 14) = -1.5 and 3/4 (2 * 8 - 14) = 1.5.
      {"attention_grad",
       "%a, %b, %c, %d, %e, %f scale = 1.0 : tensor<1x1x1x1xf64>, "
       "tensor<1x1x2x1xf64>, tensor<1x1x2x1xf64>, tensor<1x1x1xf64>, "
       "tensor<1x1x1x1xf64>, tensor<1x1x1xf64> to tensor<1x1x1x1xf64>, "
       "tensor<1x1x2x1xf64>, tensor<1x1x2x1xf64>",
       {{"tensor<1x1x1x1xf64>", {1}},
        {"tensor<1x1x2x1xf64>", {0, 1.0986122886681098}},
        {"tensor<1x1x2x1xf64>", {4, 8}},
        {"tensor<1x1x1xf64>", {1.3862943611198906}},
        {"tensor<1x1x1x1xf64>", {2}},
        {"tensor<1x1x1xf64>", {14}}},
       "tensor<1x1x1x1xf64>",
       {1.6479184330021647},
       3},
  };
  return cases;
}

class EvaluateOpsTest : public Evaluating,
                        public testing::WithParamInterface<Case> {};

TEST_P(EvaluateOpsTest, GivesTheValue) {
  const Case &each = GetParam();
  std::vector<graph::Literal> arguments;
  for (const Argument &argument : each.arguments)
    arguments.push_back(literal(argument.type, argument.values));
  Values values = runOp(std::string("graph.") + each.op + " " + each.text,
                        arguments, each.result, false, each.results);
  ASSERT_EQ(values.size(), each.expected.size()) << errors;
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_DOUBLE_EQ(values[i], each.expected[i]) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(Ops, EvaluateOpsTest, testing::ValuesIn(allCases()),
                         [](const auto &info) {
                           return std::string(info.param.op);
                         });

class EvaluateCoverageTest : public Evaluating {};

TEST_F(EvaluateCoverageTest, HasACaseForEveryOp) {
  std::set<std::string> covered;
  for (const Case &each : allCases())
    covered.insert(each.op);
  size_t found = 0;
  for (mlir::RegisteredOperationName name :
       context.getRegisteredOperationsByDialect("graph")) {
    if (!name.hasInterface<graph::ReferenceOpInterface>())
      continue;
    ++found;
    EXPECT_TRUE(covered.count(name.stripDialect().str()))
        << name.getStringRef().str() << " has a reference and no case here";
  }
  EXPECT_EQ(found, covered.size());
}

void PrintTo(const Case &each, std::ostream *os) { *os << each.op; }

} // namespace
