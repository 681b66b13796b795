//===- csv_fuzzer.cpp - Any bytes as a CSV file, plain or packed ----------===//

#include "DataFile.h"

#include "runtime/data/Dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  mlrt::SplitSpec spec;
  spec.name = "train";
  spec.file = data[0] & 1 ? "data.csv.gz" : "data.csv";
  spec.header = data[0] & 2;
  spec.firstRow = data[0] >> 6;
  spec.lastRow = data[0] & 4 ? 9 : -1;
  spec.columns.resize(2);
  spec.columns[0].input = "x";
  spec.columns[0].dtype = static_cast<mlrt::DType>(data[1] % 8);
  spec.columns[0].shape = {2};
  spec.columns[0].last = 2;
  spec.columns[1].input = "y";
  spec.columns[1].dtype = mlrt::DType::i32;
  spec.columns[1].limit = data[1] >> 4;
  spec.columns[1].first = 2;
  spec.columns[1].last = 3;
  auto path = mlrt::test::dataFile(spec.file, data + 2, size - 2);
  auto opened = mlrt::Dataset::open(spec, path.parent_path(), {});
  if (opened.ok() && opened->rows() > 0)
    (void)*opened->row(1, opened->rows() - 1);
  return 0;
}
