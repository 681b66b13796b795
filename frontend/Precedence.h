//===- Precedence.h - How tightly operators bind --------------------------===//
//
// The one table of levels: the parser climbs it, the printer sets parentheses
// by it.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_PRECEDENCE_H
#define MLC_FRONTEND_PRECEDENCE_H

#include "frontend/Ast.h"

namespace mlc::frontend {

/// Loosest first: `|>`, `or`, `and`, `not`, `..`, comparisons, `+ -`,
/// `* / % @`, unary `-`, `^` (right), then calls, indices and members.
enum Level : int {
  kPipeLevel,
  kOrLevel,
  kAndLevel,
  kNotLevel,
  kRangeLevel,
  kCompareLevel,
  kAddLevel,
  kMulLevel,
  kNegLevel,
  kPowLevel,
  kPostfixLevel,
};

inline Level levelOf(ast::BinaryOp op) {
  using ast::BinaryOp;
  switch (op) {
  case BinaryOp::Or:
    return kOrLevel;
  case BinaryOp::And:
    return kAndLevel;
  case BinaryOp::Add:
  case BinaryOp::Sub:
    return kAddLevel;
  case BinaryOp::Mul:
  case BinaryOp::Div:
  case BinaryOp::Mod:
  case BinaryOp::MatMul:
    return kMulLevel;
  case BinaryOp::Pow:
    return kPowLevel;
  default:
    return kCompareLevel;
  }
}

inline Level levelOf(const ast::Expr &expr) {
  using namespace ast;
  if (const auto *binary = llvm::dyn_cast<BinaryExpr>(&expr))
    return levelOf(binary->op);
  if (const auto *unary = llvm::dyn_cast<UnaryExpr>(&expr))
    return unary->op == UnaryOp::Neg ? kNegLevel : kNotLevel;
  if (llvm::isa<RangeExpr>(&expr))
    return kRangeLevel;
  const auto *call = llvm::dyn_cast<CallExpr>(&expr);
  return call && call->piped ? kPipeLevel : kPostfixLevel;
}

} // namespace mlc::frontend

#endif // MLC_FRONTEND_PRECEDENCE_H
