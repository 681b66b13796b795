//===- main.cpp - mlc -----------------------------------------------------===//

#include "tools/mlc/Driver.h"

#include <csignal>
#include <fcntl.h>
#include <initializer_list>
#include <unistd.h>

int main(int argc, char **argv) {
  // A closed standard stream would be the next file that is opened.
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
      return 1;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); // the write says so
  return mlc::driver::run(argc, argv);
}
