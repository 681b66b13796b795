//===- Ranks.h - Run ranks over any transport, for tests ------------------===//
#ifndef MLC_TEST_RUNTIME_COMM_RANKS_H
#define MLC_TEST_RUNTIME_COMM_RANKS_H

#include "runtime/comm/Communicator.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mlrt::test {

/// How one rank of a test ended.
struct RankResult {
  StatusCode code = StatusCode::kOk;
  std::string message;
  bool died = false; ///< killed, or left without a result
};

using RankMain = std::function<Status(Communicator &)>;

/// Runs `main` in `ranks` ranks: threads, or forked processes for shm and gloo.
std::vector<RankResult> runRanks(std::string_view transport, int ranks,
                                 const RankMain &main, double timeout = 30);

} // namespace mlrt::test

#endif // MLC_TEST_RUNTIME_COMM_RANKS_H
