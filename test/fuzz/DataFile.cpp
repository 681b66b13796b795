//===- DataFile.cpp - The fuzzer's bytes as a file ------------------------===//

#include "DataFile.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace mlrt::test {

namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::error_code error;
    std::string name = fs::exists("/dev/shm", error) ? "/dev/shm" : "/tmp";
    name += "/mlc-fuzz-XXXXXX";
    if (!::mkdtemp(name.data()))
      std::abort();
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

} // namespace

fs::path dataFile(std::string_view name, const uint8_t *data, size_t size) {
  static Folder folder;
  fs::path path = folder.path / name;
  std::FILE *file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(data, 1, size, file) != size)
    std::abort();
  std::fclose(file);
  return path;
}

} // namespace mlrt::test
