//===- Plan.cpp - Load a plan ---------------------------------------------===//

#include "runtime/exec/Plan.h"

#include "runtime/core/Hash.h"
#include "runtime/device/CpuFeatures.h"
#include "runtime/exec/PlanChecks.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mlrt {

// More than any model of ours needs, and little enough to stop a damaged file.
static constexpr flatbuffers::uoffset_t kMaxDepth = 32, kMaxTables = 4000000;

static bool isStructurallyValid(std::span<const std::byte> file) {
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t *>(file.data()),
                                 file.size(), kMaxDepth, kMaxTables);
  return schema::VerifyPlanBuffer(verifier);
}

static const schema::Plan *rootOf(std::span<const std::byte> file) {
  return schema::GetPlan(file.data());
}

size_t digestOffsetOf(std::span<const std::byte> file) {
  auto *table = reinterpret_cast<const flatbuffers::Table *>(rootOf(file));
  const uint8_t *at = table->GetAddressOf(schema::Plan::VT_DIGEST);
  return at ? static_cast<size_t>(
                  at - reinterpret_cast<const uint8_t *>(file.data()))
            : 0;
}

uint64_t planDigest(std::span<const std::byte> file, size_t digestOffset) {
  constexpr uint64_t kZero = 0;
  Hasher hasher;
  hasher.update(file.data(), digestOffset);
  hasher.updateValue(kZero);
  hasher.update(file.data() + digestOffset + sizeof kZero,
                file.size() - digestOffset - sizeof kZero);
  return hasher.digest();
}

static Status notReadable(const std::string &path) {
  std::string message =
      "cannot read the plan " + path + ": " + std::strerror(errno);
  if (errno == ENOENT)
    message += "; compile one with: mlc MODEL.mlg -o " + path;
  return damaged(std::move(message));
}

static Result<std::vector<std::byte>> readFile(const std::string &path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return notReadable(path);
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    Status failure = S_ISDIR(info.st_mode)
                         ? (errno = EISDIR, notReadable(path))
                         : damaged(path + ": is no plan: it is no file");
    ::close(fd);
    return failure;
  }
  if (info.st_size >= int64_t{1} << 31) {
    ::close(fd);
    return damaged(path + ": is no plan: plans are below 2 GiB");
  }
  std::vector<std::byte> bytes(static_cast<size_t>(info.st_size));
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t got = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      Status failure = notReadable(path);
      ::close(fd);
      return failure;
    }
    if (got == 0)
      break; // shorter than it was a moment ago: the verifier will say so
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  ::close(fd);
  return bytes;
}

Result<Plan> Plan::load(const std::string &path) {
  Result<std::vector<std::byte>> bytes = readFile(path);
  if (!bytes.ok())
    return bytes.status();
  return fromBytes(std::move(*bytes), path);
}

Result<Plan> Plan::fromBytes(std::vector<std::byte> bytes, std::string name) {
  constexpr const char *kAgain = "; compile the model again with mlc";
  if (bytes.size() < 16 || !schema::PlanBufferHasIdentifier(bytes.data()))
    return damaged(name + ": is not a plan" +
                   (bytes.empty() ? " (the file is empty)" : "") +
                   "; give a file that mlc wrote");
  if (!isStructurallyValid(bytes))
    return damaged(name + ": the plan is damaged or cut short" + kAgain);

  Plan plan;
  plan.bytes = std::move(bytes);
  plan.name = std::move(name);
  plan.plan = rootOf(plan.bytes);
  if (plan->version_major() > kPlanVersionMajor)
    return damaged(plan.name + ": the plan has format version " +
                   std::to_string(plan->version_major()) +
                   ", newer than this mlrun's " +
                   std::to_string(kPlanVersionMajor) +
                   "; use the mlrun that came with its mlc");
  size_t digestAt = digestOffsetOf(plan.bytes);
  if (digestAt == 0 || planDigest(plan.bytes, digestAt) != plan->digest())
    return damaged(plan.name +
                   ": the plan is damaged: its digest does not "
                   "match its content" +
                   kAgain);
  if (Status status = verifyMeaning(*plan.plan); !status.ok())
    return damaged(plan.name + ": the plan is damaged: " + status.message() +
                   kAgain);
  return plan;
}

std::span<const std::byte> Plan::code() const {
  return std::as_bytes(std::span(plan->code()->data(), plan->code()->size()));
}

const schema::Program *Plan::program(std::string_view role) const {
  for (const schema::Program *program : *plan->programs())
    if (textOf(program->name()) == role)
      return program;
  return nullptr;
}

std::string Plan::location(int index) const {
  if (index < 0 ||
      static_cast<uint32_t>(index) >= sizeOfVector(plan->locations()))
    return "";
  const schema::Location *at =
      plan->locations()->Get(static_cast<uint32_t>(index));
  return printable(textOf(at->file())) + ":" + std::to_string(at->line()) +
         ":" + std::to_string(at->column());
}

std::string Plan::describeLocation(int index) const {
  std::string text = location(index);
  if (text.empty())
    return text;
  std::string layer = printable(
      textOf(plan->locations()->Get(static_cast<uint32_t>(index))->text()));
  return layer.empty() ? text : text + ", " + layer;
}

int Plan::dataAxisSize() const {
  if (plan->mesh())
    for (const schema::Axis *axis : *plan->mesh())
      if (textOf(axis->name()) == "data")
        return axis->size();
  return 1;
}

Status Plan::checkMachine() const {
  if (std::string_view target = textOf(plan->target());
      !target.empty() && !target.starts_with("cpu"))
    return {StatusCode::kUnavailable,
            name + ": the plan is for " + printable(target) +
                ", which this mlrun has no device for; compile with "
                "--target cpu"};
  if (!plan->cpu_features())
    return {};
  for (const flatbuffers::String *feature : *plan->cpu_features())
    if (!cpuHas(textOf(feature)))
      return {StatusCode::kUnavailable,
              name + ": the plan is for the CPU '" +
                  printable(textOf(plan->cpu_name())) + "' and needs " +
                  printable(textOf(feature)) +
                  ", which this CPU does not have; compile with --mcpu native "
                  "on this machine, or --mcpu x86-64-v3 for most"};
  return {};
}

} // namespace mlrt
