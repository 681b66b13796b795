//===- AstStmts.h - Statements of the syntax tree -------------------------===//
#ifndef MLC_FRONTEND_ASTSTMTS_H
#define MLC_FRONTEND_ASTSTMTS_H

#include "frontend/AstExprs.h"

namespace mlc::frontend::ast {

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

} // namespace mlc::frontend::ast

#endif // MLC_FRONTEND_ASTSTMTS_H
