//===- RandomGraphTest.cpp - Is the random-graph tester a tester ----------===//
//
// Its table is complete, its graphs are varied, its bounds are bounds, and it
// finds and shrinks what is broken on purpose.
//
//===----------------------------------------------------------------------===//

#include "test/random/Bounds.h"
#include "test/random/Generate.h"
#include "test/random/Shrink.h"
#include "test/random/Tester.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gmock/gmock.h>
#include <set>

using namespace mlc;
using namespace mlc::randomgraph;

namespace {

class RandomGraphTest : public testing::Test {
protected:
  RandomGraphTest()
      : context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
  }

  /// The results of @f, whose arguments have the given values and errors.
  std::vector<Bounded> evaluate(const std::string &text,
                                std::vector<double> values,
                                std::vector<double> errors) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
    std::vector<Bounded> arguments;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      arguments.emplace_back(
          graph::Literal(llvm::cast<mlir::RankedTensorType>(type)));
      arguments.back().value.floats.assign(arguments.back().value.size(),
                                           values[i]);
      arguments.back().error.assign(arguments.back().value.size(), errors[i]);
    }
    auto results = evaluateBounded(function, std::move(arguments), 1);
    EXPECT_TRUE(succeeded(results));
    return succeeded(results) ? *results : std::vector<Bounded>{};
  }

  mlir::MLIRContext context;
};

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

TEST_F(RandomGraphTest, EveryOpHasARow) {
  std::set<std::string> known;
  for (const OpRow &row : opTable())
    EXPECT_TRUE(known.insert(row.name.str()).second) << row.name.str();
  for (const Exception &exception : exceptions())
    EXPECT_TRUE(known.insert(exception.name.str()).second);
  std::set<std::string> ops;
  for (mlir::RegisteredOperationName name :
       context.getRegisteredOperationsByDialect("graph"))
    ops.insert(name.getStringRef().str());
  EXPECT_EQ(known, ops)
      << "give a new op its row in test/random/OpTable*.cpp, as "
         "docs/extending.md says";
}

TEST_F(RandomGraphTest, GraphsAreVaried) {
  std::set<std::string> ops;
  std::set<Element> elements;
  std::set<size_t> ranks;
  bool padded = false, parted = false, shared = false;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Graph graph = generate(context, seed);
    EXPECT_GE(graph.countOps(), 5) << seed;
    EXPECT_LE(graph.countOps(), 44) << seed; // 40, and what the last one needs
    std::vector<int> uses(graph.nodes.size());
    for (const Node &node : graph.nodes) {
      ops.insert(node.op);
      for (int operand : node.operands)
        shared |= ++uses[operand] > 1;
      if (node.kind == Node::Kind::Op)
        continue;
      elements.insert(node.element);
      ranks.insert(node.shape.size());
    }
    padded |= graph.padding > 0;
    parted |= graph.microbatches > 1;
    EXPECT_TRUE(buildModule(context, graph)) << seed;
  }
  for (const OpRow &row : opTable())
    EXPECT_EQ(ops.count(row.name.str()), 1u) << row.name.str();
  EXPECT_EQ(elements.size(), size_t(kElementCount));
  EXPECT_THAT(ranks, testing::IsSupersetOf({0, 1, 2, 3}));
  EXPECT_TRUE(padded && parted && shared);
}

TEST_F(RandomGraphTest, ASeedIsAGraph) {
  EXPECT_EQ(describe(context, generate(context, 7)),
            describe(context, generate(context, 7)));
  EXPECT_NE(describe(context, generate(context, 7)),
            describe(context, generate(context, 8)));
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

TEST_F(RandomGraphTest, ASumOfFloatsIsRoundedOnce) {
  const char *text =
      R"(func.func @f(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
    %r = graph.add %a, %b : tensor<f32>
    return %r : tensor<f32>
  })";
  EXPECT_EQ(evaluate(text, {1, 2}, {0, 0})[0].error[0], 0); // 3 is exact
  double rounded = evaluate(text, {1, 0x1p-30}, {0, 0})[0].error[0];
  EXPECT_NEAR(rounded, 0x1p-24, 0x1p-50);
  EXPECT_NEAR(evaluate(text, {1, 2}, {0.25, 0.5})[0].error[0], 0.75, 1e-6);
}

TEST_F(RandomGraphTest, ASumCountsItsTerms) {
  // 100 terms of 1 with an error of 1/8 each; 101 units of 2^-24 of 100.
  double error = evaluate(R"(func.func @f(%a: tensor<100xf32>) -> tensor<f32> {
    %r = graph.reduce sum %a dims = [0] : tensor<100xf32> to tensor<f32>
    return %r : tensor<f32>
  })",
                          {1}, {0.125})[0]
                     .error[0];
  EXPECT_NEAR(error, 12.5 + 100 * 101 * 0x1p-24, 1e-9);
}

TEST_F(RandomGraphTest, ANearComparisonHasBothResults) {
  const char *text =
      R"(func.func @f(%a: tensor<f32>, %b: tensor<f32>) -> (tensor<i1>, tensor<f32>) {
    %c = graph.compare lt %a, %b : tensor<f32>
    %d = graph.add %b, %b : tensor<f32>
    %r = graph.select %c, %a, %d : tensor<f32>
    return %c, %r : tensor<i1>, tensor<f32>
  })";
  auto apart = evaluate(text, {1, 2}, {0.25, 0.25});
  EXPECT_EQ(apart[0].error[0], 0);
  EXPECT_EQ(apart[1].error[0], 0.25); // of %a alone
  auto near = evaluate(text, {1, 1.125}, {0.25, 0});
  EXPECT_EQ(near[0].error[0], 1);
  EXPECT_NEAR(near[1].error[0], 1.25, 1e-6); // 2.25 instead of 1
}

TEST_F(RandomGraphTest, APoleIsNotJudged) {
  const char *text =
      R"(func.func @f(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
    %r = graph.div %a, %b : tensor<f32>
    return %r : tensor<f32>
  })";
  EXPECT_TRUE(std::isinf(evaluate(text, {1, 0.5}, {0, 1})[0].error[0]));
  EXPECT_LT(evaluate(text, {1, 0.5}, {0, 0.1})[0].error[0], 1);
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

/// Shrinks the first graph that fails under the fault.
struct Found {
  Failure failure;
  Graph small;
};

std::optional<Found> findAndShrink(mlir::MLIRContext &context,
                                   const std::string &fault,
                                   llvm::StringRef op) {
  CheckOptions options;
  options.settings = {Setting()};
  options.gradients = false;
  options.fault = makeFault(fault);
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Graph graph = generate(context, seed);
    if (llvm::none_of(graph.nodes,
                      [&](const Node &node) { return node.op == op; }))
      continue;
    Report report = checkApart(graph, options);
    if (!report.failure)
      continue;
    auto fails = [&](const Graph &candidate) {
      Report again = checkApart(candidate, options);
      return again.failure &&
             again.failure->signature() == report.failure->signature();
    };
    return Found{*report.failure, shrink(context, graph, fails)};
  }
  return std::nullopt;
}

bool contains(const Graph &graph, llvm::StringRef op) {
  return llvm::any_of(graph.nodes,
                      [&](const Node &node) { return node.op == op; });
}

TEST_F(RandomGraphTest, AMiscompileIsFoundAndShrunk) {
  auto found = findAndShrink(context, "tanh", "graph.tanh");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->failure.kind, "value");
  EXPECT_TRUE(contains(found->small, "graph.tanh"));
  EXPECT_LE(found->small.countOps(), 3) << describe(context, found->small);
  EXPECT_EQ(found->small.rows(), 1);
}

TEST_F(RandomGraphTest, ACrashIsFoundAndShrunk) {
  auto found = findAndShrink(context, "crash", "graph.arg_reduce");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->failure.kind, "crash");
  EXPECT_TRUE(contains(found->small, "graph.arg_reduce"));
  EXPECT_EQ(found->small.countOps(), 1) << describe(context, found->small);
}

//===----------------------------------------------------------------------===//
// Graphs that failed
//===----------------------------------------------------------------------===//

/// The observed reduction of a node of the given type over two micro-batches
/// of 3 rows, the last of them padding, passes under every setting.
void expectReducesOverTheBatch(Element element) {
  Graph graph;
  graph.microbatch = 3;
  graph.microbatches = 2;
  graph.padding = 1;
  Node input;
  input.kind = Node::Kind::Input;
  input.element = element;
  input.shape = {-1, 5};
  input.draw = 3;
  graph.nodes.push_back(input);
  for (uint64_t draw = 0; draw < 6; ++draw)
    graph.observations.push_back({Observation::Kind::Metric, 0, draw, -1});
  CheckOptions options;
  options.settings = settingsOf({}, 1);
  Report report = checkApart(graph, options);
  EXPECT_FALSE(report.failure) << report.failure->message;
  EXPECT_EQ(report.plans, 6);
}

TEST_F(RandomGraphTest, EveryTypeReducesOverTheBatch) {
  for (int element = 0; element < kElementCount; ++element)
    expectReducesOverTheBatch(static_cast<Element>(element));
}

// -sin(x) near its zero.
TEST_F(RandomGraphTest, TheGradientOfANarrowCosineHasDigits) {
  Graph graph;
  Node parameter;
  parameter.kind = Node::Kind::Parameter;
  parameter.element = Element::bf16;
  parameter.shape = {16};
  parameter.draw = 1;
  Node cosine;
  cosine.op = "graph.cos";
  cosine.operands = {0};
  graph.nodes = {parameter, cosine};
  graph.observations = {{Observation::Kind::Loss, 1, 0, -1}};
  CheckOptions options;
  Report report = checkApart(graph, options);
  EXPECT_FALSE(report.failure) << report.failure->message;
  EXPECT_EQ(report.gradients, 2);
}

} // namespace
