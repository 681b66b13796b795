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

TEST_F(ValuesTest, ReductionsOfNumPy) {
  // numpy.var(x, axis=1), with ddof=1, numpy.std
  EXPECT_EQ(floats("var(x, axis = 1)"), (Values{0.25, 12.25, 272.25, 2.25}));
  EXPECT_EQ(floats("var(x, axis = -1, correction = 1)"),
            (Values{0.5, 24.5, 544.5, 4.5}));
  EXPECT_EQ(floats("std(x, axis = 1, keepdims = true)"),
            (Values{0.5, 3.5, 16.5, 1.5}));
  EXPECT_EQ(floats("var(u, axis = 1)"), (Values{0, 0.25, 0, 2500}));
  EXPECT_EQ(integers("any(x > 1, axis = 1)"), (Ints{1, 1, 0, 1}));
  EXPECT_EQ(integers("all(x, axis = 1)"), (Ints{1, 1, 0, 1}));
  EXPECT_EQ(metric("float(any(n == 3))"), 1);
  EXPECT_EQ(metric("float(any(n == 3))", 3), 0);
  EXPECT_EQ(metric("float(all(n < 3))", 3), 1);
  // scipy.special.logsumexp(x, axis=1)
  Values sums = floats("logsumexp(x, axis = 1)");
  const double expected[] = {2.3132617, 4.0009115, 0.0, 5.0485873};
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(sums[i], expected[i], 1e-6);
  EXPECT_EQ(floats("logsumexp(x * 1e30, axis = 1)"),
            floats("max(x * 1e30, axis = 1)"));
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(floats("logsumexp(log(abs(x) * 0), axis = 1)"),
            Values(4, -infinity));
}

TEST_F(ValuesTest, ShapesOfNumPy) {
  EXPECT_EQ(integers("stack((n, n * 2), axis = 1)"),
            (Ints{2, 4, -2, -4, 0, 0, 3, 6}));
  EXPECT_EQ(integers("stack([u, u], axis = -1)[:, 1]"),
            (Ints{255, 255, 2, 2, 0, 0, 100, 100}));
  EXPECT_EQ(integers("pad(u, ((0, 0), (1, 2)), 7)"),
            (Ints{7, 255, 255, 7, 7, 7, 1,   2,   7, 7,
                  7, 0,   0,   7, 7, 7, 200, 100, 7, 7}));
  EXPECT_EQ(floats("pad(x[:, :1, None], ((0, 0), (0, 0), (0, 1)))"),
            (Values{1, 0, -3, 0, 0, 0, 5, 0}));
  EXPECT_EQ(floats("clip(x, -1, 3)"), (Values{1, 2, -1, 3, 0, -1, 3, 2}));
  EXPECT_EQ(integers("clip(n, u[:, 0], 1)"), (Ints{1, 1, 0, 1}));
  EXPECT_EQ(floats("round(x / 2)"), (Values{0, 1, -2, 2, 0, -16, 2, 1}));
}

TEST_F(ValuesTest, EinsteinSums) {
  EXPECT_EQ(
      floats("einsum(\"bi,bj->bij\", x, x)"),
      (Values{1, 2, 2, 4, 9, -12, -12, 16, 0, 0, 0, 1089, 25, 10, 10, 4}));
  EXPECT_EQ(floats("einsum(\"bi,bi->b\", x, x)"), (Values{5, 25, 1089, 29}));
  EXPECT_EQ(floats("einsum(\"bi -> b\", x)"), (Values{3, 1, -33, 7}));
  EXPECT_EQ(floats("einsum(\"bi\", x)"), floats("x"));
  EXPECT_EQ(floats("einsum(\"ab->ba\", einsum(\"bi->ib\", x))"), floats("x"));
  // The letter j is summed before the product, i in it.
  EXPECT_EQ(floats("einsum(\"bi,bji->b\", x, stack((x, 2 * x), axis = 1))"),
            (Values{15, 75, 3267, 87}));
  EXPECT_EQ(floats("einsum(\"bij,bij->b\", einsum(\"bi,bj->bij\", x, x), "
                   "einsum(\"bi,bj->bij\", x, x))"),
            (Values{25, 625, 1185921, 841}));
  EXPECT_EQ(integers("einsum(\"bi,b->b\", u, n)"), (Ints{1020, -6, 0, 900}));
  EXPECT_EQ(metric("sum(einsum(\"bi,bj->ij\", x, x))"), 9 + 1 + 1089 + 49);
  EXPECT_EQ(metric("sum(einsum(\"bi,bj->ij\", x, x))", 2), 10);
}

TEST_F(ValuesTest, ActivationsOfPyTorch) {
  auto expectNear = [&](const std::string &expression, const Values &values) {
    Values ours = floats(expression);
    ASSERT_EQ(ours.size(), values.size()) << expression;
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(ours[i], values[i], 1e-6 * std::max(1.0, std::abs(values[i])))
          << expression << " " << i;
  };
  expectNear("leaky_relu(x)", {1, 2, -0.03, 4, 0, -0.33, 5, 2});
  expectNear("leaky_relu(x, slope = 0.5)", {1, 2, -1.5, 4, 0, -16.5, 5, 2});
  expectNear("elu(x)", {1, 2, -0.95021293, 4, 0, -1, 5, 2});
  expectNear("gelu(x)", {0.84134475, 1.95449974, -0.00404969, 3.99987329, 0, 0,
                         4.99999857, 1.95449974});
  expectNear("softmax(x, axis = 1)",
             {0.26894142, 0.73105858, 0.00091105, 0.99908895, 1, 0, 0.95257413,
              0.04742587});
  expectNear("log_softmax(x, axis = -1)",
             {-1.31326169, -0.31326169, -7.00091147, -0.00091147, 0, -33,
              -0.04858735, -3.04858735});
  expectNear("rms_norm(x)", {0.63245543, 1.26491085, -0.84852812, 1.1313708, 0,
                             -1.41421356, 1.3130643, 0.52522572});
  expectNear("group_norm(x[:, :, None, None] * ones([3, 1]), 1)[:, :, 0, 0]",
             {-0.99998, 0.99998, -0.99999959, 0.99999959, 1, -1, 0.99999778,
              -0.99999778});
}

TEST_F(ValuesTest, LossesOfPyTorch) {
  // huber_loss(x, 2), kl_div(log_softmax(x), softmax(2 x), "batchmean")
  EXPECT_NEAR(metric("huber(x, 2 + x * 0)"), 5.625, 1e-6);
  EXPECT_NEAR(metric("huber(x, 2 + x * 0, delta = 3.0)"), 15, 1e-6);
  EXPECT_NEAR(metric("kl(log_softmax(x), softmax(2 * x))"), 0.02668234, 1e-7);
  EXPECT_NEAR(metric("kl(log_softmax(x), float(x > 1))"), 0.85283696, 1e-6);
  // cross_entropy(x, y, label_smoothing = 0.25); a label for each element
  EXPECT_NEAR(metric("cross_entropy(x, i32(n <= 0), label_smoothing = 0.25)"),
              7.84069013, 1e-6);
  EXPECT_NEAR(metric("cross_entropy(reshape(x, [B, 1, 2]), "
                     "reshape(i32(n <= 0), [B, 1]))"),
              8.59069013, 1e-6);
}

// The last state over two steps, x and x / 2, of two units. Weights are
// (7 i mod 11) / 10 - 0.5 for element i = 1, 2, ...; those of the state half,
// and the second bias of the GRU a quarter of that.
TEST_F(ValuesTest, RecurrentLayersOfPyTorch) {
  auto weights = [&](const std::string &shape, int count, double scale) {
    Values values;
    for (int i = 1; i <= count; ++i)
      values.push_back(scale * (7 * i % 11 / 10.0 - 0.5));
    return literal("tensor<" + shape + "xf32>", values);
  };
  struct Case {
    std::string layer;
    int gates;
    Values last;
  };
  for (const Case &each :
       {Case{"rnn",
             1,
             {0.68538050, -0.28985131, 0.82044458, 0.23647310, -0.99999990,
              -0.94679658, 0.80306180, -0.62651224}},
        Case{"lstm",
             4,
             {-0.30141792, 0.14176343, -0.10063800, 0.20508821, 0.00120368,
              -0.68487777, -0.44375679, 0.06611376}},
        Case{"gru",
             3,
             {-0.28788428, 0.54578632, -0.50481093, 0.12164695, 0.99999813,
              -0.16428951, -0.11165729, 0.62557134}}}) {
    compile("model m {\n input x: f32[B, 2]\n let y = stack((x, x / 2)) |> " +
                each.layer + "(2) as r\n output z = y[-1]\n}\n",
            {{"train.batch", "4"}});
    ASSERT_TRUE(module) << each.layer;
    int width = 2 * each.gates;
    std::string text = std::to_string(width);
    interpreter::ProgramRunner runner(*module);
    runner.parameters["r.wx"] = weights("2x" + text, 2 * width, 1);
    runner.parameters["r.wh"] = weights("2x" + text, 2 * width, 0.5);
    runner.parameters["r.b"] = weights(text, width, 1);
    if (each.layer == "gru")
      runner.parameters["r.bh"] = weights(text, width, 0.25);
    interpreter::Batch batch;
    batch.inputs["x"] = rows().inputs["x"];
    auto result = runner.run("infer", batch);
    ASSERT_TRUE(succeeded(result)) << each.layer << errors;
    const graph::Literal &last = result->outputs["z"];
    for (size_t i = 0; i < each.last.size(); ++i)
      EXPECT_NEAR(last.floats[i], each.last[i], 1e-6) << each.layer;
  }
}

} // namespace
