//===- Driver.h - mlc, from the command line to the exit code ---*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_DRIVER_H
#define MLC_TOOLS_MLC_DRIVER_H

namespace mlc::driver {

/// Runs mlc; returns its exit code.
int run(int argc, char **argv);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_DRIVER_H
