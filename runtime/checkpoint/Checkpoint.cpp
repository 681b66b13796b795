//===- Checkpoint.cpp - Training state on disk ----------------------------===//

#include "runtime/checkpoint/Checkpoint.h"

#include "runtime/core/Hash.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace mlrt {

namespace fs = std::filesystem;
using nlohmann::json;

static constexpr std::string_view kWeights = "weights.safetensors";
static constexpr std::string_view kManifest = "manifest.json";
static constexpr std::string_view kAside = ".aside-";

static Status writeManifest(const fs::path &folder,
                            const CheckpointInfo &info) {
  Result<MappedFile> weights = MappedFile::open(folder / kWeights);
  if (!weights.ok())
    return weights.status();
  json manifest = {
      {"schema_version", 1},
      {"step", info.step},
      {"epoch", info.epoch},
      {"step_in_epoch", info.stepInEpoch},
      {"seed", info.seed},
      {"batch", info.batch},
      {"model", info.model},
      {"model_digest", toHex(info.modelDigest)},
      {"producer", info.producer},
      {"files",
       json::array(
           {{{"name", kWeights},
             {"bytes", weights->size()},
             {"xxh3", toHex(hash64(weights->data(), weights->size()))}}})}};
  std::string text =
      manifest.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  Result<AsideFile> file = AsideFile::create(folder / kManifest);
  if (!file.ok())
    return file.status();
  MLRT_RETURN_IF_ERROR(file->write(text.data(), text.size()));
  return file->commit();
}

/// Puts the folder `aside` in the place of `target`, which may exist.
static Status place(const fs::path &aside, const fs::path &target) {
  if (::rename(aside.c_str(), target.c_str()) == 0)
    return {};
  if (errno != EEXIST && errno != ENOTEMPTY)
    return fileError("write", target, errno);
  if (::renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, target.c_str(),
                  RENAME_EXCHANGE) != 0)
    return fileError("replace", target, errno);
  std::error_code ignored;
  fs::remove_all(aside, ignored);
  return {};
}

static Status pointLatest(const fs::path &directory, const std::string &name) {
  fs::path link = directory / (std::string(kAside) + "latest");
  std::error_code error;
  fs::remove(link, error);
  fs::create_symlink(name, link, error);
  if (error)
    return fileError("write", directory / "latest", error.value());
  if (::rename(link.c_str(), (directory / "latest").c_str()) != 0)
    return fileError("write", directory / "latest", errno);
  return syncDirectory(directory);
}

/// Removes checkpoints but `keep`, and what an interrupted write left.
static void prune(const fs::path &directory,
                  std::initializer_list<std::string> keep) {
  std::error_code ignored;
  std::vector<fs::path> old;
  for (fs::directory_iterator at(directory, ignored), end; at != end;
       at.increment(ignored)) {
    std::string name = at->path().filename().string();
    bool ours = name.starts_with(kAside) ||
                (name.starts_with("step-") && name.size() > 5 &&
                 name.find_first_not_of("0123456789", 5) == std::string::npos);
    if (ours && std::find(keep.begin(), keep.end(), name) == keep.end())
      old.push_back(at->path());
  }
  for (const fs::path &path : old)
    fs::remove_all(path, ignored);
}

Status writeCheckpoint(const fs::path &directory, const CheckpointInfo &info,
                       std::span<const NamedTensor> tensors) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return fileError("make the checkpoint folder", directory, error.value());
  std::string name = "step-" + std::to_string(info.step);
  fs::path aside = directory / (std::string(kAside) + name);
  fs::remove_all(aside, error);
  fs::create_directory(aside, error);
  if (error)
    return fileError("write", aside, error.value());
  Status status = writeSafetensors(aside / kWeights, tensors);
  if (status.ok())
    status = writeManifest(aside, info);
  if (status.ok())
    status = place(aside, directory / name);
  if (!status.ok()) {
    fs::remove_all(aside, error);
    return status;
  }
  MLRT_RETURN_IF_ERROR(syncDirectory(directory));
  std::string before = fs::read_symlink(directory / "latest", error).string();
  MLRT_RETURN_IF_ERROR(pointLatest(directory, name));
  if (before != name) // rewriting the newest must not drop the one before it
    prune(directory, {name, before});
  return {};
}

namespace {

Status damaged(const fs::path &path, const std::string &what) {
  return {StatusCode::kBadInput, "checkpoint '" + path.string() +
                                     "' is damaged: " + what +
                                     "; use the other step-N folder"};
}

bool number(const json &object, const char *key, uint64_t &out) {
  auto at = object.find(key);
  if (at == object.end() || !at->is_number_unsigned())
    return false;
  out = at->get<uint64_t>();
  return true;
}

bool text(const json &object, const char *key, std::string &out) {
  auto at = object.find(key);
  if (at == object.end() || !at->is_string())
    return false;
  out = at->get<std::string>();
  return true;
}

Status readManifest(const fs::path &folder, CheckpointInfo &info,
                    uint64_t &bytes, std::string &hash) {
  Result<MappedFile> file = MappedFile::open(folder / kManifest);
  if (!file.ok())
    return file.status();
  const auto *start = reinterpret_cast<const char *>(file->data());
  json manifest = file->size()
                      ? json::parse(start, start + file->size(), nullptr, false)
                      : json();
  if (!manifest.is_object())
    return damaged(folder, "manifest.json is not a JSON object");
  uint64_t version = 0;
  if (!number(manifest, "schema_version", version))
    return damaged(folder, "manifest.json has no schema_version");
  if (version != 1)
    return {StatusCode::kBadInput,
            "checkpoint '" + folder.string() + "' has schema_version " +
                std::to_string(version) +
                ", and this program reads 1; use a newer mlrun"};
  std::string digest;
  if (!number(manifest, "step", info.step) ||
      !number(manifest, "epoch", info.epoch) ||
      !number(manifest, "step_in_epoch", info.stepInEpoch) ||
      !number(manifest, "seed", info.seed) ||
      !number(manifest, "batch", info.batch) ||
      !text(manifest, "model", info.model) ||
      !text(manifest, "producer", info.producer) ||
      !text(manifest, "model_digest", digest))
    return damaged(folder, "manifest.json lacks a field");
  if (digest.size() != 16 ||
      digest.find_first_not_of("0123456789abcdef") != std::string::npos)
    return damaged(folder, "manifest.json has a wrong model_digest");
  info.modelDigest = std::stoull(digest, nullptr, 16);
  auto files = manifest.find("files");
  std::string name;
  if (files == manifest.end() || !files->is_array() || files->size() != 1 ||
      !(*files)[0].is_object() || !text((*files)[0], "name", name) ||
      name != kWeights || !number((*files)[0], "bytes", bytes) ||
      !text((*files)[0], "xxh3", hash))
    return damaged(folder, "manifest.json has a wrong list of files");
  return {};
}

} // namespace

bool hasCheckpoint(const fs::path &directory) {
  std::error_code ignored;
  return fs::exists(directory / "latest" / kManifest, ignored);
}

Result<Checkpoint> openCheckpoint(const fs::path &path) {
  std::error_code ignored;
  fs::path folder = path;
  if (!fs::exists(folder / kManifest, ignored)) {
    if (!hasCheckpoint(path))
      return Status(StatusCode::kBadInput,
                    "'" + path.string() +
                        "' holds no checkpoint: it has neither manifest.json "
                        "nor latest; check the path");
    folder = path / "latest";
  }
  Checkpoint checkpoint;
  uint64_t bytes = 0;
  std::string hash;
  MLRT_RETURN_IF_ERROR(readManifest(folder, checkpoint.info, bytes, hash));
  Result<SafetensorsFile> weights = SafetensorsFile::open(folder / kWeights);
  if (!weights.ok())
    return weights.status();
  const MappedFile &file = weights->bytes();
  if (file.size() != bytes || toHex(hash64(file.data(), file.size())) != hash)
    return damaged(folder, "weights.safetensors does not have the checksum "
                           "that manifest.json gives");
  checkpoint.weights = std::move(*weights);
  return checkpoint;
}

Result<SafetensorsFile> openWeights(const fs::path &path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored))
    return SafetensorsFile::open(path);
  Result<Checkpoint> checkpoint = openCheckpoint(path);
  if (!checkpoint.ok())
    return checkpoint.status();
  return std::move(checkpoint->weights);
}

Status checkResume(const CheckpointInfo &saved, const CheckpointInfo &now) {
  if (saved.modelDigest != now.modelDigest)
    return {StatusCode::kInvalidArgument,
            "cannot resume: the checkpoint is of another model ('" +
                saved.model + "', digest " + toHex(saved.modelDigest) +
                "; this plan has '" + now.model + "', " +
                toHex(now.modelDigest) +
                "); resume with the plan it was written with, or start anew "
                "in another folder"};
  if (saved.batch != now.batch)
    return {StatusCode::kInvalidArgument,
            "cannot resume: the checkpoint was trained with batch " +
                std::to_string(saved.batch) + ", this plan has batch " +
                std::to_string(now.batch) +
                "; compile with the same batch, or start anew in another "
                "folder"};
  return {};
}

} // namespace mlrt
