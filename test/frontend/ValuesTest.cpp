//===- ValuesTest.cpp - What expressions are worth ------------------------===//
//
// The language's numbers are NumPy's and PyTorch's: expected values are theirs.
// Evaluated by the reference interpreter.
//
//===----------------------------------------------------------------------===//

#include "test/frontend/Compiled.h"

#include <limits>

using namespace mlc;
using Values = std::vector<double>;
using Ints = std::vector<int64_t>;

namespace {

constexpr int64_t kLarge = 9007199254740992; // 2^53: the next one is no f64
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

class ValuesTest : public EvaluatingModels {
protected:
  /// The inputs x: f32, q: f64, n: i32, l: i64, u: u8, four rows of them.
  interpreter::Batch rows() {
    interpreter::Batch batch;
    batch.inputs["x"] = literal("tensor<4x2xf32>", {1, 2, -3, 4, 0, -33, 5, 2});
    batch.inputs["q"] = literal("tensor<4xf64>", {1, 2, 3, 4});
    batch.inputs["n"] = literal("tensor<4xi32>", {2, -2, 0, 3});
    batch.inputs["l"] = literal("tensor<4xi64>", {0, 0, 0, 0});
    batch.inputs["l"].ints = {kLarge + 1, kLarge, 7, -5};
    batch.inputs["u"] =
        literal("tensor<4x2xui8>", {255, 255, 1, 2, 0, 0, 200, 100});
    return batch;
  }

  interpreter::StepResult run(const std::string &statement,
                              const std::string &program,
                              const interpreter::Batch &batch) {
    compile("model m {\n input x: f32[B, 2]\n input q: f64[B]\n"
            " input n: i32[B]\n input l: i64[B]\n input u: u8[B, 2]\n " +
                statement + "\n}\n",
            {{"train.batch", "4"}});
    if (!module)
      return {};
    auto result = interpreter::ProgramRunner(*module).run(program, batch);
    EXPECT_TRUE(succeeded(result)) << statement << "\n" << errors;
    return succeeded(result) ? *result : interpreter::StepResult();
  }

  graph::Literal output(const std::string &expression) {
    auto result = run("output z = " + expression, "infer", rows());
    return result.outputs.count("z") ? result.outputs["z"]
                                     : literal("tensor<1xf32>", {0});
  }
  Ints integers(const std::string &expression) {
    graph::Literal value = output(expression);
    EXPECT_FALSE(value.isFloat()) << expression;
    return Ints(value.ints.begin(), value.ints.end());
  }
  Values floats(const std::string &expression) {
    graph::Literal value = output(expression);
    EXPECT_TRUE(value.isFloat()) << expression;
    return Values(value.floats.begin(), value.floats.end());
  }
  double metric(const std::string &expression, int real = 4) {
    interpreter::Batch batch = rows();
    Values mask(4, 0);
    std::fill_n(mask.begin(), real, 1);
    batch.mask = literal("tensor<4xf32>", mask);
    auto result = run("metric z = " + expression, "eval", batch);
    return result.metrics.count("z") ? result.metrics["z"].at(0) : -1e300;
  }
};

TEST_F(ValuesTest, IntegerLiteralsKeepEveryDigit) {
  EXPECT_EQ(integers("i64(l > 9007199254740992)"), (Ints{1, 0, 0, 0}));
  EXPECT_EQ(integers("i64(l == 9007199254740993)"), (Ints{1, 0, 0, 0}));
  EXPECT_EQ(integers("l - 9007199254740993"),
            (Ints{0, -1, 6 - kLarge, -6 - kLarge}));
  EXPECT_EQ(integers("l * 0 + 9223372036854775807"), Ints(4, kLargest));
  EXPECT_EQ(integers("l * 0 + i64(9007199254740993)"), Ints(4, kLarge + 1));
}

TEST_F(ValuesTest, IntegersAreFoldedAsIntegers) {
  EXPECT_EQ(integers("l * 0 + i64(9007199254740993 > 9007199254740992)"),
            Ints(4, 1));
  EXPECT_EQ(integers("l * 0 + div(9223372036854775807, 2)"),
            Ints(4, kLargest / 2));
  EXPECT_EQ(integers("l * 0 + div(-7, 2)"), Ints(4, -4));
  EXPECT_EQ(integers("l * 0 + maximum(9007199254740992, 9007199254740993)"),
            Ints(4, kLarge + 1));
  EXPECT_EQ(integers("l * 0 + minimum(9007199254740993, 9007199254740992)"),
            Ints(4, kLarge));
  EXPECT_EQ(floats("q * 0 + maximum(3, 2.5)"), Values(4, 3));
}

TEST_F(ValuesTest, TheSmallestIntegerIsFoldedAsAnInteger) {
  EXPECT_EQ(integers("l * 0 + relu(-9223372036854775807 - 1)"), Ints(4, 0));
  EXPECT_EQ(integers("l * 0 + abs(-9223372036854775807)"), Ints(4, kLargest));
}

TEST_F(ValuesTest, AStepPastTheEndTakesTheFirst) {
  EXPECT_EQ(floats("x[:, 0:2:9223372036854775807]"), floats("x[:, 0:1]"));
  EXPECT_EQ(floats("x[:, 1::9223372036854775807]"), floats("x[:, 1:2]"));
}

TEST_F(ValuesTest, TheRemainderOfFloatsIsExact) {
  EXPECT_EQ(floats("q * 0 + 1.0 % 0.1"), Values(4, 0.09999999999999995));
  EXPECT_EQ(floats("q * 0 + 1.0 % -0.3"), Values(4, -0.19999999999999996));
}

TEST_F(ValuesTest, CastsOfLiteralsTruncate) {
  EXPECT_EQ(integers("n * 0 + i32(-2.7)"), Ints(4, -2));
  EXPECT_EQ(integers("u[:, 0] * 0 + u8(255.9)"), Ints(4, 255));
}

TEST_F(ValuesTest, PowersOfIntegers) {
  EXPECT_EQ(integers("n * 0 + n ^ 0"), Ints(4, 1));
  EXPECT_EQ(integers("n ^ 9"), (Ints{512, -512, 0, 19683}));
  EXPECT_EQ(integers("u[:, 1] ^ 2"), (Ints{1, 4, 0, 16})); // modulo 256
  EXPECT_EQ(floats("n ^ 2.0"), (Values{4, 4, 0, 9}));
  EXPECT_EQ(floats("abs(n) ^ 0.5"),
            (Values{std::sqrt(2.0f), std::sqrt(2.0f), 0, std::sqrt(3.0f)}));
  EXPECT_EQ(floats("n ^ abs(x[:, 0])"), (Values{2, -8, 1, 243}));
  EXPECT_EQ(floats("x[:, 0] ^ n"), (Values{1, 1.0f / 9, 1, 125}));
}

TEST_F(ValuesTest, SumsOfIntegersHave64Bits) {
  EXPECT_EQ(integers("sum(u, axis = 1)"), (Ints{510, 3, 0, 300}));
  EXPECT_EQ(integers("sum(concat([n[:, None], n[:, None]], axis = 1) * "
                     "1073741823, axis = 1)"),
            (Ints{4294967292, -4294967292, 0, -2147483654}));
  EXPECT_EQ(metric("sum(u)"), 813);
}

TEST_F(ValuesTest, PaddingIsNeutralForIntegers) {
  // Without padding, the minimum is the last row's.
  EXPECT_EQ(metric("min(l)"), -5);
  EXPECT_EQ(metric("min(l)", 3), 7);
  EXPECT_EQ(metric("max(-l)", 3), -7);
  EXPECT_EQ(metric("float(max(n == 3))"), 1);
  EXPECT_EQ(metric("float(max(n == 3))", 3), 0);
  EXPECT_EQ(metric("float(min(n < 3))", 3), 1);
}

TEST_F(ValuesTest, MeansOfHalvesAreCarriedInF32) {
  // 4 * 20000 elements are more than f16 counts.
  double hundredth = 0.01000213623046875; // the f16
  EXPECT_EQ(metric("mean(f16(ones([20000]) * 0.01 + x[:, :1] * 0))"),
            hundredth);
  EXPECT_NEAR(
      floats("mean(f16(ones([80000]) * 0.01 + x[:, :1] * 0), axis = 1)")[0],
      hundredth, 1e-5);
}

TEST_F(ValuesTest, SmallLossesKeepTheirDigits) {
  // PyTorch's softplus(-33) in f32.
  EXPECT_FLOAT_EQ(static_cast<float>(floats("softplus(x)")[5]), 4.6588861e-15f);
  EXPECT_FLOAT_EQ(static_cast<float>(floats("log1p(x * x * 1e-20)")[0]),
                  1e-20f);
}

} // namespace
