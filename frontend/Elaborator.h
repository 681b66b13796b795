//===- Elaborator.h - Checks and expands one model ------------------------===//
//
// Runs a model's statements over typed nodes: every layer call is expanded with
// its dimensions and hyper-parameters as numbers. What follows a mistake or an
// unsupported construct is a poison value, which every rule lets pass.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_FRONTEND_ELABORATOR_H
#define MLC_FRONTEND_ELABORATOR_H

#include "frontend/Ast.h"
#include "frontend/Builder.h"
#include "frontend/Diagnostics.h"
#include "frontend/Model.h"

#include <map>
#include <memory>
#include <set>
#include <span>

namespace mlc::frontend {

/// What an expression is worth.
struct Value {
  enum class Kind {
    Poison,
    Tensor,
    Int,
    Float,
    Bool,
    Batch,
    Text,
    None,
    Range,
    List,
    Tuple
  };
  Kind kind = Kind::Poison;
  Node *node = nullptr;
  int64_t integer = 0;
  double number = 0;
  bool truth = false;
  std::string text;
  std::vector<Value> elements; ///< of a list or tuple; both ends of a range

  static Value tensor(Node *node);
  static Value of(int64_t integer);
  static Value of(double number);
  static Value of(bool truth);
  static Value of(const Dim &dim);
  bool is(Kind k) const { return kind == k; }
  bool isPoison() const { return kind == Kind::Poison; }
  bool isNumber() const { return kind == Kind::Int || kind == Kind::Float; }
  double asDouble() const {
    return kind == Kind::Int ? static_cast<double>(integer) : number;
  }
  std::string describe() const; ///< `f32[B, 64]`, `the number 3`
};

/// Shared by the elaborations of one model.
struct CheckContext {
  CheckContext(const SourceManager &sources, DiagnosticEngine &diagnostics,
               const ast::Program &program, const ast::Program &library)
      : sources(sources), diagnostics(diagnostics), program(program),
        library(library) {}

  const SourceManager &sources;
  DiagnosticEngine &diagnostics;
  const ast::Program &program; ///< files[0] is the user's
  const ast::Program &library;
  DType compute = DType::F32;
  CheckedModel model;
  std::set<const ast::LayerDecl *> instantiated;

  bool failed() const { return diagnostics.hasErrors(); }
  DiagnosticBuilder error(Code code, Span span, std::string message) {
    return diagnostics.error(code, span, std::move(message));
  }
  /// Remembers a construct that is not there yet; the first in the source is
  /// reported when everything else is right.
  void notYet(Span span, std::string what);
  bool hasNotYet() const { return !unsupported.empty(); }
  void reportNotYet();

private:
  Span unsupportedSpan;
  std::string unsupported;
};

/// A parameter of an instance.
struct InstanceParameter {
  Node *node = nullptr;  ///< in the innermost of the instance's loops
  Node *whole = nullptr; ///< with the dimensions of the loops
};

/// What `update` may assign to.
struct InstanceState {
  std::string path;
  TensorType type;
  Span span;
};

/// A layer call: its parameters by name and the calls inside it.
struct Instance {
  std::string path, layer; ///< a path with a `*` for each of `axes`
  Span span;
  uint32_t call = 0;        ///< index into Graph::calls
  std::vector<Loop *> axes; ///< the `repeat`s that make one in each iteration
  std::map<std::string, InstanceParameter> parameters; ///< and states
  std::map<std::string, InstanceState> states;
  std::map<std::string, std::unique_ptr<Instance>> children;
};

struct Binding {
  Value value;
  Span span;
  bool carried = false; ///< may be assigned
};

/// A loop of a body.
struct BodyLoop {
  Loop *loop = nullptr; ///< null where values are unknown
  size_t scope = 0;     ///< the first scope that is its own
  bool isRepeat = false;
  Node *index = nullptr; ///< of a `repeat`: the number of the iteration
  std::optional<Value> yielded;
};

/// The state of one body while its statements run.
struct Body {
  const ast::LayerDecl *layer = nullptr; ///< null: the model
  const ast::Program *home = nullptr;    ///< where its file is
  size_t file = 0;
  std::vector<std::map<std::string, Binding>> scopes{1};
  Instance *self = nullptr;
  std::map<std::string, int> numbering;
  bool dry = false;            ///< with poison arguments, for the names alone
  std::vector<BodyLoop> loops; ///< whose statements run now
  bool returned = false;
  Value result;
  Span resultSpan;
  const ast::Expr *resultExpr = nullptr;
};

/// One argument of a call.
struct Actual {
  Value value;
  Span span;
  bool given = false;
};

struct CallSite {
  const ast::CallExpr &call;
  Body &body;
  std::vector<Actual> args;   ///< by the order of the parameters
  std::vector<Actual> spread; ///< of a variadic parameter
};

struct BuiltinSpec;

class Elaborator {
public:
  Elaborator(CheckContext &context, Graph &graph, Mode mode)
      : context(context), build(graph), graph(graph), mode(mode) {}

  void runModel(const ast::ModelDecl &model,
                const std::map<std::string, Actual> &hyperparameters);
  /// Checks a layer that nobody calls: names and calls, without shapes.
  void runLayerDry(const ast::LayerDecl &layer, const ast::Program &home,
                   size_t file);
  /// The value of an expression of a block, where hyper-parameters are known.
  Value evalInModel(const ast::Expr &expr);
  const Instance &root() const { return *rootInstance; }
  std::vector<std::string> callableNames(const Body &body) const;

  /// The value of an expression; poison after an error.
  Value eval(const ast::Expr &expr, Body &body);

private:
  friend struct BuiltinSpec;
  // Expressions (ElaborateExprs.cpp, ElaborateOperators.cpp)
  Value evalKind(const ast::Expr &expr, Body &body);
  bool fitsMemory(const TensorType &type, Span span);
  Value evalName(const ast::NameExpr &expr, Body &body);
  Value evalUnary(const ast::UnaryExpr &expr, Body &body);
  Value evalBinary(const ast::BinaryExpr &expr, Body &body);
  Value evalMember(const ast::MemberExpr &expr, Body &body);
  Value evalIndex(const ast::IndexExpr &expr, Body &body);
  /// An instance, and the numbers of the iterations that it is of.
  struct FoundInstance {
    Instance *instance = nullptr;
    std::vector<int64_t> indices;
  };
  FoundInstance findInstance(const ast::Expr &expr, Body &body);
  FoundInstance findChild(FoundInstance in, std::string name,
                          const std::vector<Value> &indices, Span span);
  Value foldBinary(ast::BinaryOp op, const Value &a, const Value &b, Span span);
  Value matmul(Node *a, Node *b, Span span);
  std::optional<Value> foldIntegers(ast::BinaryOp op, int64_t a, int64_t b,
                                    Span span);
  Value power(Value base, Value exponent, Span span, Span baseSpan,
              Span exponentSpan);

  /// Both operands as tensors of one type and shape, or an error.
  bool unite(Value &a, Value &b, Span aSpan, Span bSpan, Span span,
             bool divides, bool boolsToo, Node *&x, Node *&y);
  bool stretch(Node *&a, Node *&b, Span aSpan, Span bSpan, Span span);
  std::optional<DType> literalType(DType other, const Value &literal, Span span,
                                   Span otherSpan);
  Node *toTensor(const Value &value, DType dtype);
  /// Does an integer type hold a number; else an error.
  bool fitsType(const Value &literal, DType dtype, Span span);
  /// A value that arithmetic takes: a tensor or a number; else an error.
  bool isOperand(const Value &value, Span span);
  Node *requireTensor(const Value &value, Span span, const char *what);
  Value finish(Node *node, Span span);

  // Calls (ElaborateCalls.cpp)
  struct Callable {
    const ast::LayerDecl *layer = nullptr;
    const ast::Program *home = nullptr;
    size_t file = 0;
    const BuiltinSpec *builtin = nullptr;
    bool known = false; ///< its name is the language's, but it isn't there yet
  };
  Callable findCallable(const std::string &name, const Body &body) const;
  Value evalCall(const ast::CallExpr &call, Body &body);
  Value callLayer(const ast::CallExpr &call, Body &body, const Callable &what);
  Value callBuiltin(const ast::CallExpr &call, Body &body,
                    const BuiltinSpec &spec);
  bool matchArguments(const ast::CallExpr &call, Body &body,
                      const std::vector<std::string> &names,
                      const std::vector<bool> &named, bool variadic,
                      CallSite &site, Span declared);
  Instance *makeInstance(const ast::CallExpr &call, Body &body);
  bool bindHyperparameter(const ast::Parameter &parameter, Actual &actual,
                          Body &inner);
  bool bindTensor(const ast::Parameter &parameter, Actual &actual, Body &inner,
                  std::vector<std::pair<const ast::Expr *, Dim>> &later,
                  std::vector<Span> &laterSpans);
  Value checkResult(const ast::LayerDecl &layer, Body &inner, Span callSpan);
  Value matchResult(const ast::Type &type, Value value, Body &inner, Span span);
  std::optional<Value> convertTo(const ast::Type &type, const Value &value,
                                 Span span);

  // Gradients (ElaborateGradients.cpp)
  /// What a layer with a gradient of its own returns, with that gradient.
  /// `body` is as it was before the layer's own statements.
  Value giveGradient(const ast::LayerDecl &layer, Body body, Value value,
                     Span callSpan);
  /// The parameters that get a cotangent, in order.
  static std::vector<const ast::Parameter *>
  differentiated(const ast::LayerDecl &layer);
  std::optional<std::vector<Node *>> openGradient(const ast::LayerDecl &layer,
                                                  Body &body);
  std::optional<std::vector<Node *>>
  makeGradient(const ast::LayerDecl &layer, Body &body,
               const std::vector<Node *> &results, Span callSpan);
  bool checkGradientHead(const ast::LayerDecl &layer);
  bool runGradient(const ast::LayerDecl &layer, Body &body, Span callSpan);
  Node *matchCotangent(const ast::Parameter &parameter, const TensorType &want,
                       Value value, Span span);
  std::vector<Node *> matchCotangents(const ast::LayerDecl &layer,
                                      const Body &body,
                                      const std::vector<Node *> &parameters,
                                      std::span<Node *const> cotangentsIn);
  bool mayDeclareParameter(const ast::Name &name, const Body &body);

  // Shapes (ElaborateShapes.cpp)
  std::optional<Dim> evalDim(const ast::Expr &expr, Body &body);
  /// `of`: a value of the type, from which a dimension `_` is taken.
  std::optional<TensorType> evalType(const ast::Type &type, Body &body,
                                     const Value *of = nullptr);
  std::optional<Shape> toShape(const Value &value, Span span);
  /// Or an error: what would mix examples has the batch twice.
  bool hasOneBatch(const Shape &shape, Span span);
  std::optional<Dim> toDim(const Value &value, Span span);
  std::optional<std::vector<int64_t>> toAxes(const Actual &axis, int64_t rank,
                                             Span span);
  std::optional<int64_t> toInt(const Actual &actual, const char *what);

  // Statements (ElaborateStatements.cpp)
  void runBlock(const ast::Block &block, Body &body);
  void runStatement(const ast::Stmt &stmt, Body &body);
  void runLet(const ast::LetStmt &stmt, Body &body);
  void runAssign(const ast::AssignStmt &stmt, Body &body);
  void runInput(const ast::InputStmt &stmt, Body &body);
  /// A `param` or a `state`.
  struct Declaration {
    const ast::Name &name;
    const ast::Type &type;
    const ast::Expr *init;
    bool trained;
  };
  void declareParameter(const Declaration &stmt, Body &body);
  void runUpdate(const ast::UpdateStmt &stmt, Body &body);
  void runIf(const ast::IfStmt &stmt, Body &body);
  void runOutput(const ast::OutputStmt &stmt, Body &body);
  void runLoss(const ast::LossStmt &stmt, Body &body);
  void runMetric(const ast::MetricStmt &stmt, Body &body);
  bool bind(Body &body, const ast::Name &name, Value value,
            bool carried = false);
  Binding *lookup(Body &body, const std::string &name);
  std::vector<std::string> namesInScope(const Body &body) const;
  bool initialize(const Declaration &stmt, Body &body, ParameterInfo &info);

  // Loops (ElaborateLoops.cpp)
  void runRepeat(const ast::RepeatStmt &stmt, Body &body);
  Value evalScan(const ast::ScanExpr &expr, Body &body);
  void runYield(const ast::YieldStmt &stmt, Body &body);
  /// Outer values that the statements give new ones.
  std::vector<std::string> carriedNames(const ast::Block &block, Body &body);
  bool openLoop(Loop loop, const std::vector<std::string> &carried, Body &body,
                Span span);
  std::vector<Node *> closeLoop(const std::vector<std::string> &carried,
                                Body &body, Span span);
  Node *sliceParameter(Node *parameter, const Instance &instance);
  /// Of a parameter of a `repeat`, those of one iteration.
  Node *ofIterations(Node *whole, const std::vector<int64_t> &iterations,
                     Span span);

  // Builtin functions (Builtins*.cpp)
public:
  Value builtinUnary(CallSite &site);
  Value builtinBinary(CallSite &site);
  Value builtinWhere(CallSite &site);
  Value builtinReduce(CallSite &site);
  Value builtinArgReduce(CallSite &site);
  Value builtinReshape(CallSite &site);
  Value builtinTranspose(CallSite &site);
  Value builtinFlatten(CallSite &site);
  Value builtinCast(CallSite &site);
  Value builtinFill(CallSite &site);
  Value builtinFillLike(CallSite &site);
  Value builtinConcat(CallSite &site);
  Value builtinSplit(CallSite &site);
  Value builtinArange(CallSite &site);
  Value builtinCrossEntropy(CallSite &site);
  Value builtinLogSumExp(CallSite &site);
  Value builtinVariance(CallSite &site);
  Value builtinAnyAll(CallSite &site);
  Value builtinClip(CallSite &site);
  Value builtinStack(CallSite &site);
  Value builtinPad(CallSite &site);
  Value builtinEinsum(CallSite &site);
  Value builtinGather(CallSite &site);
  Value builtinScatterAdd(CallSite &site);
  Value builtinOneHot(CallSite &site);
  // BuiltinsAttention.cpp
  bool checkAttention(CallSite &site, Node *q, Node *k, Node *v);
  Node *attentionMask(CallSite &site, Node *q, Node *k);
  Value builtinAttention(CallSite &site);
  Value builtinDropout(CallSite &site);
  Value builtinRandom(CallSite &site);
  Value builtinBatchNormalize(CallSite &site);
  Value builtinSize(CallSite &site);
  Value foldBuiltin(const std::string &name, const Value &a, const Value &b,
                    Span span);
  Node *reshapeTo(Node *x, const Shape &shape, Span span);
  /// An integer tensor; else an error.
  Node *requireIndices(const Actual &actual);
  /// The extent of a dimension, not the batch; else an error.
  std::optional<int64_t> requireExtent(const Actual &actual);
  /// NumPy's take, or an error where that would mix examples.
  Node *gatherAlong(Node *x, Node *indices, int64_t axis, Span span);

  /// The arguments `x`, `axis` and `keepdims` of a reduction.
  struct Reduction {
    Node *x = nullptr;
    std::vector<int64_t> axes; ///< increasing
    bool keep = false;
    Shape kept; ///< of x, with 1 for each of the axes
  };
  /// Without `overBatch` the batch is no axis: `why` says what else to write.
  std::optional<Reduction> reductionOf(CallSite &site, bool overBatch,
                                       const char *why);
  /// `kept` has the shape `how.kept`.
  Value finishReduction(const Reduction &how, Node *kept);
  Node *reduceKept(const std::string &kind, Node *x, const Reduction &how);
  /// A bool is an error, an integer converted.
  Node *requireFloats(Node *x, const Actual &actual, const std::string &name);
  std::optional<std::vector<std::pair<int64_t, int64_t>>>
  toWidths(const Actual &widths, const TensorType &type);
  /// `letters` and `operands` are one or two, and fit.
  Value einsum(std::vector<std::string> letters, std::vector<Node *> operands,
               const std::string &output, CallSite &site);
  Value builtinConvolution(CallSite &site);
  Value builtinPool(CallSite &site);
  /// `[B, channels, ...]` of `spatial` dimensions more, 0: one or two; as
  /// floats.
  Node *requireImages(const Actual &x, const std::string &name, size_t spatial);
  /// An integer for all spatial dimensions or one for each.
  std::optional<std::vector<int64_t>> toExtents(const Actual &actual,
                                                const char *what,
                                                size_t spatial, int64_t least,
                                                int64_t otherwise);
  bool fitsWindow(const std::vector<graph::WindowDim> &window,
                  const CallSite &site);

  using Builtin = Value (Elaborator::*)(CallSite &);
  static const BuiltinSpec *findBuiltin(const std::string &name);
  static std::vector<std::string> builtinNames();
  /// How a function is called: `sum(x, [axis =], [keepdims =])`.
  static std::string signatureOf(const BuiltinSpec &spec);
  /// Functions and layers to come: calling one is E0901.
  static const std::vector<std::string> &laterCallables();
  void checkLoss();
  /// A value that is carried in parts uses no reduction over the batch
  /// nonlinearly; else an error.
  void checkLinear(const Node *root, const std::string &what);
  void checkOutputs();

private:
  CheckContext &context;
  GraphBuilder build;
  Graph &graph;
  Mode mode;
  std::unique_ptr<Instance> rootInstance = std::make_unique<Instance>();
  std::unique_ptr<Body> modelBody;
  std::vector<const ast::LayerDecl *> stack;
  /// The layer whose own gradient is run: nothing in it is differentiated.
  const ast::LayerDecl *gradientOf = nullptr;
  std::map<std::string, Node *> parameterNodes;
};

/// A function of the language. `parameters`: "x y? |axis? keepdims?": `?` may
/// be left out, after `|` only by name, `*` any number.
struct BuiltinSpec {
  const char *name;
  const char *parameters;
  Elaborator::Builtin run;
};

/// What an initializer may be called.
std::vector<std::string> initializerNames();

/// Ends `error` with the known name that `name` is like, else with all of them.
void offer(DiagnosticBuilder &error, const std::string &name,
           const std::vector<std::string> &known);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_ELABORATOR_H
