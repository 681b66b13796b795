//===- Shrink.h - The smallest graph that still fails -----------*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_SHRINK_H
#define MLC_TEST_RANDOM_SHRINK_H

#include "test/random/Graph.h"

#include <functional>

namespace mlc::randomgraph {

/// Makes `graph` smaller as long as `fails` holds: looks at fewer values, makes
/// leaves of ops and copies of their operands, simplifies batch and optimizer,
/// and shortens extents, until nothing of that helps any more.
Graph shrink(mlir::MLIRContext &context, Graph graph,
             const std::function<bool(const Graph &)> &fails);

/// `graph` without the nodes that no observation needs.
Graph withoutDeadNodes(const Graph &graph);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_SHRINK_H
