//===- GradientTest.cpp - The gradient of every op ------------------------===//
//
// Every op with a gradient, at no fewer than three shapes, against central
// differences in f64. The loss is the sum of the op's result times random
// weights, so that every element has a cotangent of its own; graph-autodiff
// makes its gradient.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/Program.h"
#include "ir/interpreter/GradientCheck.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "test/ir/Evaluating.h"
#include <cmath>
#include <random>
#include <set>

using namespace mlc;

namespace {

/// An operand: values uniform in [low, high), whole ones for integers.
struct Operand {
  std::string type;
  double low = -2, high = 2;
};

struct Case {
  std::string op;   ///< without the dialect
  std::string text; ///< what defines %r from the operands %a, %b, %c
  std::vector<Operand> operands;
  std::string result;
};

/// With extents 1, odd, and no multiple of a vector's width.
const char *const kShapes[] = {"1", "7", "3x5x1", "1x17", "2x33"};

std::string tensor(const std::string &shape, const char *element = "f32") {
  return "tensor<" + shape + "x" + element + ">";
}

void addElementwise(std::vector<Case> &cases) {
  struct Range {
    const char *op;
    double low = -2, high = 2;
  };
  for (const char *shape : kShapes) {
    std::string type = tensor(shape);
    for (Range op :
         {Range{"neg"}, Range{"abs"}, Range{"sign"}, Range{"exp"},
          Range{"log", 0.2, 3}, Range{"log1p", -0.8, 2}, Range{"sqrt", 0.2, 3},
          Range{"tanh"}, Range{"sigmoid"}, Range{"relu"}, Range{"cos", -7, 7},
          Range{"sin", -7, 7}, Range{"erf"}, Range{"expm1"},
          Range{"round", -4, 4}, Range{"floor", -4, 4}})
      cases.push_back({op.op,
                       std::string("%r = graph.") + op.op + " %a : " + type,
                       {{type, op.low, op.high}},
                       type});
    for (Range op :
         {Range{"add"}, Range{"sub"}, Range{"mul"}, Range{"div", 0.5, 2},
          Range{"div", -2, -0.5}, Range{"pow", 0.5, 2}, Range{"maximum"},
          Range{"minimum"}, Range{"mod", 0.5, 2}, Range{"mod", -2, -0.5}}) {
      std::string name = op.op;
      cases.push_back(
          {name,
           "%r = graph." + name + " %a, %b : " + type,
           {{type, name == "pow" ? 0.5 : -3, 3}, {type, op.low, op.high}},
           type});
    }
    // A whole exponent takes negative bases.
    cases.push_back({"pow",
                     "%n = graph.constant dense<3.0> : " + type +
                         "\n  %r = graph.pow %a, %n : " + type,
                     {{type}},
                     type});
    cases.push_back({"select",
                     "%r = graph.select %a, %b, %c : " + type,
                     {{tensor(shape, "i1"), 0, 2}, {type}, {type}},
                     type});
    for (const char *to : {"f64", "f16", "bf16"})
      cases.push_back(
          {"cast",
           "%r = graph.cast %a : " + type + " to " + tensor(shape, to),
           {{type}},
           tensor(shape, to)});
  }
}

void addMoves(std::vector<Case> &cases) {
  auto add = [&](const std::string &op, const std::string &how,
                 const std::string &from, const std::string &to) {
    cases.push_back({op,
                     "%r = graph." + op + " %a" + how + " : " + tensor(from) +
                         " to " + tensor(to),
                     {{tensor(from)}},
                     tensor(to)});
  };
  add("broadcast", " dims = [1]", "5", "3x5");
  add("broadcast", " dims = [0]", "7", "7x1");
  add("broadcast", " dims = [0, 2]", "1x3", "5x2x3");
  add("broadcast", " dims = [1, 2]", "1x1", "2x17x9");
  cases.push_back({"broadcast",
                   "%r = graph.broadcast %a dims = [] : tensor<f32> to "
                   "tensor<3x3xf32>",
                   {{"tensor<f32>"}},
                   "tensor<3x3xf32>"});
  add("reshape", "", "6", "2x3");
  add("reshape", "", "3x1x5", "15");
  add("reshape", "", "1", "1x1x1");
  add("reshape", "", "7x9", "3x21");
  add("reshape", " keep = [0] to [1]", "1x3x5", "1x1x15");
  add("transpose", " perm = [1, 0]", "3x5", "5x3");
  add("transpose", " perm = [2, 0, 1]", "2x3x7", "7x2x3");
  add("transpose", " perm = [0, 2, 1]", "3x1x17", "3x17x1");
  add("transpose", " perm = [3, 1, 0, 2]", "2x1x3x5", "5x1x2x3");
  add("slice", " starts = [1] limits = [6] strides = [1]", "7", "5");
  add("slice", " starts = [0] limits = [1] strides = [1]", "1", "1");
  add("slice", " starts = [1, 0] limits = [6, 3] strides = [2, 3]", "7x3",
      "3x1");
  add("slice", " starts = [0, 2] limits = [3, 17] strides = [1, 4]", "3x17",
      "3x4");
  add("slice", " starts = [2] limits = [9] strides = [3]", "9", "3");
  auto concat = [&](const std::string &dim, const std::string &a,
                    const std::string &b, const std::string &to) {
    cases.push_back({"concat",
                     "%r = graph.concat dim = " + dim + " %a, %b : (" +
                         tensor(a) + ", " + tensor(b) + ") -> " + tensor(to),
                     {{tensor(a)}, {tensor(b)}},
                     tensor(to)});
  };
  concat("0", "1", "7", "8");
  concat("1", "3x5", "3x1", "3x6");
  concat("1", "2x1x3", "2x4x3", "2x5x3");
  // One value twice: its cotangents are added.
  cases.push_back({"concat",
                   "%r = graph.concat dim = 0 %a, %b, %a : (tensor<3x5xf32>, "
                   "tensor<1x5xf32>, tensor<3x5xf32>) -> tensor<7x5xf32>",
                   {{"tensor<3x5xf32>"}, {"tensor<1x5xf32>"}},
                   "tensor<7x5xf32>"});
}

void addContractions(std::vector<Case> &cases) {
  for (const char *kind : {"sum", "max", "min"}) {
    auto reduce = [&](const std::string &from, const std::string &dims,
                      const std::string &to) {
      cases.push_back({"reduce",
                       std::string("%r = graph.reduce ") + kind +
                           " %a dims = " + dims + " : " + tensor(from) +
                           " to " + to,
                       {{tensor(from)}},
                       to});
    };
    reduce("7", "[0]", "tensor<f32>");
    reduce("3x17", "[1]", "tensor<3xf32>");
    reduce("3x1x5", "[0, 2]", "tensor<1xf32>");
    reduce("2x3x9", "[1]", "tensor<2x9xf32>");
  }
  auto dot = [&](const std::string &a, const std::string &b,
                 const std::string &how, const std::string &to) {
    cases.push_back({"dot",
                     "%r = graph.dot %a, %b " + how + " : " + tensor(a) + ", " +
                         tensor(b) + " to " + to,
                     {{tensor(a)}, {tensor(b)}},
                     to});
  };
  dot("3x5", "5x7", "batch = [] x [] contract = [1] x [0]", "tensor<3x7xf32>");
  dot("1x1", "1x17", "batch = [] x [] contract = [1] x [0]",
      "tensor<1x17xf32>");
  dot("9", "9", "batch = [] x [] contract = [0] x [0]", "tensor<f32>");
  dot("5x3", "7x5", "batch = [] x [] contract = [0] x [1]", "tensor<3x7xf32>");
  dot("3", "5", "batch = [] x [] contract = [] x []", "tensor<3x5xf32>");
  dot("2x3x5", "2x5x1", "batch = [0] x [0] contract = [2] x [1]",
      "tensor<2x3x1xf32>");
  dot("5x3x2", "7x2x5", "batch = [2] x [1] contract = [0] x [2]",
      "tensor<2x3x7xf32>");
  dot("3x2x5", "5x7x3", "batch = [] x [] contract = [0, 2] x [2, 0]",
      "tensor<2x7xf32>");
  for (auto [rows, classes] :
       {std::pair{"1", "2"}, std::pair{"3", "5"}, std::pair{"7", "1"},
        std::pair{"2", "17"}, std::pair{"2x3", "5"}}) {
    std::string logits = tensor(std::string(rows) + "x" + classes);
    std::string labels = tensor(rows, "i32"), loss = tensor(rows);
    Operand label{labels, 0, std::stod(classes)};
    cases.push_back(
        {"softmax_cross_entropy",
         "%r = graph.softmax_cross_entropy %a, %b : " + logits + ", " + labels,
         {{logits}, label},
         loss});
    cases.push_back({"softmax_cross_entropy_grad",
                     "%r = graph.softmax_cross_entropy_grad %a, %b, %c : " +
                         logits + ", " + labels + ", " + loss + " to " + logits,
                     {{logits}, label, {loss}},
                     logits});
  }
  // A square, whose gradient is given; only the first input has one.
  for (const char *shape : {"1", "5", "3x17"}) {
    std::string type = tensor(shape);
    cases.push_back(
        {"custom_gradient",
         "%y = graph.mul %a, %a : " + type +
             "\n  %q = graph.custom_gradient %y of(%a, %b : " + type + ", " +
             type + ") {\n  ^bb0(%x: " + type + ", %u: " + type +
             ", %dy: " + type + "):\n    %0 = graph.add %x, %x : " + type +
             "\n    %1 = graph.mul %0, %dy : " + type +
             "\n    graph.cotangents %1 : " + type + "\n  } : " + type +
             "\n  %z = graph.mul %b, %b : " + type +
             "\n  %r = graph.add %q, %z : " + type,
         {{type}, {type}},
         type});
  }
}

void addIndexed(std::vector<Case> &cases) {
  auto add = [&](const std::string &op, const std::string &dim,
                 const std::string &from, const std::string &indices,
                 const std::string &to, int extent) {
    std::string types = tensor(from) + ", " + indices + " to " + tensor(to);
    cases.push_back(
        {op,
         "%r = graph." + op + " %a, %b dim = " + dim + " : " + types,
         {{tensor(from)}, {indices, 0, static_cast<double>(extent)}},
         tensor(to)});
  };
  add("gather", "0", "5x3", "tensor<7xi32>", "7x3", 5);
  add("gather", "1", "2x1x17", "tensor<3x2xi64>", "2x3x2x17", 1);
  add("gather", "1", "3x9", "tensor<ui8>", "3", 9);
  add("gather", "0", "4", "tensor<1xi32>", "1", 4);
  add("scatter_add", "0", "7x3", "tensor<7xi32>", "5x3", 5);
  add("scatter_add", "1", "2x3x2x17", "tensor<3x2xi64>", "2x1x17", 1);
  add("scatter_add", "1", "3", "tensor<ui8>", "3x9", 9);
  add("scatter_add", "0", "1", "tensor<1xi32>", "4", 4);
}

/// Grouped heads, causal or not, with either mask; lengths that differ. The
/// cotangents of all results are other numbers.
void addAttention(std::vector<Case> &cases) {
  struct Shape {
    int batch, heads, keyHeads, queries, keys, depth, width;
    std::string mask;
  };
  auto type = [](std::initializer_list<int> shape) {
    std::string text;
    for (int extent : shape)
      text += (text.empty() ? "" : "x") + std::to_string(extent);
    return tensor(text);
  };
  for (const Shape &s : {Shape{1, 1, 1, 1, 1, 1, 1, ""},
                         Shape{2, 3, 3, 5, 7, 3, 2, "2x3x5x7xi1"},
                         Shape{1, 4, 2, 3, 5, 2, 3, "1x1x3x5xf32"},
                         Shape{2, 6, 2, 7, 3, 1, 5, "2x1x1x3xf32"},
                         Shape{1, 2, 1, 3, 3, 3, 3, "1x2x1x3xf32"}})
    for (bool causal : {false, true}) {
      std::string q = type({s.batch, s.heads, s.queries, s.depth});
      std::string k = type({s.batch, s.keyHeads, s.keys, s.depth});
      std::string v = type({s.batch, s.keyHeads, s.keys, s.width});
      std::string o = type({s.batch, s.heads, s.queries, s.width});
      std::string l = type({s.batch, s.heads, s.queries});
      std::string column = type({s.batch, s.heads, s.queries, 1});
      std::string all = type({s.batch, s.heads, s.queries, s.width + 1});
      Operand mask{"tensor<" + s.mask + ">", 0, 2};
      auto how = [&](const char *name) {
        return (s.mask.empty()
                    ? std::string()
                    : std::string(" mask ") + name + " : " + mask.type) +
               (causal ? " causal" : "") + " scale = 0.7 : ";
      };
      Case forward{"attention",
                   "%o, %l = graph.attention %a, %b, %c" + how("%d") + q +
                       ", " + k + ", " + v + " to " + o + ", " + l +
                       "\n  %m = graph.reshape %l : " + l + " to " + column +
                       "\n  %r = graph.concat dim = 3 %o, %m : (" + o + ", " +
                       column + ") -> " + all,
                   {{q}, {k}, {v}},
                   all};
      if (mask.type == "tensor<2x3x5x7xi1>") {
        // Some queries attend to nothing, and have no finite logsumexp.
        forward.text = "%r, %l = graph.attention %a, %b, %c" + how("%d") + q +
                       ", " + k + ", " + v + " to " + o + ", " + l;
        forward.result = o;
      }
      auto count = [](std::initializer_list<int> shape) {
        int number = 1;
        for (int extent : shape)
          number *= extent;
        return number;
      };
      int counts[] = {count({s.batch, s.heads, s.queries, s.depth}),
                      count({s.batch, s.keyHeads, s.keys, s.depth}),
                      count({s.batch, s.keyHeads, s.keys, s.width})};
      std::string lists[] = {type({counts[0]}), type({counts[1]}),
                             type({counts[2]})};
      std::string list = type({counts[0] + counts[1] + counts[2]});
      Case backward{"attention_grad",
                    "%x, %y, %z = graph.attention_grad %a, %b, %c, %d, %e, %f" +
                        how("%g") + q + ", " + k + ", " + v + ", " + l + ", " +
                        o + ", " + l + " to " + q + ", " + k + ", " + v +
                        "\n  %i = graph.reshape %x : " + q + " to " + lists[0] +
                        "\n  %j = graph.reshape %y : " + k + " to " + lists[1] +
                        "\n  %k = graph.reshape %z : " + v + " to " + lists[2] +
                        "\n  %r = graph.concat dim = 0 %i, %j, %k : (" +
                        lists[0] + ", " + lists[1] + ", " + lists[2] + ") -> " +
                        list,
                    {{q, -1, 1}, {k, -1, 1}, {v}, {l, 1, 3}, {o}, {l}},
                    list};
      if (!s.mask.empty()) {
        forward.operands.push_back(mask);
        backward.operands.push_back(mask);
      }
      cases.push_back(forward);
      cases.push_back(backward);
    }
}

void addWindows(std::vector<Case> &cases) {
  // Spatial extents of input, window and result, and how the window moves.
  struct Moves {
    const char *input, *window, *result, *how;
  };
  const Moves moves[] = {
      {"1", "1", "1",
       "strides = [1] low = [0] high = [0] dilation = [1] x [1]"},
      {"7", "3", "3",
       "strides = [2] low = [1] high = [0] dilation = [1] x [1]"},
      {"9", "2", "5",
       "strides = [2] low = [1] high = [1] dilation = [1] x [2]"},
      {"5x4", "3x2", "5x2",
       "strides = [1, 2] low = [1, 1] high = [1, 0] dilation = [1, 1] x [1, "
       "1]"},
      {"3x17", "1x3", "2x15",
       "strides = [2, 1] low = [0, 0] high = [0, 0] dilation = [1, 1] x [1, "
       "1]"},
  };
  struct Channels {
    const char *in, *out, *ofGroup, *toGroup, *groups;
  };
  for (const Moves &m : moves) {
    auto of = [](const std::string &channels, const char *rest) {
      return tensor("2x" + channels + "x" + rest);
    };
    for (const Channels &c :
         {Channels{"1", "1", "1", "1", "1"}, Channels{"3", "2", "3", "2", "1"},
          Channels{"4", "6", "2", "3", "2"}}) {
      std::string x = of(c.in, m.input), y = of(c.out, m.result);
      auto kernel = [&](const std::string &a, const std::string &b) {
        return tensor(a + "x" + b + "x" + m.window);
      };
      std::string w = kernel(c.out, c.ofGroup), groups = c.groups;
      std::string how = std::string(" ") + m.how + " groups = " + groups;
      cases.push_back(
          {"conv",
           "%r = graph.conv %a, %b" + how + " : " + x + ", " + w + " to " + y,
           {{x}, {w}},
           y});
      std::string back = kernel(c.in, c.toGroup);
      cases.push_back({"conv",
                       "%r = graph.conv %a, %b" + how + " transposed : " + x +
                           ", " + back + " to " + y,
                       {{x}, {back}},
                       y});
      cases.push_back({"conv_kernel_grad",
                       "%r = graph.conv_kernel_grad %a, %b" + how + " : " + x +
                           ", " + y + " to " + w,
                       {{x}, {y}},
                       w});
    }
    std::string x = of("3", m.input), y = of("3", m.result), window = m.window;
    std::replace(window.begin(), window.end(), 'x', ',');
    std::string how = " window = [" + window + "] " + m.how + " : " + x;
    cases.push_back(
        {"sum_pool", "%r = graph.sum_pool %a" + how + " to " + y, {{x}}, y});
    cases.push_back({"max_pool",
                     "%r = graph.max_pool %a, %a" + how + ", " + x + " to " + y,
                     {{x}},
                     y});
    cases.push_back({"max_pool_grad",
                     "%k = graph.constant dense<0.5> : " + x +
                         "\n  %r = graph.max_pool_grad %k, %a" + how + ", " +
                         y + " to " + x,
                     {{y}},
                     x});
  }
  // A sum whose elements lie apart: the gradient of one with strides.
  std::string x = "tensor<2x3x4xf32>", y = "tensor<2x3x7xf32>";
  cases.push_back({"sum_pool",
                   "%r = graph.sum_pool %a window = [3] strides = [1] low = "
                   "[1] high = [1] dilation = [2] x [1] : " +
                       x + " to " + y,
                   {{x}},
                   y});
}

/// With a row that does not count, and several micro-batches.
void addBatchNorm(std::vector<Case> &cases) {
  struct Shape {
    const char *input;
    int rows, channels, blocks;
    const char *mask;
  };
  for (Shape shape : {Shape{"5x1", 5, 1, 1, "1.0, 1.0, 1.0, 1.0, 0.0"},
                      Shape{"6x3", 6, 3, 2, "1.0, 1.0, 1.0, 1.0, 1.0, 0.0"},
                      Shape{"4x2x3x1", 4, 2, 2, "1.0, 1.0, 1.0, 0.0"},
                      Shape{"3x17x1", 3, 17, 1, "1.0, 1.0, 1.0"},
                      Shape{"2x2x5", 2, 2, 2, "1.0, 0.0"}}) {
    std::string channels = std::to_string(shape.channels);
    std::string blocks = std::to_string(shape.blocks);
    std::string x = tensor(shape.input), c = tensor(channels);
    std::string mask = tensor(std::to_string(shape.rows));
    std::string statistics = tensor(blocks + "x" + channels);
    cases.push_back({"batch_norm",
                     "%mask = graph.constant dense<[" +
                         std::string(shape.mask) + "]> : " + mask +
                         "\n  %r:4 = graph.batch_norm %a scale %b shift %c "
                         "mask %mask eps = 0.125 microbatches = " +
                         blocks + " : (" + x + ", " + c + ", " + c + ", " +
                         mask + ") -> (" + x + ", " + statistics + ", " +
                         statistics + ", " + tensor(blocks) + ")",
                     {{x}, {c}, {c}},
                     x});
  }
}

const std::vector<Case> &allCases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> made;
    addElementwise(made);
    addMoves(made);
    addContractions(made);
    addIndexed(made);
    addAttention(made);

    addWindows(made);
    addBatchNorm(made);
    return made;
  }();
  return cases;
}

std::vector<std::string> allOps() {
  std::set<std::string> names;
  for (const Case &each : allCases())
    names.insert(each.op);
  return {names.begin(), names.end()};
}

class GradientTest : public Evaluating,
                     public testing::WithParamInterface<std::string> {
protected:
  bool isFloat(const std::string &type) {
    return mlir::isa<mlir::FloatType>(
        mlir::getElementTypeOrSelf(mlir::parseType(type, &context)));
  }

  /// A program whose float operands are parameters, with its gradients.
  std::string programOf(const Case &each) {
    std::string parameters, arguments;
    for (auto [index, operand] : llvm::enumerate(each.operands)) {
      std::string name(1, static_cast<char>('a' + index));
      bool real = isFloat(operand.type);
      if (real)
        parameters += "graph.parameter @" + name + " : " + operand.type +
                      " init #graph.init<zeros> role trained\n";
      arguments += "%" + name + ": " + operand.type +
                   (real ? " {graph.param = @" + name + "}" : "") + ", ";
    }
    std::string element = each.result.substr(each.result.rfind('x') + 1);
    int64_t rank = static_cast<int64_t>(
        std::count(each.result.begin(), each.result.end(), 'x'));
    if (rank == 0)
      element = each.result.substr(each.result.find('<') + 1);
    std::string dims;
    for (int64_t dim = 0; dim < rank; ++dim)
      dims += (dim ? ", " : "") + std::to_string(dim);
    return parameters + "func.func @train(" + arguments +
           "%weights: " + each.result + ") -> (tensor<" + element +
           " {graph.loss}) {\n  " + each.text + "\n  %p = graph.mul %r" +
           (each.text.find("%r:") == std::string::npos ? "" : "#0") +
           ", %weights : " + each.result +
           "\n  %s = graph.reduce sum %p dims = [" + dims +
           "] : " + each.result + " to tensor<" + element +
           "\n  return %s : tensor<" + element + "\n}\n";
  }

  graph::Literal random(const Operand &operand) {
    graph::Literal result(mlir::cast<mlir::RankedTensorType>(
        mlir::parseType(operand.type, &context)));
    std::uniform_real_distribution<double> numbers(operand.low, operand.high);
    for (double &value : result.floats)
      value = numbers(engine);
    for (int64_t &value : result.ints)
      value = static_cast<int64_t>(std::floor(numbers(engine)));
    return result;
  }

  void check(const Case &each) {
    SCOPED_TRACE(each.text);
    parse(programOf(each));
    ASSERT_TRUE(module) << programOf(each);
    mlir::PassManager manager(&context);
    buildGradientsOnlyPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module))) << errors;
    std::vector<graph::Literal> arguments;
    size_t parameters = 0;
    for (const Operand &operand : each.operands) {
      arguments.push_back(random(operand));
      parameters += isFloat(operand.type);
    }
    arguments.push_back(random({each.result, 0.5, 1.5}));
    auto checked = interpreter::checkGradients(
        function("train"), arguments,
        [](llvm::StringRef, int64_t) { return 0.0; }, /*maxElements=*/1000);
    ASSERT_TRUE(succeeded(checked)) << errors;
    ASSERT_EQ(checked->size(), parameters);
    for (const interpreter::CheckedGradient &one : *checked) {
      EXPECT_EQ(one.checked + one.kinks, one.type.getNumElements());
      EXPECT_GT(one.checked, one.kinks) << one.path;
      EXPECT_LE(one.error, interpreter::kTolerance)
          << one.place() << ": gradient " << one.gradient << ", difference "
          << one.difference;
    }
  }

  std::mt19937_64 engine{20};
};

TEST_P(GradientTest, IsTheDerivative) {
  std::set<std::string> shapes;
  for (const Case &each : allCases())
    if (each.op == GetParam()) {
      check(each);
      std::string shape;
      for (const Operand &operand : each.operands)
        shape += operand.type + " ";
      shapes.insert(shape);
    }
  EXPECT_GE(shapes.size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Ops, GradientTest, testing::ValuesIn(allOps()),
                         [](const auto &info) { return info.param; });

class GradientCoverageTest : public Evaluating {};

TEST_F(GradientCoverageTest, HasACaseForEveryOp) {
  std::vector<std::string> ops = allOps();
  std::set<std::string> covered(ops.begin(), ops.end());
  int found = 0;
  for (mlir::RegisteredOperationName name :
       context.getRegisteredOperationsByDialect("graph")) {
    if (!name.hasInterface<graph::GradientOpInterface>())
      continue;
    ++found;
    EXPECT_TRUE(covered.count(name.stripDialect().str()))
        << name.getStringRef().str() << " has a gradient and no case here";
  }
  EXPECT_EQ(found, static_cast<int>(ops.size()));
}

} // namespace
