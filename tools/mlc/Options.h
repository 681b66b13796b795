//===- Options.h - The command line of mlc ----------------------*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_OPTIONS_H
#define MLC_TOOLS_MLC_OPTIONS_H

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlc::driver {

/// Exit codes of design.md that mlc uses.
enum ExitCode : int {
  kDone = 0,
  kModelError = 1,
  kUsageError = 2,
  kDataError = 3,
  kTargetError = 4,
  kInternalError = 70,
};

/// Phases in order; `llvm` can only be emitted.
enum class Phase {
  Ast,
  Graph,
  Grad,
  Dist,
  Local,
  Schedule,
  Kernels,
  Plan,
  Llvm
};

/// `ast graph grad ...`, by number.
const char *toString(Phase phase);

struct Options {
  std::string input; ///< a file, or `-` for standard input
  std::string output;
  std::vector<std::pair<std::string, std::string>> overrides;
  std::optional<std::string> mesh;
  std::string target = "cpu";
  std::string cpu = "native";
  std::optional<Phase> emit;
  std::optional<Phase> compileFrom;
  std::optional<long long> interpretSteps;
  std::string data;
  bool checkGradients = false;
  bool format = false;
  bool inPlace = false; ///< of --format
  bool check = false;   ///< of --format
  std::string report;   ///< memory, comm, time, all or empty
  bool json = false;
  std::string reportHtml;
  std::string explain;
  std::string explainCode;
  std::string fusion = "all";
  bool reuse = true;
  bool help = false;
  bool version = false;
};

/// Reads the arguments. Without a result, `error` says what is wrong and what
/// to write instead.
std::optional<Options> parseOptions(int argc, char **argv, std::string &error);

/// The help text, one screen.
const char *helpText();

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_OPTIONS_H
