//===- AstDepth.h - Heights of trees --------------------------------------===//
//
// Trees are walked by recursion, so that their height is bounded: the parser
// refuses what is higher, and so does the reader of JSON.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_ASTDEPTH_H
#define MLC_FRONTEND_ASTDEPTH_H

#include "frontend/Ast.h"

#include <algorithm>

namespace mlc::frontend {

/// Brackets, blocks and prefix operators inside each other.
inline constexpr unsigned kMaxNesting = 200;
/// Height of an expression's tree, which chains of operators make too.
inline constexpr unsigned kMaxDepth = 400;

/// The largest depth of the expressions and blocks among a node's fields.
struct DepthOf {
  uint32_t depth = 0;

  void operator()(const char *, const ast::ExprPtr &expr) {
    depth = std::max(depth, expr->depth);
  }
  void operator()(const char *, const ast::ExprPtr &expr, ast::OptionalChild) {
    if (expr)
      depth = std::max(depth, expr->depth);
  }
  void operator()(const char *, const ast::Block &block) {
    depth = std::max(depth, block.depth);
  }
  template <class T> void operator()(const char *, const std::optional<T> &t) {
    if (t)
      (*this)("", *t);
  }
  template <class T> void operator()(const char *, const std::vector<T> &list) {
    for (const T &item : list)
      (*this)("", item);
  }
  template <class T> void operator()(const char *, const T &node) {
    if constexpr (requires { T::fields(node, *this); })
      T::fields(node, *this);
  }
};

inline uint32_t depthOf(const ast::Stmt &stmt) {
  return ast::visit(stmt, [](const auto &node) {
    DepthOf walk;
    node.fields(node, walk);
    return walk.depth;
  });
}

inline uint32_t depthOf(const ast::Expr &expr) {
  return ast::visit(expr, [](const auto &node) {
    DepthOf walk;
    node.fields(node, walk);
    return walk.depth;
  });
}

} // namespace mlc::frontend

#endif // MLC_FRONTEND_ASTDEPTH_H
