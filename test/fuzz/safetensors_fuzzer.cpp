//===- safetensors_fuzzer.cpp - Any bytes as a safetensors file -----------===//

#include "DataFile.h"

#include "runtime/checkpoint/Safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto path = mlrt::test::dataFile("weights.safetensors", data, size);
  auto file = mlrt::SafetensorsFile::open(path);
  if (!file.ok())
    return 0;
  unsigned sum = 0;
  for (const mlrt::NamedTensor &tensor : file->tensors())
    for (uint64_t i = 0; i < tensor.sizeBytes(); ++i)
      sum += static_cast<unsigned>(tensor.data[i]);
  volatile unsigned keep = sum;
  (void)keep;
  return 0;
}
