//===- SafetensorsTest.cpp - Tensors survive; damage is found -------------===//

#include "../data/Scratch.h"

#include "runtime/checkpoint/Safetensors.h"

#include <cstring>

using namespace mlrt;

namespace {

class SafetensorsTest : public Scratch {
protected:
  static std::string file(const std::string &header, size_t dataBytes) {
    uint64_t length = header.size();
    std::string text(reinterpret_cast<const char *>(&length), sizeof length);
    return text + header + std::string(dataBytes, '\1');
  }

  void expectBad(const std::string &text, const std::string &part) const {
    write("bad.safetensors", text);
    auto opened = SafetensorsFile::open(folder / "bad.safetensors");
    ASSERT_FALSE(opened.ok()) << text;
    EXPECT_EQ(opened.status().code(), StatusCode::kBadInput);
    EXPECT_NE(opened.status().message().find(part), std::string::npos)
        << opened.status().message();
    EXPECT_NE(opened.status().message().find("bad.safetensors"),
              std::string::npos);
  }
};

std::string tensor(const std::string &name, const std::string &dtype,
                   const std::string &shape, const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

} // namespace

TEST_F(SafetensorsTest, EveryTypeSurvives) {
  std::vector<NamedTensor> tensors;
  tensors.reserve(kDTypeCount + 2);
  std::vector<std::byte> bytes(64);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i);
  for (size_t d = 0; d < kDTypeCount; ++d)
    tensors.push_back({"t#" + std::to_string(d),
                       static_cast<DType>(d),
                       {2, 3},
                       bytes.data() + d});
  tensors.push_back({"scalar", DType::f64, {}, bytes.data() + 9});
  tensors.push_back({"empty", DType::f32, {0, 4}, bytes.data()});
  auto path = folder / "a.safetensors";
  ASSERT_TRUE(writeSafetensors(path, tensors, {{"key", "value"}}).ok());
  auto opened = SafetensorsFile::open(path);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ(opened->metadata().at("key"), "value");
  EXPECT_TRUE(opened->check(tensors).ok());
  EXPECT_EQ(opened->tensors().size(), tensors.size());
  for (const NamedTensor &want : tensors) {
    const NamedTensor *have = opened->find(want.name);
    ASSERT_NE(have, nullptr);
    EXPECT_EQ(std::memcmp(have->data, want.data, want.sizeBytes()), 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(have->data) % sizeOf(have->dtype),
              0u);
  }
  EXPECT_EQ(opened->find("t#"), nullptr);
  tensors.push_back(tensors[0]);
  EXPECT_FALSE(writeSafetensors(path, tensors).ok());
}

TEST_F(SafetensorsTest, NamesWhatDoesNotFit) {
  float data[6] = {};
  auto *bytes = reinterpret_cast<const std::byte *>(data);
  std::vector<NamedTensor> tensors = {{"hidden.w", DType::f32, {2, 3}, bytes},
                                      {"hidden.b", DType::f32, {3}, bytes}};
  auto path = folder / "a.safetensors";
  ASSERT_TRUE(writeSafetensors(path, tensors).ok());
  auto opened = SafetensorsFile::open(path);
  ASSERT_TRUE(opened.ok());
  auto message = [&](std::vector<NamedTensor> expected) {
    Status status = opened->check(expected);
    EXPECT_EQ(status.code(), StatusCode::kBadInput);
    return status.message();
  };
  auto has = [](const std::string &text, const char *part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(message({tensors[0]}), "tensor 'hidden.b', which the model lacks");
  EXPECT_TRUE(opened->check(std::span(tensors).first(1), true).ok());
  auto wrong = tensors;
  wrong[0].shape = {3, 2};
  has(message(wrong), "'hidden.w' as f32[2, 3], but the model has f32[3, 2]");
  wrong = tensors;
  wrong[1].dtype = DType::f64;
  has(message(wrong), "'hidden.b' as f32[3], but the model has f64[3]");
  wrong = tensors;
  wrong[1].name = "hiden.b";
  has(message(wrong), "no tensor 'hiden.b'; did you mean 'hidden.b'?");
}

TEST_F(SafetensorsTest, DamageIsFound) {
  expectBad("", "too short");
  expectBad("1234567", "too short");
  expectBad(std::string(8, '\xff'), "bytes long");
  expectBad(file("", 0), "not a JSON object");
  expectBad(file("[]", 0), "not a JSON object");
  expectBad(file("{\"a\":", 0), "not a JSON object");
  expectBad(file("{\"a\":[[[[[[[[]]]]]]]]}", 0), "not a JSON object");
  expectBad(file("{\"a\":1}", 0), "dtype, shape and data_offsets");
  auto one = [](const std::string &dtype, const std::string &shape,
                const std::string &offsets) {
    return "{" + tensor("a", dtype, shape, offsets) + "}";
  };
  expectBad(file(one("F8", "[1]", "[0,4]"), 4), "dtype 'F8'");
  expectBad(file(one("F32", "1", "[0,4]"), 4), "shape that is no list");
  expectBad(file(one("F32", "[-1]", "[0,4]"), 4), "something else than sizes");
  expectBad(file(one("F32", "[1.0]", "[0,4]"), 4), "something else than sizes");
  expectBad(file(one("F32", "[4294967296,4294967296]", "[0,0]"), 0),
            "too large");
  expectBad(file(one("F32", "[1]", "[0]"), 4), "two sizes");
  expectBad(file(one("F32", "[1]", "[4,0]"), 4), "outside the file");
  expectBad(file(one("F32", "[2]", "[0,8]"), 4), "cut off");
  expectBad(file(one("F32", "[2]", "[0,4]"), 4), "f32[2] takes 8");
  expectBad(file(one("F32", "[1]", "[4,8]"), 8), "does not follow");
  expectBad(file(one("F32", "[1]", "[0,4]"), 5), "belong to no tensor");
  std::string a = tensor("a", "F32", "[1]", "[0,4]");
  expectBad(file("{" + a + "," + a + "}", 4), "'a' twice");
  expectBad(file("{" + a + "," + tensor("b", "F32", "[1]", "[0,4]") + "}", 4),
            "does not follow");
  expectBad(file("{\"__metadata__\":{\"x\":1}}", 0), "no text");
  auto absent = SafetensorsFile::open(folder / "none");
  EXPECT_EQ(absent.status().code(), StatusCode::kBadInput);
  EXPECT_EQ(SafetensorsFile::open(folder).status().code(),
            StatusCode::kBadInput);
}
