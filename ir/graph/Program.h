//===- Program.h - What a program's arguments and results are -------------===//
//
// Questions that passes ask of the attributes of docs/architecture.md,
// "Functions"; their names are in GraphDialect.h.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_GRAPH_PROGRAM_H
#define MLC_IR_GRAPH_PROGRAM_H

#include "ir/graph/GraphDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>
#include <vector>

namespace mlc::graph {

class ParameterOp;

/// An argument `tensor<Bxi64>`: which rows of the global batch its rows are.
/// Lies over the devices as the batch does.
inline constexpr llvm::StringLiteral kRowAttr = "graph.row";
/// An argument `tensor<i64>`: the seed of the run's random numbers.
inline constexpr llvm::StringLiteral kSeedAttr = "graph.seed";
/// Between autodiff and the optimizer: the gradient of a parameter.
inline constexpr llvm::StringLiteral kGradientAttr = "graph.gradient";

/// On the declaration of a running average: the parameter that it is of.
inline constexpr llvm::StringLiteral kAverageOfAttr = "graph.average_of";

/// The first argument or result with the attribute `name`.
std::optional<unsigned> findArgument(mlir::func::FuncOp function,
                                     llvm::StringRef name);
std::optional<unsigned> findResult(mlir::func::FuncOp function,
                                   llvm::StringRef name);

/// The symbol of the parameter that argument `index` is, or null.
mlir::FlatSymbolRefAttr parameterOf(mlir::func::FuncOp function,
                                    unsigned index);

/// The arguments that are trained parameters, without the frozen ones.
llvm::SmallVector<mlir::BlockArgument>
trainedParameters(mlir::func::FuncOp function);

/// Appends an argument, or what the terminator returns, with the attribute
/// `name = value`.
mlir::BlockArgument appendArgument(mlir::func::FuncOp function, mlir::Type type,
                                   llvm::StringRef name, mlir::Attribute value,
                                   mlir::Location loc);
void appendResult(mlir::func::FuncOp function, mlir::Value value,
                  llvm::StringRef name, mlir::Attribute attribute);

/// The paths of a parameter with one slice for each iteration of the `repeat`s
/// around its layer, in the order of the slices: `path` has a `*` for each of
/// these, `shape` begins with their lengths, and they count from `first` (from
/// 0 where it is empty). A path without `*` stands for itself.
std::vector<std::string> iterationPaths(llvm::StringRef path,
                                        llvm::ArrayRef<int64_t> shape,
                                        llvm::ArrayRef<int64_t> first = {});
std::vector<std::string> iterationPaths(ParameterOp parameter);
/// How many of a parameter's dimensions count iterations.
int64_t iterationDims(llvm::StringRef path);
/// Of a graph.parameter: what its iterations count from, where that is not 0.
inline constexpr llvm::StringLiteral kFirstAttr = "graph.first";

/// Whether `pattern`, in which `*` stands for any characters, dots included,
/// matches the whole of `path`.
bool matchesPattern(llvm::StringRef pattern, llvm::StringRef path);

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_PROGRAM_H
