//===- Interpret.h - What runs without a plan -------------------*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_INTERPRET_H
#define MLC_TOOLS_MLC_INTERPRET_H

#include "tools/mlc/Compilation.h"

namespace mlc::driver {

/// Trains with the reference interpreter for the given steps and prints the
/// loss and metrics of each. Returns an exit code.
int interpret(Compilation &compilation, const Options &options);

/// Compares every gradient with central differences in f64 on made-up data.
/// Returns an exit code: 1 above 1e-6 relative.
int checkGradients(Compilation &compilation);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_INTERPRET_H
