//===- NpyTest.cpp - NumPy's array files ----------------------------------===//

#include "../data/Scratch.h"

#include "runtime/checkpoint/Npy.h"
#include "runtime/core/Float16.h"

#include <cstring>

using namespace mlrt;

namespace {

class NpyTest : public Scratch {
protected:
  static std::string file(int version, const std::string &header,
                          size_t dataBytes) {
    std::string text = "\x93NUMPY";
    text += {static_cast<char>(version), 0};
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
      text += static_cast<char>(header.size() >> (8 * i) & 0xff);
    return text + header + std::string(dataBytes, '\1');
  }
  Result<NpyFile> open(const std::string &text) const {
    write("a.npy", text);
    return NpyFile::open(folder / "a.npy");
  }
  void expectBad(const std::string &text, const std::string &part) const {
    auto opened = open(text);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.status().code(), StatusCode::kBadInput);
    EXPECT_NE(opened.status().message().find("a.npy' " + part),
              std::string::npos)
        << opened.status().message();
  }
};

std::string dict(const std::string &descr, const std::string &fortran,
                 const std::string &shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran +
         ", 'shape': " + shape + ", }   \n";
}

} // namespace

TEST_F(NpyTest, EveryTypeAndRankSurvives) {
  std::vector<std::byte> bytes(48);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i);
  const std::vector<int64_t> shapes[] = {{}, {6}, {2, 3}, {0, 3}};
  for (size_t d = 0; d < kDTypeCount; ++d)
    for (const auto &shape : shapes) {
      auto dtype = static_cast<DType>(d);
      if (dtype == DType::bf16)
        continue;
      auto path = folder / "b.npy";
      ASSERT_TRUE(writeNpy(path, dtype, shape, bytes.data()).ok());
      auto opened = NpyFile::open(path);
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      const NamedTensor &array = opened->tensor();
      EXPECT_EQ(array.dtype, dtype);
      EXPECT_EQ(array.shape, shape);
      EXPECT_EQ(std::memcmp(array.data, bytes.data(), array.sizeBytes()), 0);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data) % 64, 0u);
    }
}

TEST_F(NpyTest, Bf16IsWrittenAsF32) {
  uint16_t values[] = {floatToBf16(1.5f), floatToBf16(-3)};
  int64_t shape[] = {2};
  ASSERT_TRUE(writeNpy(folder / "b.npy", DType::bf16, shape,
                       reinterpret_cast<std::byte *>(values))
                  .ok());
  auto opened = NpyFile::open(folder / "b.npy");
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->tensor().dtype, DType::f32);
  float back[2];
  std::memcpy(back, opened->tensor().data, sizeof back);
  EXPECT_EQ(back[0], 1.5f);
  EXPECT_EQ(back[1], -3.0f);
}

TEST_F(NpyTest, EveryVersion) {
  for (int version : {1, 2, 3}) {
    auto opened = open(file(version, dict("<f4", "False", "(2, 3)"), 24));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ(opened->tensor().shape, (std::vector<int64_t>{2, 3}));
  }
  EXPECT_TRUE(open(file(1, dict("<f4", "True", "(6,)"), 24)).ok());
}

TEST_F(NpyTest, Errors) {
  expectBad("", "is not a .npy file");
  expectBad("PK\3\4 a zip file", "is not a .npy file");
  expectBad(file(4, dict("<f4", "False", "(1,)"), 4), "has .npy version 4");
  expectBad(file(1, dict("<f4", "False", "(1,)"), 4).substr(0, 30),
            "is cut off in its header");
  expectBad(file(2, "", 0).substr(0, 11), "is cut off in its header");
  expectBad(file(1, "{'descr': '<f4'}", 4), "has a damaged .npy header");
  expectBad(file(1, dict("<f4", "Maybe", "(1,)"), 4), "has a damaged");
  expectBad(file(1, dict("<f4", "False", "(-1,)"), 4), "has a damaged");
  expectBad(file(1, dict("<f4", "False", "(1"), 4), "has a damaged");
  expectBad(file(1, dict(">f4", "False", "(1,)"), 4),
            "has elements of NumPy type '>f4'");
  expectBad(file(1, dict("|O", "False", "(1,)"), 4),
            "has elements of NumPy type '|O'");
  expectBad(file(1,
                 "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': "
                 "(1,)}",
                 4),
            "has elements of NumPy type 'record'");
  expectBad(file(1, dict("<f4", "True", "(2, 3)"), 24), "is in Fortran order");
  expectBad(file(1, dict("<f4", "False", "(2, 3)"), 20),
            "has 20 bytes of elements, but f32[2, 3] takes 24");
  expectBad(file(1, dict("<f4", "False", "(4294967296, 4294967296)"), 0),
            "has a shape that is too large");
}
