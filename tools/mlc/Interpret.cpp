//===- Interpret.cpp - What runs without a plan ---------------------------===//

#include "tools/mlc/Interpret.h"

namespace mlc::driver {

int interpret(Compilation &, const Options &) {
  printError("--interpret is not in this build");
  return kModelError;
}

int checkGradients(Compilation &) {
  printError("--check-gradients is not in this build");
  return kModelError;
}

} // namespace mlc::driver
