//===- ReadsMemory.h - Ops whose operands lie in memory ---------*- C++ -*-===//

#ifndef MLC_IR_GRAPH_READSMEMORY_H
#define MLC_IR_GRAPH_READSMEMORY_H

#include "mlir/IR/OpDefinition.h"

namespace mlc::graph {

/// The kernel of such an op reads its operands from memory, and nothing that
/// computes them is in it.
template <typename ConcreteOp>
class ReadsMemory : public mlir::OpTrait::TraitBase<ConcreteOp, ReadsMemory> {};

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_READSMEMORY_H
