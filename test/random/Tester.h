//===- Tester.h - Many graphs, each in a process of its own -----*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_TESTER_H
#define MLC_TEST_RANDOM_TESTER_H

#include "test/random/Check.h"

#include "llvm/Support/raw_ostream.h"

namespace mlc::randomgraph {

struct TesterOptions {
  uint64_t seed = 1;    ///< of the first graph; the next has the next seed
  int64_t graphs = 100; ///< at most
  double seconds = 0;   ///< begins no graph after this time; 0: no limit
  int jobs = 2;         ///< processes at a time
  /// Empty: all fusions with and without reuse, for the processors in turn.
  std::vector<Setting> settings;
  int64_t gradientsEvery = 2; ///< central differences for one graph in so many
  bool shrinks = true;
  std::string fault; ///< a deliberate miscompile: see makeFault
};

/// Settings of the graph with this seed.
std::vector<Setting> settingsOf(const TesterOptions &options, uint64_t seed);

/// "tanh" makes a sigmoid of every tanh, "crash" crashes where there is a
/// graph.arg_reduce. Empty for another name.
Fault makeFault(const std::string &name);

/// What became of a check in a process of its own. A crash or a hang is a
/// failure of the kind "crash" or "hang".
Report checkApart(const Graph &graph, const CheckOptions &options);

/// The graph as it is to be reported: module, settings, data of the leaves.
std::string describe(mlir::MLIRContext &context, const Graph &graph);

/// Tests the graphs of many seeds; reports failures, shrunk, and what was
/// covered. True when there was no failure.
bool runTester(const TesterOptions &options, llvm::raw_ostream &os);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_TESTER_H
