//===- Files.h - Reading models and writing plans ---------------*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_FILES_H
#define MLC_TOOLS_MLC_FILES_H

#include <optional>
#include <string>
#include <string_view>

namespace mlc::driver {

/// The contents of a file, `-` for standard input. Without a result, `error`
/// says why.
std::optional<std::string> readInput(const std::string &path,
                                     std::string &error);

/// Replaces `path` with `bytes` in one step: a reader sees the old file or the
/// new one, which has the same permissions. False with `error` on failure. `-`
/// is standard output, where a reader who has seen enough is no failure;
/// `readerGone` tells of it.
bool writeOutput(const std::string &path, std::string_view bytes,
                 std::string &error, bool *readerGone = nullptr);

/// The standard layers as they lie beside an installed mlc, where a user may
/// have replaced them; none in a build tree. `error` says why layers that are
/// there cannot be read.
std::optional<std::string> installedLibrary(std::string &error);

/// Whether standard error is a terminal that may be coloured: NO_COLOR comes
/// first, then CLICOLOR_FORCE, then the terminal.
bool wantsColor();

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_FILES_H
