//===- main.cpp - mlc -----------------------------------------------------===//

#include "tools/mlc/Driver.h"

#include <csignal>

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  return mlc::driver::run(argc, argv);
}
