//===- AstExprs.h - Expressions and types of the syntax tree --------------===//
#ifndef MLC_FRONTEND_ASTEXPRS_H
#define MLC_FRONTEND_ASTEXPRS_H

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

/// `*` in `h[*].w` (all of them), or `_` in `shard w = [_, model]` (no axis)
/// and in the shape of a layer's result (any extent).
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

} // namespace mlc::frontend::ast

#endif // MLC_FRONTEND_ASTEXPRS_H
