//===- Ast.h - The syntax tree --------------------------------------------===//
//
// One struct per construct of the language, each with its span. Nodes own
// their children. Every struct lists its members once, in `fields`; JSON and
// equality are written against that list (AstJson.cpp, AstJsonReader.cpp).
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

#include "frontend/AstDecls.h"

namespace mlc::frontend::ast {

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
