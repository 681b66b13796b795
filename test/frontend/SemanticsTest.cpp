//===- SemanticsTest.cpp - Models that import, and models that are wrong --===//

#include "frontend/Frontend.h"
#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"

#include <fstream>
#include <map>
#include <sstream>

using namespace mlir;

namespace mlc::frontend {
namespace {

std::string slurp(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// One compilation; it owns the context of its module.
struct Compiled {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  CompileResult result;

  explicit Compiled(const CompileOptions &options)
      : result(compile(context, options)) {}

  std::map<std::string, std::string> parameters() {
    std::map<std::string, std::string> found;
    for (auto parameter : result.module->getOps<graph::ParameterOp>()) {
      llvm::raw_string_ostream stream(found[parameter.getSymName().str()]);
      stream << parameter.getTensorType();
    }
    return found;
  }
  std::string print() {
    std::string text;
    llvm::raw_string_ostream stream(text);
    result.module->print(stream);
    return text;
  }
};

CompileOptions optionsFor(const std::string &name, std::string text) {
  CompileOptions options;
  options.fileName = name;
  options.text = std::move(text);
  return options;
}

CompileOptions modelFile(const std::string &name) {
  return optionsFor(MLC_MODELS "/" + name + ".mlg",
                    slurp(MLC_MODELS "/" + name + ".mlg"));
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST(Import, DigitsHasItsParametersAndFunctions) {
  Compiled digits(modelFile("digits"));
  ASSERT_EQ(digits.result.status, CompileStatus::Ok)
      << digits.result.diagnostics;
  EXPECT_TRUE(succeeded(verify(*digits.result.module)));
  EXPECT_EQ(digits.parameters(), (std::map<std::string, std::string>{
                                     {"hidden.w", "tensor<64x64xf32>"},
                                     {"hidden.b", "tensor<64xf32>"},
                                     {"head.w", "tensor<64x10xf32>"},
                                     {"head.b", "tensor<10xf32>"}}));
  for (const char *name : {"train", "eval", "infer"})
    EXPECT_TRUE(digits.result.module->lookupSymbol<func::FuncOp>(name)) << name;
  auto train = digits.result.module->lookupSymbol<func::FuncOp>("train");
  ASSERT_TRUE(train);
  EXPECT_EQ(train.getNumResults(), 2u);
  EXPECT_TRUE(train.getResultAttr(0, graph::kLossAttr));
  std::string text = digits.print();
  for (const char *part : {"graph.softmax_cross_entropy", "graph.mask",
                           "graph.count", "limit = 10", "kind = \"adam\"",
                           "batch = 32", "last_row = 1437", "reader = \"csv\""})
    EXPECT_TRUE(contains(text, part)) << part << " in\n" << text;
}

TEST(Import, MlpHasAsManyParametersAsPyTorchs) {
  Compiled mlp(modelFile("mlp"));
  ASSERT_EQ(mlp.result.status, CompileStatus::Ok) << mlp.result.diagnostics;
  EXPECT_TRUE(succeeded(verify(*mlp.result.module)));
  int64_t count = 0;
  for (auto parameter : mlp.result.module->getOps<graph::ParameterOp>())
    count += parameter.getTensorType().getNumElements();
  EXPECT_EQ(count, 101770);
}

TEST(Import, OverridesWin) {
  CompileOptions options = modelFile("mlp");
  options.overrides = {{"width", "32"}, {"train.batch", "8"}};
  Compiled mlp(options);
  ASSERT_EQ(mlp.result.status, CompileStatus::Ok) << mlp.result.diagnostics;
  EXPECT_EQ(mlp.parameters()["hidden.w"], "tensor<784x32xf32>");
  EXPECT_TRUE(contains(mlp.print(), "tensor<8x28x28xui8>"));
}

TEST(Import, WrongOverrideIsAnErrorOfUsage) {
  CompileOptions options = modelFile("mlp");
  options.overrides = {{"widht", "32"}};
  Compiled mlp(options);
  EXPECT_EQ(mlp.result.status, CompileStatus::UsageError);
  EXPECT_EQ(mlp.result.codes, std::vector<std::string>{"E0519"});
  EXPECT_TRUE(contains(mlp.result.diagnostics, "`width`"))
      << mlp.result.diagnostics;
}

TEST(Import, AnElasticMeshNeedsAMicrobatch) {
  CompileOptions options = modelFile("mlp");
  options.mesh = "data=*";
  Compiled without(options);
  EXPECT_EQ(without.result.codes, std::vector<std::string>{"E0517"});
  options.overrides = {{"train.microbatch", "16"}};
  Compiled with(options);
  ASSERT_EQ(with.result.status, CompileStatus::Ok) << with.result.diagnostics;
  EXPECT_TRUE(contains(with.print(), "microbatches = 4"));
}

TEST(Import, AGroupSetsOnlyWhatItSays) {
  // The second group would thaw what the first one froze.
  CompileOptions options = modelFile("mlp");
  const std::string optimizer = "optimizer = adam(lr = 1e-3)\n";
  options.text.insert(options.text.find(optimizer) + optimizer.size(),
                      " group \"hidden.*\" { frozen = true }\n"
                      " group \"*\" { weight_decay = 0.5 }\n");
  Compiled mlp(options);
  ASSERT_EQ(mlp.result.status, CompileStatus::Ok) << mlp.result.diagnostics;
  auto train = mlp.result.module->lookupSymbol<func::FuncOp>("train");
  std::vector<std::string> paths;
  for (BlockArgument argument : graph::trainedParameters(train))
    paths.push_back(
        graph::parameterOf(train, argument.getArgNumber()).getValue().str());
  EXPECT_EQ(paths, (std::vector<std::string>{"head.w", "head.b"}));
  EXPECT_FALSE(contains(mlp.print(), "frozen = false"));
}

TEST(Import, PaddingIsSelectedAwayFromSums) {
  // 0 * NaN is NaN: a product with the mask would let padding through.
  Compiled digits(modelFile("digits"));
  ASSERT_EQ(digits.result.status, CompileStatus::Ok)
      << digits.result.diagnostics;
  auto train = digits.result.module->lookupSymbol<func::FuncOp>("train");
  ASSERT_TRUE(train);
  int reductions = 0;
  train.walk([&](graph::ReduceOp reduce) {
    ++reductions;
    EXPECT_TRUE(isa<graph::SelectOp>(reduce->getOperand(0).getDefiningOp()));
  });
  EXPECT_EQ(reductions, 2);
}

TEST(Import, ModelsBeyondThisVersionGiveOneErrorThatSaysSo) {
  struct First {
    const char *model, *construct, *place;
  };
  for (const First &first :
       {First{"grammar", "the mesh axis `model`", "grammar.mlg:34:3"},
        First{"kmeans", "the initializer `sample`", "kmeans.mlg:6:30"},
        First{"logistic", "`standardize`", "logistic.mlg:7:11"}}) {
    Compiled model(modelFile(first.model));
    EXPECT_EQ(model.result.status, CompileStatus::ModelError) << first.model;
    EXPECT_EQ(model.result.codes, std::vector<std::string>{"E0901"})
        << first.model << ": " << model.result.diagnostics;
    for (const std::string &part :
         {std::string(first.construct) + " is not supported yet",
          std::string(first.place)})
      EXPECT_TRUE(contains(model.result.diagnostics, part))
          << part << " in " << model.result.diagnostics;
  }
}

TEST(Import, ConvolutionsHaveThePathsAndShapesOfPyTorch) {
  Compiled lenet(modelFile("lenet"));
  ASSERT_EQ(lenet.result.status, CompileStatus::Ok) << lenet.result.diagnostics;
  std::string text = lenet.print();
  for (const char *part :
       {"@conv1.w : tensor<6x1x5x5xf32> init #graph.init<uniform, "
        "-2.000000e-01, 2.000000e-01>",
        "@conv1.b : tensor<6xf32> init #graph.init<uniform, "
        "-2.000000e-01, 2.000000e-01>",
        "@conv2.w : tensor<16x6x5x5xf32>", "@conv2.b : tensor<16xf32>"})
    EXPECT_TRUE(contains(text, part)) << part;
}

TEST(Import, TheSameInputGivesTheSameText) {
  EXPECT_EQ(Compiled(modelFile("mlp")).print(),
            Compiled(modelFile("mlp")).print());
}

/// A model around `body`, whose input is `x: f32[B, 8]`, and a train block.
std::string around(const std::string &body,
                   const std::string &train = "batch = 4; epochs = 1\n"
                                              "optimizer = sgd(lr = 0.1)") {
  return "model m {\n input x: f32[B, 8]\n input y: i32[B]\n" + body +
         "\n}\ndata {\n train = csv(\"a.csv\", columns = (x = 0..8, y = 8))\n"
         "}\ntrain {\n" +
         train + "\n}\n";
}
const char *const kFine = " loss cross_entropy(x |> linear(3), y)";

std::string withData(const std::string &data) {
  return std::string("model m {\n input x: f32[B, 8]\n input y: i32[B]\n") +
         kFine + "\n}\ndata {\n " + data +
         "\n}\ntrain {\n epochs = 1; optimizer = sgd(lr = 0.1)\n}\n";
}

struct Mistake {
  const char *name, *code;
  std::string text;
  std::vector<const char *> parts;
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, GiveOneErrorThatNamesThem) {
  const Mistake &mistake = GetParam();
  Compiled model(optionsFor("m.mlg", mistake.text));
  EXPECT_EQ(model.result.status, CompileStatus::ModelError);
  EXPECT_EQ(model.result.codes, std::vector<std::string>{mistake.code})
      << model.result.diagnostics;
  for (const char *part : mistake.parts)
    EXPECT_TRUE(contains(model.result.diagnostics, part))
        << part << " in\n"
        << model.result.diagnostics;
}

const Mistake kMistakes[] = {
#include "Mistakes.inc"
};

INSTANTIATE_TEST_SUITE_P(Frontend, Mistakes, ::testing::ValuesIn(kMistakes),
                         [](const ::testing::TestParamInfo<Mistake> &tested) {
                           return std::string(tested.param.name);
                         });

TEST(Mistakes, TheModelAroundThemIsRight) {
  Compiled model(optionsFor("m.mlg", around(kFine)));
  EXPECT_EQ(model.result.status, CompileStatus::Ok) << model.result.diagnostics;
}

} // namespace
} // namespace mlc::frontend
