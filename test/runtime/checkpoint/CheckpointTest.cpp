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
  Status saveBest(uint64_t step, uint64_t bestStep) const {
    CheckpointInfo info{step, 2, 3, 1, 32, 0xabcdef, "digits", "mlc"};
    info.best = {"accuracy", false, {0.1 + 0.2, bestStep, step, 2}};
    info.stop = {"loss", true, {}};
    NamedTensor tensor{"w", DType::f32, {0}, nullptr};
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

TEST_F(CheckpointTest, TheBestIsKeptBesideTheLastTwo) {
  using Names = std::set<std::string>;
  ASSERT_TRUE(saveBest(1, 1).ok());
  for (uint64_t step : {2, 3, 4})
    ASSERT_TRUE(saveBest(step, 1).ok());
  EXPECT_EQ(names(), (Names{"best", "latest", "step-1", "step-3", "step-4"}));
  EXPECT_EQ(fs::read_symlink(folder / "c/best"), "step-1");
  EXPECT_EQ(openCheckpoint(folder / "c/best")->info.step, 1u);
  auto opened = openCheckpoint(folder / "c");
  ASSERT_TRUE(opened.ok());
  const Watch &best = opened->info.best, &stop = opened->info.stop;
  EXPECT_EQ(best.metric, "accuracy");
  EXPECT_FALSE(best.lowest);
  EXPECT_EQ(best.seen.best, 0.1 + 0.2);
  EXPECT_EQ(best.seen.bestStep, 1u);
  EXPECT_EQ(best.seen.evaluated, 4u);
  EXPECT_EQ(best.seen.since, 2u);
  EXPECT_EQ(stop.metric, "loss");
  EXPECT_TRUE(stop.lowest);
  EXPECT_EQ(stop.seen.bestStep, 0u);
  // The run ended before it pointed there.
  fs::remove(folder / "c/best");
  ASSERT_TRUE(markLatest(*opened).ok());
  EXPECT_EQ(fs::read_symlink(folder / "c/best"), "step-1");
  ASSERT_TRUE(saveBest(5, 5).ok());
  EXPECT_EQ(names(), (Names{"best", "latest", "step-4", "step-5"}));
}

TEST_F(CheckpointTest, DamageIsFound) {
  ASSERT_TRUE(save(1).ok());
  std::string weights = read("c/step-1/weights.safetensors");
  std::string manifest = read("c/step-1/manifest.json");
  std::string flipped = weights;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  write("c/step-1/weights.safetensors", flipped);
  expectBad(folder / "c", "checksum");
  // Told by the size: not as a file that is no safetensors.
  write("c/step-1/weights.safetensors", weights.substr(0, 40));
  expectBad(folder / "c", "c/step-1' is damaged: weights.safetensors has 40 "
                          "bytes, and manifest.json says " +
                              std::to_string(weights.size()) +
                              "; no other step-N folder there is intact");
  write("c/step-1/weights.safetensors", "");
  expectBad(folder / "c", "weights.safetensors has 0 bytes");
  fs::remove(folder / "c/step-1/weights.safetensors");
  expectBad(folder / "c", "weights.safetensors is missing");
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
  change("\"files\"", "\"best\": {\"metric\": \"loss\"}, \"files\"");
  expectBad(folder / "c", "wrong best or early_stop");
  change("\"files\"", "\"early_stop\": [], \"files\"");
  expectBad(folder / "c", "wrong best or early_stop");
  change("0000000000abcdef", "xyz");
  expectBad(folder / "c", "model_digest");
  change("\"name\": \"weights.safetensors\"", "\"name\": \"../x\"");
  expectBad(folder / "c", "list of files");
  write("c/step-1/manifest.json", manifest.substr(0, 30));
  expectBad(folder / "c", "not a JSON object");
  write("c/step-1/manifest.json", "");
  expectBad(folder / "c", "not a JSON object");
}

TEST_F(CheckpointTest, WithoutLatestTheNewestIntactOneIsTaken) {
  ASSERT_TRUE(save(9).ok());
  ASSERT_TRUE(save(10).ok()); // as a number above 9, as a word below
  auto expectStep = [&](uint64_t step) {
    EXPECT_TRUE(hasCheckpoint(folder / "c"));
    auto opened = openCheckpoint(folder / "c");
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ(opened->info.step, step);
    EXPECT_EQ(opened->folder, folder / "c" / ("step-" + std::to_string(step)));
  };
  fs::remove(folder / "c/latest");
  expectStep(10);
  fs::create_symlink("step-11", folder / "c/latest"); // dangles
  expectStep(10);
  std::string weights = read("c/step-10/weights.safetensors");
  write("c/step-10/weights.safetensors", weights.substr(0, 40));
  expectStep(9);

  // What was taken is latest from then on, and the next write keeps it.
  auto opened = openCheckpoint(folder / "c");
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  ASSERT_TRUE(markLatest(*opened).ok());
  EXPECT_EQ(fs::read_symlink(folder / "c/latest"), "step-9");
  ASSERT_TRUE(save(12).ok());
  EXPECT_EQ(names(), (std::set<std::string>{"latest", "step-9", "step-12"}));

  fs::remove(folder / "c/latest");
  fs::remove(folder / "c/step-9/manifest.json");
  fs::remove(folder / "c/step-12/weights.safetensors");
  EXPECT_TRUE(hasCheckpoint(folder / "c")); // not a reason to begin anew
  expectBad(folder / "c", "no intact checkpoint: step-12 is damaged: "
                          "weights.safetensors is missing; step-9 is damaged: "
                          "manifest.json is missing");
  fs::remove_all(folder / "c/step-9");
  fs::remove_all(folder / "c/step-12");
  fs::create_symlink("step-12", folder / "c/latest");
  EXPECT_FALSE(hasCheckpoint(folder / "c"));
}

TEST_F(CheckpointTest, ANewerFormatIsNotPassedOver) {
  ASSERT_TRUE(save(1).ok());
  ASSERT_TRUE(save(2).ok());
  fs::remove(folder / "c/latest");
  std::string manifest = read("c/step-2/manifest.json");
  std::string version = "\"schema_version\": 1";
  write("c/step-2/manifest.json",
        manifest.replace(manifest.find(version), version.size(),
                         "\"schema_version\": 2"));
  expectBad(folder / "c", "use a newer mlrun");
}

TEST_F(CheckpointTest, DamageNamesTheIntactOne) {
  ASSERT_TRUE(save(34).ok());
  ASSERT_TRUE(save(85).ok());
  std::string weights = read("c/step-85/weights.safetensors");
  write("c/step-85/weights.safetensors", weights.substr(0, 40));
  std::string remedy = "remove the folder '" + (folder / "c/step-85").string() +
                       "', and --resume or --weights with '" +
                       (folder / "c").string() + "' takes the intact '" +
                       (folder / "c/step-34").string() + "'";
  for (const char *path : {"c", "c/latest", "c/step-85", "c/step-85/"})
    expectBad(folder / path, remedy);
  fs::remove(folder / "c/step-85/manifest.json");
  expectBad(folder / "c", remedy);
  fs::remove_all(folder / "c/step-85"); // does what it says
  auto opened = openCheckpoint(folder / "c");
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ(opened->info.step, 34u);
}

TEST_F(CheckpointTest, AnewOnlyInAnUnusedFolder) {
  CheckpointInfo now;
  now.modelDigest = 0xabcdef;
  auto expectRefused = [&](const std::string &what) {
    Status status = checkUnused(folder / "c", now);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(),
              "--checkpoint " + (folder / "c").string() + ": it holds " + what);
  };
  const std::string remedy = "; go on with --resume, or give another folder";
  EXPECT_TRUE(checkUnused(folder / "c", now).ok()); // absent
  fs::create_directory(folder / "c");
  write("c/notes.txt", "mine");
  fs::create_symlink("step-7", folder / "c/latest");
  EXPECT_TRUE(checkUnused(folder / "c", now).ok());
  ASSERT_TRUE(save(85).ok());
  expectRefused("step 85 of the model digits" + remedy);
  now.modelDigest = 1;
  expectRefused("step 85 of another model, digits; give another folder");
  fs::remove(folder / "c/latest");
  fs::remove(folder / "c/step-85/manifest.json");
  expectRefused("step-85" + remedy);
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
