//===- CheckpointTest.cpp - Written whole, found damaged, two kept --------===//

#include "../data/Scratch.h"

#include "runtime/checkpoint/Checkpoint.h"

#include <cstring>
#include <set>

using namespace mlrt;
namespace fs = std::filesystem;

namespace {

class CheckpointTest : public Scratch {
protected:
  Status save(uint64_t step, float value = 1) const {
    CheckpointInfo info{step, 2, 3, UINT64_MAX, 32, 0xabcdef, "digits", "mlc"};
    NamedTensor tensor{
        "w", DType::f32, {1}, reinterpret_cast<std::byte *>(&value)};
    return writeCheckpoint(folder / "c", info, {&tensor, 1});
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto &entry : fs::directory_iterator(folder / "c"))
      found.insert(entry.path().filename().string());
    return found;
  }
  void expectBad(const fs::path &path, const std::string &part) const {
    auto opened = openCheckpoint(path);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.status().code(), StatusCode::kBadInput);
    EXPECT_NE(opened.status().message().find(part), std::string::npos)
        << opened.status().message();
  }
};

} // namespace

TEST_F(CheckpointTest, ComesBack) {
  EXPECT_FALSE(hasCheckpoint(folder / "c"));
  expectBad(folder / "c", "no checkpoint");
  ASSERT_TRUE(save(10, 4.5f).ok());
  EXPECT_TRUE(hasCheckpoint(folder / "c"));
  for (const char *path : {"c", "c/step-10", "c/latest"}) {
    auto opened = openCheckpoint(folder / path);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ(opened->info.step, 10u);
    EXPECT_EQ(opened->info.epoch, 2u);
    EXPECT_EQ(opened->info.stepInEpoch, 3u);
    EXPECT_EQ(opened->info.seed, UINT64_MAX);
    EXPECT_EQ(opened->info.batch, 32u);
    EXPECT_EQ(opened->info.modelDigest, 0xabcdefu);
    EXPECT_EQ(opened->info.model, "digits");
    float value = 0;
    std::memcpy(&value, opened->weights.find("w")->data, sizeof value);
    EXPECT_EQ(value, 4.5f);
    EXPECT_TRUE(openWeights(folder / path).ok());
  }
  EXPECT_TRUE(openWeights(folder / "c/step-10/weights.safetensors").ok());
}

TEST_F(CheckpointTest, TheLastTwoAreKept) {
  using Names = std::set<std::string>;
  ASSERT_TRUE(save(1).ok());
  ASSERT_TRUE(save(2).ok());
  fs::create_directory(folder / "c" / ".aside-step-9"); // of a killed run
  write("c/notes.txt", "mine");
  ASSERT_TRUE(save(10).ok());
  EXPECT_EQ(names(), (Names{"latest", "notes.txt", "step-2", "step-10"}));
  ASSERT_TRUE(save(10, 7).ok()); // again
  EXPECT_EQ(names(), (Names{"latest", "notes.txt", "step-2", "step-10"}));
  EXPECT_EQ(fs::read_symlink(folder / "c/latest"), "step-10");
  auto opened = openCheckpoint(folder / "c");
  ASSERT_TRUE(opened.ok());
  float value = 0;
  std::memcpy(&value, opened->weights.find("w")->data, sizeof value);
  EXPECT_EQ(value, 7.0f);
  ASSERT_TRUE(save(3).ok()); // a new run in an old folder
  EXPECT_EQ(names(), (Names{"latest", "notes.txt", "step-3", "step-10"}));
}

TEST_F(CheckpointTest, DamageIsFound) {
  ASSERT_TRUE(save(1).ok());
  std::string weights = read("c/step-1/weights.safetensors");
  std::string manifest = read("c/step-1/manifest.json");
  std::string flipped = weights;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  write("c/step-1/weights.safetensors", flipped);
  expectBad(folder / "c", "checksum");
  write("c/step-1/weights.safetensors", weights.substr(0, 40));
  EXPECT_FALSE(openCheckpoint(folder / "c").ok());
  fs::remove(folder / "c/step-1/weights.safetensors");
  expectBad(folder / "c", "weights.safetensors");
  write("c/step-1/weights.safetensors", weights);
  ASSERT_TRUE(openCheckpoint(folder / "c").ok());

  auto change = [&](const std::string &from, const std::string &to) {
    std::string text = manifest;
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    write("c/step-1/manifest.json", text.replace(at, from.size(), to));
  };
  change("\"schema_version\": 1", "\"schema_version\": 2");
  expectBad(folder / "c", "schema_version 2");
  change("\"schema_version\": 1", "\"version\": 1");
  expectBad(folder / "c", "no schema_version");
  change("\"batch\": 32", "\"batch\": -1");
  expectBad(folder / "c", "lacks a field");
  change("0000000000abcdef", "xyz");
  expectBad(folder / "c", "model_digest");
  change("\"name\": \"weights.safetensors\"", "\"name\": \"../x\"");
  expectBad(folder / "c", "list of files");
  write("c/step-1/manifest.json", manifest.substr(0, 30));
  expectBad(folder / "c", "not a JSON object");
  write("c/step-1/manifest.json", "");
  expectBad(folder / "c", "not a JSON object");
}

TEST_F(CheckpointTest, ResumeNeedsModelAndBatch) {
  CheckpointInfo saved, now;
  saved.modelDigest = now.modelDigest = 5;
  saved.batch = now.batch = 32;
  EXPECT_TRUE(checkResume(saved, now).ok());
  now.batch = 64;
  Status status = checkResume(saved, now);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("batch 32"), std::string::npos);
  now.modelDigest = 6;
  EXPECT_NE(checkResume(saved, now).message().find("another model"),
            std::string::npos);
}

TEST_F(CheckpointTest, UnwritableFolder) {
  write("c", "a file");
  Status status = save(1);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("checkpoint folder"), std::string::npos)
      << status.message();
}
