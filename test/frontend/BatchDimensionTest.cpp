//===- BatchDimensionTest.cpp - Which dimension is the batch --------------===//
//
// A batch, or a micro-batch, of one row has the extent of a dimension of 1.
// Every model here is taken through the passes to local shapes, and gives the
// same loss and the same updates as before them.
//
//===----------------------------------------------------------------------===//

#include "test/frontend/Compiled.h"

using namespace mlc;
using Values = std::vector<double>;

namespace {

struct Case {
  const char *name, *parameter, *loss;
};

class BatchDimensionTest : public EvaluatingModels,
                           public testing::WithParamInterface<Case> {
protected:
  /// The loss, and the parameter after one step.
  Values step(int64_t batch, int64_t devices) {
    interpreter::ProgramRunner runner(*module, {/*f64=*/true, devices});
    interpreter::Batch rows;
    Values x;
    for (int64_t i = 0; i < 3 * batch; ++i)
      x.push_back(static_cast<double>(i * 29 % 17 - 8) / 8.0);
    rows.inputs["x"] =
        literal("tensor<" + std::to_string(batch) + "x3xf64>", x);
    auto parameter = *module->getOps<graph::ParameterOp>().begin();
    graph::Literal value(
        mlir::cast<mlir::RankedTensorType>(parameter.getTensorType()));
    for (int64_t i = 0; i < value.size(); ++i)
      value.floats[i] = static_cast<double>(i + 1) / 4;
    runner.parameters["w"] = value;
    auto result = runner.run("train", rows);
    if (failed(result))
      return {};
    Values values = runner.parameters["w"].floats;
    values.push_back(*result->loss);
    return values;
  }

  void expectSame(int64_t batch, int64_t microbatch) {
    SCOPED_TRACE("batch " + std::to_string(batch) + ", microbatch " +
                 std::to_string(microbatch));
    compile(std::string("model m {\n input x: f64[B, 3]\n param w: ") +
                GetParam().parameter + " = zeros\n loss " + GetParam().loss +
                "\n output o = x\n metric a = " + GetParam().loss +
                "\n}\ntrain {\n steps = 1\n precision = f64\n"
                " optimizer = sgd(lr = 1.0)\n}\n",
            {{"train.batch", std::to_string(batch)},
             {"train.microbatch", std::to_string(microbatch)}});
    ASSERT_TRUE(module);
    lower(buildGradPipeline);
    Values expected = step(batch, 1);
    ASSERT_FALSE(expected.empty()) << errors;
    EXPECT_NE(expected, Values(expected.size(), 0));
    lower(buildDistPipeline);
    ASSERT_FALSE(HasFatalFailure());
    lower(buildLocalPipeline);
    ASSERT_FALSE(HasFatalFailure());
    Values actual = step(batch, 1);
    ASSERT_EQ(actual.size(), expected.size()) << errors;
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(actual[i], expected[i], 1e-12) << i;
  }
};

TEST_P(BatchDimensionTest, SurvivesABatchOfOne) {
  for (auto [batch, microbatch] :
       {std::pair{4, 4}, {4, 2}, {4, 1}, {2, 1}, {1, 1}})
    expectSame(batch, microbatch);
}

const Case kCases[] = {
    {"RowOfOne", "f64[1, 3]", "mean(x * w)"},
    {"RowOfOneInASquare", "f64[1, 3]", "mean((x + w) ^ 2)"},
    {"VectorOfOne", "f64[1]", "mean(x[:, 0] * w)"},
    {"Column", "f64[3, 1]", "mean((x @ w)[:, 0])"},
    {"ColumnKept", "f64[3, 1]", "mean(x @ w)"},
    {"ColumnFlattened", "f64[3, 1]", "mean(reshape(x @ w, [B]) * x[:, 0])"},
    {"TransposedParameter", "f64[3, 1]", "mean(transpose(w) * x)"},
    {"BatchLast", "f64[3, 1]", "mean(transpose(w @ reshape(x[:, 0], [1, B])))"},
    {"TransposedInput", "f64[3, 1]", "mean(w * transpose(x))"},
    {"NewDimension", "f64[1, 1, 3]", "mean(x[:, None] * w)"},
    {"NewDimensionAndBack", "f64[1, 3]",
     "mean(reshape(x[:, None] * w, [B, 3]) * w)"},
    {"BatchSecond", "f64[1, 3]", "mean(x[None] * w)"},
    {"BatchSecondJoined", "f64[1, 3]",
     "mean(concat([x[None], x[None]], axis = 0) * w)"},
    {"BatchSecondReduced", "f64[1, 3]", "mean(max(x[None] * w, axis = 0))"},
    {"KeptDimensions", "f64[1, 3]",
     "mean(sum(x[None] * w, axis = 0, keepdims = true))"},
    {"Choice", "f64[1, 3]", "mean(where(x > 0, w, x))"},
    {"Maximum", "f64[1, 3]", "mean(maximum(w, x))"},
    {"EverySecond", "f64[3]", "mean((x * w)[:, ::2])"},
    {"StepPastTheEnd", "f64[3]", "mean((x * w)[:, 1::9223372036854775807])"},
    {"EverySecondOfColumns", "f64[3]", "mean((x * w)[:, None, ::2, None])"},
    {"Column2", "f64[3]", "mean((x * w)[:, 1])"},
    {"Repeated", "f64[3]", "mean((x * w)[:, None] + ones([5, 1]))"},
    {"NoBatch", "f64[3]", "sum(w ^ 2)"},
    {"NoBatchInATerm", "f64[3]", "sum(w ^ 2) + mean(x)"},
    {"Softmax", "f64[3]", "cross_entropy(x * w, i32(x[:, 0] * 0))"},
};

INSTANTIATE_TEST_SUITE_P(Models, BatchDimensionTest, testing::ValuesIn(kCases),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

void PrintTo(const Case &each, std::ostream *os) { *os << each.name; }

} // namespace
