//===- make_seeds.cpp - A small corpus for each fuzzer --------------------===//

#include "test/runtime/exec/SamplePlan.h"

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/checkpoint/Npy.h"
#include "runtime/checkpoint/Safetensors.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

static void write(const fs::path &path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fputs("usage: make_seeds DIR\n", stderr);
    return 2;
  }
  fs::path out = argv[1];
  std::vector<std::byte> plan = mlrt::test::pack(mlrt::test::samplePlan());
  write(out / "plan/sample.plan",
        {reinterpret_cast<const char *>(plan.data()), plan.size()});
  // The first two bytes choose reader options.
  using namespace std::string_view_literals;
  write(out / "csv/plain", "\0\x40"
                           "1,2,3\n 4.5 ,\"-6\",0\n"sv);
  write(out / "csv/header", "\2\0a,b,c\r\n1e3,0x,2\r\n"sv);
  write(out / "idx/rows", "\2\6\0\0\x08\3\0\0\0\1\0\0\0\2\0\0\0\3abcdef"sv);
  write(out / "idx/labels", "\0\4\0\0\x0d\1\0\0\0\1\x3f\x80\0\0"sv);

  write(out / "text/characters", "\0\3a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"sv);
  write(out / "text/bytes", "\4\0some text"sv);
  write(out / "text/tokens", "\x11\0\1\0\2\0\3\0\4\0"sv);

  float values[6] = {1, 2, 3, 4, 5, 6};
  fs::create_directories(out / "safetensors");
  fs::create_directories(out / "npy");
  mlrt::NamedTensor tensor;
  tensor.name = "hidden.w";
  tensor.dtype = mlrt::DType::f32;
  tensor.shape = {2, 3};
  tensor.data = reinterpret_cast<const std::byte *>(values);
  bool ok = mlrt::writeSafetensors(out / "safetensors/one", {&tensor, 1}).ok();
  ok &= mlrt::writeNpy(out / "npy/one", tensor.dtype, tensor.shape,
                       reinterpret_cast<const std::byte *>(values))
            .ok();
  ok &= mlrt::writeCheckpoint(out / "checkpoint.tmp", {}, {}).ok();
  fs::create_directories(out / "checkpoint");
  fs::copy_file(out / "checkpoint.tmp/latest/manifest.json",
                out / "checkpoint/one", fs::copy_options::overwrite_existing);
  fs::remove_all(out / "checkpoint.tmp");
  return ok ? 0 : 1;
}
