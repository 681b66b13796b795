//===- Build.h - From a random graph to a module ----------------*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_BUILD_H
#define MLC_TEST_RANDOM_BUILD_H

#include "ir/graph/Literal.h"
#include "ir/interpreter/ProgramRunner.h"
#include "test/random/OpTable.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlc::randomgraph {

/// Builds the op of `node`. Nothing, and no op, where it is not valid: by its
/// verifier, or because it needs more of the batch than its own rows.
std::optional<Built> buildOp(mlir::OpBuilder &builder, const Node &node,
                             llvm::ArrayRef<Built> operands, int64_t rows);

/// A module of the phase `graph` with @train and, where there are outputs,
/// @infer. Null where a node is not valid.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext &context,
                                              const Graph &graph);

/// The type of the leaf number `index`.
mlir::RankedTensorType leafType(mlir::MLIRContext &context, const Graph &graph,
                                int index);

/// The values of the leaf number `index`, of the type that it has with `rows`.
graph::Literal leafData(mlir::MLIRContext &context, const Graph &graph,
                        int index);

/// p3, s4, x5: what the leaf number `index` is called.
std::string leafName(const Graph &graph, int index);

/// What one step of the programs is given. Parameters have the values that they
/// begin with.
struct Inputs {
  interpreter::NamedLiterals parameters;
  interpreter::Batch batch;
};
Inputs makeInputs(mlir::MLIRContext &context, const Graph &graph);

/// The arguments of a program of the phases graph or grad. State of the
/// optimizer that `inputs` has not is zero.
std::vector<graph::Literal> bindArguments(mlir::func::FuncOp function,
                                          const Inputs &inputs, int64_t step);

/// The leaves that an observation needs, and the states it sets.
std::vector<int> liveLeaves(const Graph &graph);

/// The node and all that it needs, ascending.
std::vector<int> reachable(const Graph &graph, llvm::ArrayRef<int> roots);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_BUILD_H
