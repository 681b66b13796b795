//===- Ast.h - The syntax tree --------------------------------------------===//
//
// One struct per construct of the language, each with its span. Nodes own
// their children. Every struct lists its members once, in `fields`; equality,
// JSON and walking are written against that list (AstJson.cpp, AstEqual.cpp).
//
//   fields(self, visit):  visit("name", self.member)
//                         visit("name", self.member, kOptional) may be null
//
// Expressions and statements use LLVM's casts: `dyn_cast<CallExpr>(&expr)`, or
// `visit(expr, [](auto &node) { ... })`.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_AST_H
#define MLC_FRONTEND_AST_H

#include "frontend/Source.h"

#include "llvm/Support/Casting.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlc::frontend::ast {

/// Marks a child that may be null.
struct OptionalChild {};
inline constexpr OptionalChild kOptional;

/// An identifier where it stands.
struct Name {
  std::string text;
  Span span;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("text", self.text);
    v("span", self.span);
  }
};

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

#define MLC_AST_EXPRESSIONS(X)                                                 \
  X(Int)                                                                       \
  X(Float)                                                                     \
  X(String)                                                                    \
  X(Bool)                                                                      \
  X(None)                                                                      \
  X(Ellipsis)                                                                  \
  X(Wildcard)                                                                  \
  X(Name)                                                                      \
  X(Unary)                                                                     \
  X(Binary)                                                                    \
  X(Range)                                                                     \
  X(Call)                                                                      \
  X(Member)                                                                    \
  X(Index)                                                                     \
  X(Slice)                                                                     \
  X(Tuple)                                                                     \
  X(List)                                                                      \
  X(Scan)

enum class ExprKind {
#define MLC_AST_KIND(NAME) NAME,
  MLC_AST_EXPRESSIONS(MLC_AST_KIND)
#undef MLC_AST_KIND
};

struct Expr {
  const ExprKind kind;
  Span span;
  uint32_t depth = 1; ///< height of the tree under this node; bounded

  virtual ~Expr() = default;

protected:
  explicit Expr(ExprKind k) : kind(k) {}
};
using ExprPtr = std::unique_ptr<Expr>;

/// Gives a node its kind and LLVM's casts.
template <ExprKind K> struct ExprOf : Expr {
  static constexpr ExprKind kKind = K;
  ExprOf() : Expr(K) {}
  static bool classof(const Expr *expr) { return expr->kind == K; }
};

/// `42`. Not negative: a sign is a UnaryExpr.
struct IntExpr : ExprOf<ExprKind::Int> {
  std::string text; ///< as written
  int64_t value = 0;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("text", self.text);
  }
};

/// `1e-3`, `0.5`.
struct FloatExpr : ExprOf<ExprKind::Float> {
  std::string text; ///< as written
  double value = 0;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("text", self.text);
  }
};

/// `"digits.csv.gz"`; `value` has its escapes resolved.
struct StringExpr : ExprOf<ExprKind::String> {
  std::string value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("value", self.value);
  }
};

/// `true`, `false`.
struct BoolExpr : ExprOf<ExprKind::Bool> {
  bool value = false;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("value", self.value);
  }
};

/// `None`, a new dimension in an index.
struct NoneExpr : ExprOf<ExprKind::None> {
  template <class Self, class V> static void fields(Self &, V &&) {}
};

/// `...`: any leading dimensions in a type, all other dimensions in an index.
struct EllipsisExpr : ExprOf<ExprKind::Ellipsis> {
  template <class Self, class V> static void fields(Self &, V &&) {}
};

/// `*` in `h[*].w` (all of them), or `_` in `shard w = [_, model]` (no axis).
struct WildcardExpr : ExprOf<ExprKind::Wildcard> {
  bool star = false; ///< `*`, else `_`

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("star", self.star);
  }
};

struct NameExpr : ExprOf<ExprKind::Name> {
  std::string name;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
  }
};

enum class UnaryOp { Neg, Not };

/// `-x`, `not x`.
struct UnaryExpr : ExprOf<ExprKind::Unary> {
  UnaryOp op = UnaryOp::Neg;
  ExprPtr operand;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("op", self.op);
    v("operand", self.operand);
  }
};

enum class BinaryOp {
  Or,
  And, // clang-format off
  Eq, Ne, Lt, Le, Gt, Ge,
  Add, Sub,
  Mul, Div, Mod, MatMul,
  Pow, // clang-format on
};

struct BinaryExpr : ExprOf<ExprKind::Binary> {
  BinaryOp op = BinaryOp::Add;
  Span opSpan; ///< the operator alone
  ExprPtr lhs, rhs;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("op", self.op);
    v("opSpan", self.opSpan);
    v("lhs", self.lhs);
    v("rhs", self.rhs);
  }
};

/// `a..b`, half-open.
struct RangeExpr : ExprOf<ExprKind::Range> {
  ExprPtr first, last;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("first", self.first);
    v("last", self.last);
  }
};

/// One argument of a call, or one element of a tuple: `axis = -1`, `x`.
struct Argument {
  Span span; ///< name and value
  std::optional<Name> name;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("name", self.name);
    v("value", self.value);
  }
};

/// What `as` gives a call: `hidden`, `h[i]`.
struct Instance {
  Span span; ///< without `as`
  Name name;
  std::vector<ExprPtr> indices; ///< empty without brackets

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("name", self.name);
    v("indices", self.indices);
  }
};

/// `f(x, a, axis = 1) as name`, `x |> f(a)`, `x |> f`: a piped value is the
/// first of the arguments (positional).
struct CallExpr : ExprOf<ExprKind::Call> {
  Name callee;
  std::vector<Argument> arguments;
  std::optional<Instance> instance;
  bool piped = false;       ///< arguments[0] stood before `|>`
  bool parentheses = false; ///< false only in `x |> f`

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("callee", self.callee);
    v("arguments", self.arguments);
    v("instance", self.instance);
    v("piped", self.piped);
    v("parentheses", self.parentheses);
  }
};

/// `weights.w`: a step of a path into an instance, `h[3].attn.proj.w`.
struct MemberExpr : ExprOf<ExprKind::Member> {
  ExprPtr base;
  Name member;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("base", self.base);
    v("member", self.member);
  }
};

/// `x[:, None, 0]`, `h[*]`, `states[-1]`. Items: SliceExpr, NoneExpr,
/// EllipsisExpr, WildcardExpr(star), or any other expression. At least one.
struct IndexExpr : ExprOf<ExprKind::Index> {
  ExprPtr base;
  std::vector<ExprPtr> items;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("base", self.base);
    v("items", self.items);
  }
};

/// `start:stop:step` in an index; each part may be null.
struct SliceExpr : ExprOf<ExprKind::Slice> {
  ExprPtr start, stop, step;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("start", self.start, kOptional);
    v("stop", self.stop, kOptional);
    v("step", self.step, kOptional);
  }
};

/// `(a, b)`, `(data = 2, model = 2)`. One element without a name needs a comma:
/// `(a,)`; `(a)` is `a`, and `()` is empty.
struct TupleExpr : ExprOf<ExprKind::Tuple> {
  std::vector<Argument> elements;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("elements", self.elements);
  }
};

/// `[B, 1, 28, 28]`, `[_, model]`.
struct ListExpr : ExprOf<ExprKind::List> {
  std::vector<ExprPtr> elements;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("elements", self.elements);
  }
};

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// `f32[B, 64]`, `float[..., D]`, `f32[]` (a scalar tensor), or without
/// brackets `int`, `float`, `bool` (a hyper-parameter).
struct Type {
  Span span;
  Name element;
  bool brackets = false;
  std::vector<ExprPtr> dims; ///< EllipsisExpr stands first if at all

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("element", self.element);
    v("brackets", self.brackets);
    v("dims", self.dims);
  }
};

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

#define MLC_AST_STATEMENTS(X)                                                  \
  X(Input)                                                                     \
  X(Output)                                                                    \
  X(Loss)                                                                      \
  X(Metric)                                                                    \
  X(Let)                                                                       \
  X(Assign)                                                                    \
  X(Param)                                                                     \
  X(State)                                                                     \
  X(Update)                                                                    \
  X(OverDataset)                                                               \
  X(Repeat)                                                                    \
  X(If)                                                                        \
  X(Return)                                                                    \
  X(Yield)

enum class StmtKind {
#define MLC_AST_KIND(NAME) NAME,
  MLC_AST_STATEMENTS(MLC_AST_KIND)
#undef MLC_AST_KIND
};

struct Stmt {
  const StmtKind kind;
  Span span;

  virtual ~Stmt() = default;

protected:
  explicit Stmt(StmtKind k) : kind(k) {}
};
using StmtPtr = std::unique_ptr<Stmt>;

template <StmtKind K> struct StmtOf : Stmt {
  static constexpr StmtKind kKind = K;
  StmtOf() : Stmt(K) {}
  static bool classof(const Stmt *stmt) { return stmt->kind == K; }
};

/// `{ ... }`.
struct Block {
  Span span; ///< with the braces
  std::vector<StmtPtr> statements;
  uint32_t depth = 1; ///< the largest depth of an expression or block inside

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("statements", self.statements);
  }
};

/// `input pixels: f32[B, 64]`.
struct InputStmt : StmtOf<StmtKind::Input> {
  Name name;
  Type type;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("type", self.type);
  }
};

/// `output logits` (value null), `output probability = sigmoid(z)`.
struct OutputStmt : StmtOf<StmtKind::Output> {
  Name name;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("value", self.value, kOptional);
  }
};

/// `loss cross_entropy(logits, label)`.
struct LossStmt : StmtOf<StmtKind::Loss> {
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("value", self.value);
  }
};

/// `metric accuracy = accuracy(logits, label)`.
struct MetricStmt : StmtOf<StmtKind::Metric> {
  Name name;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("value", self.value);
  }
};

/// `let x = e`, `let (q, k, v) = e`.
struct LetStmt : StmtOf<StmtKind::Let> {
  bool tuple = false; ///< names stood in parentheses
  std::vector<Name> names;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("tuple", self.tuple);
    v("names", self.names);
    v("value", self.value);
  }
};

/// `x = e`, `(h, c) = e`: a new value for an outer `let` or a carry.
struct AssignStmt : StmtOf<StmtKind::Assign> {
  bool tuple = false;
  std::vector<Name> names;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("tuple", self.tuple);
    v("names", self.names);
    v("value", self.value);
  }
};

/// `param w: float[In, Out] = glorot_uniform`; the initializer is a NameExpr or
/// a CallExpr, null if absent.
struct ParamStmt : StmtOf<StmtKind::Param> {
  Name name;
  Type type;
  ExprPtr init;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("type", self.type);
    v("init", self.init, kOptional);
  }
};

/// `state centre: f32[K, 64] = sample(x)`.
struct StateStmt : StmtOf<StmtKind::State> {
  Name name;
  Type type;
  ExprPtr init;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("type", self.type);
    v("init", self.init, kOptional);
  }
};

/// `update centre = e`.
struct UpdateStmt : StmtOf<StmtKind::Update> {
  Name name;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("value", self.value);
  }
};

/// `over dataset { ... }`.
struct OverDatasetStmt : StmtOf<StmtKind::OverDataset> {
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("body", self.body);
  }
};

/// `repeat i in 0..depth remat { ... }`.
struct RepeatStmt : StmtOf<StmtKind::Repeat> {
  Name variable;
  ExprPtr range; ///< any expression; the checker wants a RangeExpr
  bool remat = false;
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("variable", self.variable);
    v("range", self.range);
    v("remat", self.remat);
    v("body", self.body);
  }
};

/// `if c { ... } else { ... }`, decided at compile time. `else if` is an else
/// block that holds one IfStmt, with `elseIf` set.
struct IfStmt : StmtOf<StmtKind::If> {
  ExprPtr condition;
  Block then;
  std::optional<Block> otherwise;
  bool elseIf = false; ///< `otherwise` was written as `else if`

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("condition", self.condition);
    v("then", self.then);
    v("otherwise", self.otherwise);
    v("elseIf", self.elseIf);
  }
};

/// `return e`, in a layer or its gradient; several values are a TupleExpr.
struct ReturnStmt : StmtOf<StmtKind::Return> {
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("value", self.value);
  }
};

/// `yield h`, in a scan.
struct YieldStmt : StmtOf<StmtKind::Yield> {
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("value", self.value);
  }
};

/// One carried value of a scan: `h = zeros([B, hidden])`.
struct Carry {
  Name name;
  ExprPtr init;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("init", self.init);
  }
};

/// `scan xt in x carry (h = ...) { ... yield h }`, or
/// `scan (a, b) in (x, y) ...`: over the leading dimension of each.
struct ScanExpr : ExprOf<ExprKind::Scan> {
  bool tuple = false; ///< variables stood in parentheses
  std::vector<Name> variables;
  ExprPtr source;
  std::vector<Carry> carries;
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("tuple", self.tuple);
    v("variables", self.variables);
    v("source", self.source);
    v("carries", self.carries);
    v("body", self.body);
  }
};

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

#define MLC_AST_DECLARATIONS(X)                                                \
  X(Import)                                                                    \
  X(Layer)                                                                     \
  X(Model)                                                                     \
  X(Data)                                                                      \
  X(Train)                                                                     \
  X(Parallel)

enum class DeclKind {
#define MLC_AST_KIND(NAME) NAME,
  MLC_AST_DECLARATIONS(MLC_AST_KIND)
#undef MLC_AST_KIND
};

struct Decl {
  const DeclKind kind;
  Span span;

  virtual ~Decl() = default;

protected:
  explicit Decl(DeclKind k) : kind(k) {}
};
using DeclPtr = std::unique_ptr<Decl>;

template <DeclKind K> struct DeclOf : Decl {
  static constexpr DeclKind kKind = K;
  DeclOf() : Decl(K) {}
  static bool classof(const Decl *decl) { return decl->kind == K; }
};

/// `import "blocks.mlg"`; the path is relative to this file's folder.
struct ImportDecl : DeclOf<DeclKind::Import> {
  std::string path;
  Span pathSpan;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("path", self.path);
    v("pathSpan", self.pathSpan);
  }
};

/// `x: float[..., D]`, `hard: bool = true`: a tensor or a hyper-parameter.
struct Parameter {
  Span span;
  Name name;
  Type type;
  ExprPtr init; ///< the default; null if there is none

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("name", self.name);
    v("type", self.type);
    v("init", self.init, kOptional);
  }
};

/// `gradient(dy) { return dy }`: cotangents of the results in, cotangents of
/// the layer's tensor parameters out.
struct Gradient {
  Span span;
  std::vector<Name> cotangents;
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("cotangents", self.cotangents);
    v("body", self.body);
  }
};

/// `layer f(x: float[..., D]) -> float[..., D] { ... } gradient(dy) { ... }`.
struct LayerDecl : DeclOf<DeclKind::Layer> {
  Name name;
  std::vector<Parameter> parameters;
  bool tupleResult = false;  ///< results stood in parentheses
  std::vector<Type> results; ///< at least one
  Block body;
  std::optional<Gradient> gradient;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("parameters", self.parameters);
    v("tupleResult", self.tupleResult);
    v("results", self.results);
    v("body", self.body);
    v("gradient", self.gradient);
  }
};

/// `model gpt(depth: int = 4) { ... }`.
struct ModelDecl : DeclOf<DeclKind::Model> {
  Name name;
  std::vector<Parameter> parameters; ///< hyper-parameters; empty without `()`
  Block body;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("name", self.name);
    v("parameters", self.parameters);
    v("body", self.body);
  }
};

/// `epochs = 5` in a block.
struct Setting {
  Span span;
  Name name;
  ExprPtr value;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("name", self.name);
    v("value", self.value);
  }
};

/// `data { train = csv(...) }`: one setting per split.
struct DataDecl : DeclOf<DeclKind::Data> {
  std::vector<Setting> splits;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("splits", self.splits);
  }
};

/// `group "*.b" { weight_decay = 0 }`.
struct Group {
  Span span;
  std::string pattern;
  Span patternSpan;
  std::vector<Setting> settings;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("pattern", self.pattern);
    v("patternSpan", self.patternSpan);
    v("settings", self.settings);
  }
};

/// `train { steps = 1 ... group "..." { ... } }`.
struct TrainDecl : DeclOf<DeclKind::Train> {
  std::vector<Setting> settings;
  std::vector<Group> groups;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("settings", self.settings);
    v("groups", self.groups);
  }
};

/// `shard h[*].w = [_, model]`.
struct Shard {
  Span span;
  ExprPtr path; ///< NameExpr, MemberExpr and IndexExpr only
  ExprPtr axes; ///< ListExpr of NameExpr and WildcardExpr
  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("path", self.path);
    v("axes", self.axes);
  }
};

/// `pipeline { stages = 2; cut = [h[1]]; schedule = one_f_one_b }`.
struct Pipeline {
  Span span;
  std::vector<Setting> settings;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("settings", self.settings);
  }
};

/// `parallel { mesh = (data = 2) ... }`.
struct ParallelDecl : DeclOf<DeclKind::Parallel> {
  std::vector<Setting> settings; ///< mesh, zero
  std::vector<Shard> shards;
  std::optional<Pipeline> pipeline;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("settings", self.settings);
    v("shards", self.shards);
    v("pipeline", self.pipeline);
  }
};

/// A comment, for the printer: `text` with its slashes, without the line's end.
struct Comment {
  Span span;
  std::string text;

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("span", self.span);
    v("text", self.text);
  }
};

/// One source file. At most one model, data, train and parallel block: the
/// parser sees to it.
struct File {
  FileId id = kNoFile;
  std::vector<DeclPtr> declarations; ///< in source order
  std::vector<Comment> comments;

  /// The declaration of type `D`; null if there is none.
  template <class D> const D *find() const {
    for (const DeclPtr &decl : declarations)
      if (const auto *found = llvm::dyn_cast<D>(decl.get()))
        return found;
    return nullptr;
  }
  /// All declarations of type `D`, in order.
  template <class D> std::vector<const D *> all() const {
    std::vector<const D *> found;
    for (const DeclPtr &decl : declarations)
      if (const auto *each = llvm::dyn_cast<D>(decl.get()))
        found.push_back(each);
    return found;
  }

  template <class Self, class V> static void fields(Self &self, V &&v) {
    v("declarations", self.declarations);
    v("comments", self.comments);
  }
};

/// A file and everything it imports, each file once. files[0] is the one that
/// was asked for; an imported file stands before the files that it imports.
struct Program {
  std::vector<File> files;
};

//===----------------------------------------------------------------------===//
// Visiting
//===----------------------------------------------------------------------===//

template <class T, class U>
using SameConst = std::conditional_t<std::is_const_v<U>, const T, T>;

/// Calls `f` with `expr` as its own type.
template <class E, class F>
  requires std::is_same_v<std::remove_const_t<E>, Expr>
decltype(auto) visit(E &expr, F &&f) {
  switch (expr.kind) {
#define MLC_AST_CASE(NAME)                                                     \
  case ExprKind::NAME:                                                         \
    return f(static_cast<SameConst<NAME##Expr, E> &>(expr));
    MLC_AST_EXPRESSIONS(MLC_AST_CASE)
#undef MLC_AST_CASE
  }
  __builtin_unreachable();
}

/// Calls `f` with `stmt` as its own type.
template <class S, class F>
  requires std::is_same_v<std::remove_const_t<S>, Stmt>
decltype(auto) visit(S &stmt, F &&f) {
  switch (stmt.kind) {
#define MLC_AST_CASE(NAME)                                                     \
  case StmtKind::NAME:                                                         \
    return f(static_cast<SameConst<NAME##Stmt, S> &>(stmt));
    MLC_AST_STATEMENTS(MLC_AST_CASE)
#undef MLC_AST_CASE
  }
  __builtin_unreachable();
}

/// Calls `f` with `decl` as its own type.
template <class D, class F>
  requires std::is_same_v<std::remove_const_t<D>, Decl>
decltype(auto) visit(D &decl, F &&f) {
  switch (decl.kind) {
#define MLC_AST_CASE(NAME)                                                     \
  case DeclKind::NAME:                                                         \
    return f(static_cast<SameConst<NAME##Decl, D> &>(decl));
    MLC_AST_DECLARATIONS(MLC_AST_CASE)
#undef MLC_AST_CASE
  }
  __builtin_unreachable();
}

/// The source form of an operator: "+", "or".
const char *spelling(BinaryOp op);
const char *spelling(UnaryOp op);

/// Whether two trees are the same, spans and comments aside.
bool equal(const File &a, const File &b);
bool equal(const Expr &a, const Expr &b);

} // namespace mlc::frontend::ast

#endif // MLC_FRONTEND_AST_H
