//===- Checkpoint.cpp - Training state on disk ----------------------------===//

#include "runtime/checkpoint/Checkpoint.h"

#include "runtime/core/Hash.h"
#include "runtime/core/Log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace mlrt {

namespace fs = std::filesystem;
using nlohmann::json;

static constexpr std::string_view kWeights = "weights.safetensors";
static constexpr std::string_view kManifest = "manifest.json";
static constexpr std::string_view kAside = ".aside-";

static std::string nameOfStep(uint64_t step) {
  return "step-" + std::to_string(step);
}

/// N of the name step-N.
static std::optional<uint64_t> stepOf(const std::string &name) {
  uint64_t step = 0;
  if (name.starts_with("step-"))
    std::from_chars(name.data() + 5, name.data() + name.size(), step);
  return name == nameOfStep(step) ? std::optional(step) : std::nullopt;
}

/// The numbers of the folders step-N, the highest first.
static std::vector<uint64_t> stepsIn(const fs::path &directory) {
  std::vector<uint64_t> steps;
  std::error_code ignored;
  for (fs::directory_iterator at(directory, ignored), end; at != end;
       at.increment(ignored))
    if (auto step = stepOf(at->path().filename().string());
        step && at->is_directory(ignored))
      steps.push_back(*step);
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

static void addWatch(json &manifest, const char *key, const Watch &watch) {
  if (watch.metric.empty())
    return;
  const WatchState &seen = watch.seen;
  manifest[key] = {{"metric", watch.metric},
                   {"order", watch.lowest ? "min" : "max"},
                   {"value", seen.bestStep ? json(seen.best) : json()},
                   {"step", seen.bestStep},
                   {"evaluated_step", seen.evaluated},
                   {"evaluations_since", seen.since}};
}

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
  addWatch(manifest, "best", info.best);
  addWatch(manifest, "early_stop", info.stop);
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

/// Points DIR/`which`, latest or best, to the folder `name`.
static Status pointLink(const fs::path &directory, const std::string &which,
                        const std::string &name) {
  fs::path link = directory / (std::string(kAside) + which);
  std::error_code error;
  fs::remove(link, error);
  fs::create_symlink(name, link, error);
  if (error)
    return fileError("write", directory / which, error.value());
  if (::rename(link.c_str(), (directory / which).c_str()) != 0)
    return fileError("write", directory / which, errno);
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
    bool ours = name.starts_with(kAside) || stepOf(name).has_value();
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
  std::string name = nameOfStep(info.step);
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
  MLRT_RETURN_IF_ERROR(pointLink(directory, "latest", name));
  if (!info.best.metric.empty() && info.best.seen.bestStep == info.step)
    MLRT_RETURN_IF_ERROR(pointLink(directory, "best", name));
  std::string best = fs::read_symlink(directory / "best", error).string();
  if (before != name) // rewriting the newest must not drop the one before it
    prune(directory, {name, before, best});
  return {};
}

namespace {

/// What manifest.json says.
struct Manifest {
  CheckpointInfo info;
  uint64_t bytes = 0; ///< of the weights
  std::string hash;
};

bool isAbsent(const fs::path &path) {
  std::error_code ignored;
  return fs::status(path, ignored).type() == fs::file_type::not_found;
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

/// An absent one is no mistake: nothing was watched.
bool watch(const json &object, const char *key, Watch &out) {
  auto at = object.find(key);
  if (at == object.end())
    return true;
  std::string order;
  WatchState &seen = out.seen;
  if (!at->is_object() || !text(*at, "metric", out.metric) ||
      out.metric.empty() || !text(*at, "order", order) ||
      (order != "min" && order != "max") ||
      !number(*at, "step", seen.bestStep) ||
      !number(*at, "evaluated_step", seen.evaluated) ||
      !number(*at, "evaluations_since", seen.since))
    return false;
  out.lowest = order == "min";
  auto value = at->find("value");
  bool known = value != at->end() && value->is_number();
  if (known)
    seen.best = value->get<double>();
  return known || seen.bestStep == 0;
}

/// Sets `damage` to what is wrong with a damaged manifest; an error is
/// something else, which another checkpoint would not mend.
Status readManifest(const fs::path &folder, Manifest &out,
                    std::string &damage) {
  auto damaged = [&](const char *what) {
    damage = std::string("manifest.json ") + what;
    return Status();
  };
  if (isAbsent(folder / kManifest))
    return damaged("is missing");
  Result<MappedFile> file = MappedFile::open(folder / kManifest);
  if (!file.ok())
    return file.status();
  const auto *start = reinterpret_cast<const char *>(file->data());
  json manifest = file->size()
                      ? json::parse(start, start + file->size(), nullptr, false)
                      : json();
  if (!manifest.is_object())
    return damaged("is not a JSON object");
  uint64_t version = 0;
  if (!number(manifest, "schema_version", version))
    return damaged("has no schema_version");
  if (version != 1)
    return {StatusCode::kBadInput,
            "checkpoint '" + folder.string() + "' has schema_version " +
                std::to_string(version) +
                ", and this program reads 1; use a newer mlrun"};
  CheckpointInfo &info = out.info;
  std::string digest;
  if (!number(manifest, "step", info.step) ||
      !number(manifest, "epoch", info.epoch) ||
      !number(manifest, "step_in_epoch", info.stepInEpoch) ||
      !number(manifest, "seed", info.seed) ||
      !number(manifest, "batch", info.batch) ||
      !text(manifest, "model", info.model) ||
      !text(manifest, "producer", info.producer) ||
      !text(manifest, "model_digest", digest))
    return damaged("lacks a field");
  if (!watch(manifest, "best", info.best) ||
      !watch(manifest, "early_stop", info.stop))
    return damaged("has a wrong best or early_stop");
  if (digest.size() != 16 ||
      digest.find_first_not_of("0123456789abcdef") != std::string::npos)
    return damaged("has a wrong model_digest");
  info.modelDigest = std::stoull(digest, nullptr, 16);
  auto files = manifest.find("files");
  std::string name;
  if (files == manifest.end() || !files->is_array() || files->size() != 1 ||
      !(*files)[0].is_object() || !text((*files)[0], "name", name) ||
      name != kWeights || !number((*files)[0], "bytes", out.bytes) ||
      !text((*files)[0], "xxh3", out.hash))
    return damaged("has a wrong list of files");
  return {};
}

/// Opens one step-N, as readManifest does. Size and checksum come before the
/// contents, so that a cut file is called damaged and not malformed.
Status readFolder(const fs::path &folder, Checkpoint &out,
                  std::string &damage) {
  Manifest manifest;
  MLRT_RETURN_IF_ERROR(readManifest(folder, manifest, damage));
  if (!damage.empty())
    return {};
  const fs::path path = folder / kWeights;
  if (isAbsent(path)) {
    damage = std::string(kWeights) + " is missing";
    return {};
  }
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  if (file->size() != manifest.bytes) {
    damage = std::string(kWeights) + " has " + std::to_string(file->size()) +
             " bytes, and manifest.json says " + std::to_string(manifest.bytes);
    return {};
  }
  if (toHex(hash64(file->data(), file->size())) != manifest.hash) {
    damage = std::string(kWeights) +
             " does not have the checksum that manifest.json gives";
    return {};
  }
  Result<SafetensorsFile> weights = SafetensorsFile::open(path);
  if (!weights.ok())
    return weights.status();
  out = {std::move(manifest.info), std::move(*weights), folder};
  return {};
}

/// The newest intact step-N in `directory`, if any; `passed` tells of the
/// damaged ones that are newer.
Status newestIntact(const fs::path &directory, std::optional<Checkpoint> &found,
                    std::string &passed) {
  for (uint64_t step : stepsIn(directory)) {
    Checkpoint checkpoint;
    std::string damage;
    MLRT_RETURN_IF_ERROR(
        readFolder(directory / nameOfStep(step), checkpoint, damage));
    if (damage.empty()) {
      found.emplace(std::move(checkpoint));
      return {};
    }
    passed += (passed.empty() ? "" : "; ") + nameOfStep(step) +
              " is damaged: " + damage;
  }
  return {};
}

/// What to do about the damaged `folder`.
std::string remedyFor(const fs::path &folder) {
  if (!stepOf(folder.filename().string()))
    return "restore it from a copy";
  fs::path directory = folder.has_parent_path() ? folder.parent_path() : ".";
  std::optional<Checkpoint> other;
  std::string ignored;
  if (!newestIntact(directory, other, ignored).ok() || !other)
    return "no other step-N folder there is intact; restore it from a copy, "
           "or train anew in another folder";
  return "remove the folder '" + folder.string() +
         "', and --resume or --weights with '" + directory.string() +
         "' takes the intact '" + other->folder.string() + "'";
}

/// DIR/latest as DIR/step-N, so that messages name what can be removed.
fs::path withoutLink(const fs::path &path) {
  std::error_code error;
  fs::path target = fs::read_symlink(path, error);
  return !error && stepOf(target.string()) ? path.parent_path() / target : path;
}

Result<Checkpoint> openFolder(const fs::path &folder) {
  Checkpoint checkpoint;
  std::string damage;
  if (Status status = readFolder(folder, checkpoint, damage); !status.ok())
    return status;
  if (!damage.empty())
    return Status(StatusCode::kBadInput, "checkpoint '" + folder.string() +
                                             "' is damaged: " + damage + "; " +
                                             remedyFor(folder));
  return checkpoint;
}

bool hasLatest(const fs::path &directory) {
  std::error_code ignored;
  return fs::is_directory(directory / "latest", ignored);
}

/// A folder whose latest was lost, as by a crash or a copy without links.
Result<Checkpoint> openWithoutLatest(const fs::path &directory) {
  std::optional<Checkpoint> found;
  std::string passed;
  if (Status status = newestIntact(directory, found, passed); !status.ok())
    return status;
  if (!found)
    return Status(StatusCode::kBadInput,
                  "'" + directory.string() +
                      "' holds no intact checkpoint: " + passed +
                      "; restore one from a copy, or train anew in another "
                      "folder");
  logWarning("'" + (directory / "latest").string() +
             "' is missing or leads nowhere: taking '" +
             found->folder.string() + "', the newest intact checkpoint" +
             (passed.empty() ? "" : " (" + passed + ")"));
  return std::move(*found);
}

} // namespace

bool isCheckpoint(const fs::path &path) {
  std::error_code ignored;
  return fs::exists(path / kManifest, ignored);
}

bool hasCheckpoint(const fs::path &directory) {
  return hasLatest(directory) || !stepsIn(directory).empty();
}

Result<Checkpoint> openCheckpoint(const fs::path &given) {
  fs::path path = given.has_filename() ? given : given.parent_path();
  if (isCheckpoint(path))
    return openFolder(withoutLink(path));
  if (hasLatest(path))
    return openFolder(withoutLink(path / "latest"));
  if (hasCheckpoint(path))
    return openWithoutLatest(path);
  return Status(StatusCode::kBadInput,
                "'" + path.string() +
                    "' holds no checkpoint: it has neither manifest.json nor "
                    "latest nor a step-N folder; check the path");
}

Status markLatest(const Checkpoint &checkpoint) {
  const fs::path &folder = checkpoint.folder;
  fs::path directory = folder.parent_path();
  MLRT_RETURN_IF_ERROR(
      pointLink(directory, "latest", folder.filename().string()));
  const Watch &watch = checkpoint.info.best;
  std::string best = nameOfStep(watch.seen.bestStep);
  std::error_code ignored;
  if (watch.metric.empty() || watch.seen.bestStep == 0 ||
      fs::read_symlink(directory / "best", ignored) == best ||
      !fs::is_directory(directory / best, ignored))
    return {};
  return pointLink(directory, "best", best);
}

Status checkUnused(const fs::path &directory, const CheckpointInfo &now) {
  if (!hasCheckpoint(directory))
    return {};
  fs::path folder = hasLatest(directory)
                        ? withoutLink(directory / "latest")
                        : directory / nameOfStep(stepsIn(directory).front());
  Manifest manifest;
  std::string damage;
  bool known = readManifest(folder, manifest, damage).ok() && damage.empty();
  bool other = known && manifest.info.modelDigest != now.modelDigest;
  std::string what = folder.filename().string();
  if (known)
    what = "step " + std::to_string(manifest.info.step) + " of " +
           (other ? "another model, " : "the model ") + manifest.info.model;
  return {StatusCode::kInvalidArgument,
          "--checkpoint " + directory.string() + ": it holds " + what +
              (other ? "; give another folder"
                     : "; go on with --resume, or give another folder")};
}

Result<Checkpoint> openWeights(const fs::path &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return openCheckpoint(path);
  Result<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file.ok())
    return file.status();
  return Checkpoint{{}, std::move(*file), {}};
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
