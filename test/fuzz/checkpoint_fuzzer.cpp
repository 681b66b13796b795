//===- checkpoint_fuzzer.cpp - Any bytes as a checkpoint's manifest -------===//

#include "DataFile.h"

#include "runtime/checkpoint/Checkpoint.h"

#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // The header of a file without tensors: 8 bytes of length, "{}".
  static const uint8_t kEmpty[10] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
  mlrt::test::dataFile("weights.safetensors", kEmpty, sizeof kEmpty);
  auto manifest = mlrt::test::dataFile("manifest.json", data, size);
  auto checkpoint = mlrt::openCheckpoint(manifest.parent_path());
  if (checkpoint.ok())
    (void)mlrt::checkResume(checkpoint->info, mlrt::CheckpointInfo());
  return 0;
}
