//===- Scratch.h - A folder of its own for each test ----------------------===//
#ifndef MLC_TEST_RUNTIME_DATA_SCRATCH_H
#define MLC_TEST_RUNTIME_DATA_SCRATCH_H

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

class Scratch : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mlrun-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void write(const std::string &name, std::string_view text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  std::string read(const std::string &name) const {
    std::ifstream in(folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder;
};

#endif // MLC_TEST_RUNTIME_DATA_SCRATCH_H
