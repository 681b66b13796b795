//===- text_fuzzer.cpp - Any bytes as a text or as tokens -----------------===//

#include "DataFile.h"

#include "runtime/data/Dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  mlrt::SplitSpec spec;
  spec.name = "train";
  spec.reader = data[0] & 1 ? mlrt::ReaderKind::bin : mlrt::ReaderKind::text;
  spec.file = data[0] & 2 ? "data.txt.gz" : "data.txt";
  spec.bytes = data[0] & 4;
  spec.partFirst = data[0] & 8 ? 0.5 : 0;
  spec.tokenType = static_cast<mlrt::TokenType>((data[0] >> 4) % 5);
  spec.columns.resize(2);
  spec.columns[0].input = "x";
  spec.columns[0].dtype = static_cast<mlrt::DType>(4 + data[1] % 4);
  spec.columns[0].shape = {2};
  spec.columns[0].last = 2;
  spec.columns[1].input = "y";
  spec.columns[1].dtype = mlrt::DType::i32;
  spec.columns[1].limit = data[1] >> 2;
  spec.columns[1].first = 2;
  spec.columns[1].last = 3;
  auto path = mlrt::test::dataFile(spec.file, data + 2, size - 2);
  auto opened = mlrt::Dataset::open(spec, path.parent_path(), {});
  if (opened.ok() && opened->rows() > 0)
    (void)*opened->row(1, opened->rows() - 1);
  return 0;
}
