//===- CommandLine.h - mlrun's commands and options -----------------------===//
#ifndef MLC_TOOLS_MLRUN_COMMANDLINE_H
#define MLC_TOOLS_MLRUN_COMMANDLINE_H

#include "runtime/run/Commands.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace mlrt {

/// What the command line fills.
struct CommandLine {
  RunOptions options;
  std::vector<std::string> inputs, outputs; ///< NAME=@FILE, not split yet
};

/// Adds every command and its options to `app`; `to` must outlive it.
void addCommands(CLI::App &app, CommandLine &to);

} // namespace mlrt

#endif // MLC_TOOLS_MLRUN_COMMANDLINE_H
