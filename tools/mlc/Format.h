//===- Format.h - mlc --format ----------------------------------*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_FORMAT_H
#define MLC_TOOLS_MLC_FORMAT_H

#include "tools/mlc/Options.h"

namespace mlc::driver {

/// Prints the model in the one style, or rewrites it, or compares. A model that
/// does not parse is an error, and nothing is written. Returns an exit code.
int formatModel(const Options &options);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_FORMAT_H
