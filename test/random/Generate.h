//===- Generate.h - Random graphs -------------------------------*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_GENERATE_H
#define MLC_TEST_RANDOM_GENERATE_H

#include "test/random/Graph.h"

namespace mlc::randomgraph {

/// A valid graph of 5 to 40 ops. Every value in it is finite, at most 10000 and
/// well conditioned: the generator evaluates each op with its bounds
/// (Bounds.h) before it keeps it. The same seed gives the same graph.
Graph generate(mlir::MLIRContext &context, uint64_t seed);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_GENERATE_H
