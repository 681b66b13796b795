//===- main.cpp - mlc -----------------------------------------------------===//

#include "runtime/core/File.h"
#include "tools/mlc/Driver.h"

#include <csignal>

int main(int argc, char **argv) {
  if (!mlrt::holdStandardStreams())
    return 1;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); // the write says so
  return mlc::driver::run(argc, argv);
}
