//===- Loaded.cpp - Generated code, loaded into the test ------------------===//
#include "test/codegen/Loaded.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace mlc::test {

Loaded Loaded::open(const std::string &bytes) {
  Loaded result;
  int file = memfd_create("kernels", MFD_CLOEXEC);
  if (file < 0 ||
      ::write(file, bytes.data(), bytes.size()) != ssize_t(bytes.size())) {
    result.error = "cannot write to memory file";
    return result;
  }
  std::string path = "/proc/self/fd/" + std::to_string(file);
  if (void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
    result.handle = std::shared_ptr<void>(handle, dlclose);
  else
    result.error = dlerror();
  ::close(file);
  return result;
}

mlrt::KernelFunction Loaded::find(const std::string &symbol) const {
  return reinterpret_cast<mlrt::KernelFunction>(
      dlsym(handle.get(), symbol.c_str()));
}

} // namespace mlc::test
