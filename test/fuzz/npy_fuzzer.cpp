//===- npy_fuzzer.cpp - Any bytes as a .npy file --------------------------===//

#include "DataFile.h"

#include "runtime/checkpoint/Npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = mlrt::NpyFile::open(mlrt::test::dataFile("x.npy", data, size));
  if (!file.ok())
    return 0;
  unsigned sum = 0;
  const mlrt::NamedTensor &tensor = file->tensor();
  for (uint64_t i = 0; i < tensor.sizeBytes(); ++i)
    sum += static_cast<unsigned>(tensor.data[i]);
  volatile unsigned keep = sum;
  (void)keep;
  return 0;
}
