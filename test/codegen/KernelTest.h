//===- KernelTest.h - Compiled kernels against the reference --------------===//
#ifndef MLC_TEST_CODEGEN_KERNELTEST_H
#define MLC_TEST_CODEGEN_KERNELTEST_H

#include "ir/graph/Literal.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mlc::test {

struct Options {
  std::string cpu = "native";
  /// Relative to the largest magnitude of a result; for f64 at most 1e-12.
  double tolerance = 1e-5;
  bool perElement = false; ///< the tolerance is relative to each element
  int64_t intLow = 0;      ///< made-up integers are in [intLow, intLimit),
  int64_t intLimit = 100;  ///< unsigned ones in [0, intLimit)
  double floatLimit = 2;   ///< made-up floats are in (-floatLimit, floatLimit)
};

/// Compiles the one `plan.kernel` in `text`, runs it on made-up data as one
/// range of tasks, task by task backwards, and compares the two bit by bit with
/// each other and by tolerance with the reference evaluation of every op.
void checkKernel(const std::string &text, const Options &options = {});

/// The same for `plan.kernel @k` of the given signature and body.
void checkBody(const std::string &arguments, const std::string &results,
               const std::string &body, const Options &options = {});

} // namespace mlc::test

#endif // MLC_TEST_CODEGEN_KERNELTEST_H
