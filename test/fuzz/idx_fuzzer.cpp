//===- idx_fuzzer.cpp - Any bytes as an IDX file, plain or packed ---------===//

#include "DataFile.h"

#include "runtime/data/Dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  mlrt::SplitSpec spec;
  spec.name = "train";
  spec.reader = mlrt::ReaderKind::idx;
  spec.firstRow = data[0] >> 6;
  spec.lastRow = data[0] & 4 ? 9 : -1;
  spec.columns.resize(1);
  spec.columns[0].input = "x";
  spec.columns[0].dtype = static_cast<mlrt::DType>(data[1] % 8);
  if (data[0] & 2)
    spec.columns[0].shape = {2, 3};
  spec.columns[0].limit = data[1] >> 4;
  spec.columns[0].file = data[0] & 1 ? "data.idx.gz" : "data.idx";
  auto path = mlrt::test::dataFile(spec.columns[0].file, data + 2, size - 2);
  auto opened = mlrt::Dataset::open(spec, path.parent_path(), {});
  if (opened.ok() && opened->rows() > 0)
    (void)*opened->row(0, opened->rows() - 1);
  return 0;
}
