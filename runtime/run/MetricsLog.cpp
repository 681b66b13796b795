//===- MetricsLog.cpp - Loss and metrics as JSON lines --------------------===//

#include "runtime/run/MetricsLog.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace mlrt {

static constexpr size_t kBufferBytes = 64 * 1024;
static constexpr std::string_view kLineBegin = R"({"schema_version":1,"step":)";

void appendJsonNumber(std::string &line, double value) {
  if (!std::isfinite(value)) {
    line += "null";
    return;
  }
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  line.append(text, end);
}

static void appendInteger(std::string &line, uint64_t value) {
  char text[24];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  line.append(text, end);
}

void appendJsonString(std::string &line, std::string_view text) {
  line += '"';
  for (char c : text) {
    if (c == '"' || c == '\\')
      line += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      line += code;
    } else {
      line += c;
    }
  }
  line += '"';
}

/// Nested arrays of `shape`; returns how many values it took.
static size_t appendArray(std::string &line, const double *values,
                          std::span<const int64_t> shape) {
  if (shape.empty()) {
    appendJsonNumber(line, *values);
    return 1;
  }
  size_t taken = 0;
  line += '[';
  for (int64_t i = 0; i < shape[0]; ++i) {
    if (i > 0)
      line += ',';
    taken += appendArray(line, values + taken, shape.subspan(1));
  }
  line += ']';
  return taken;
}

static void appendBegin(std::string &line, uint64_t step, uint64_t epoch,
                        std::string_view split) {
  line += kLineBegin;
  appendInteger(line, step);
  line += ",\"epoch\":";
  appendInteger(line, epoch);
  line += ",\"split\":";
  appendJsonString(line, split);
}

void appendMetricsJson(std::string &line, uint64_t step, uint64_t epoch,
                       std::string_view split, const Measured &measured) {
  appendBegin(line, step, epoch, split);
  if (measured.loss) {
    line += ",\"loss\":";
    appendJsonNumber(line, *measured.loss);
  }
  for (const Measured::Metric &metric : measured.metrics) {
    line += ',';
    appendJsonString(line, metric.name);
    line += ':';
    appendArray(line, metric.values.data(), metric.shape);
  }
  line += ",\"examples_per_second\":";
  appendJsonNumber(line, measured.examplesPerSecond);
  line += "}\n";
}

std::string metricsText(const Measured &measured) {
  char text[64];
  std::string result;
  if (measured.loss) {
    std::snprintf(text, sizeof text, " loss %.4g", *measured.loss);
    result += text;
  }
  for (const Measured::Metric &metric : measured.metrics) {
    if (metric.values.size() != 1)
      continue; // a table: in --log, and metricsTables
    std::snprintf(text, sizeof text, " %.4g", metric.values[0]);
    result += (result.empty() ? " " : ", ") + metric.name + text;
  }
  return result;
}

std::string metricsTables(const Measured &measured) {
  constexpr size_t kMost = 32 * 32; // numbers that people still read
  std::string result;
  for (const Measured::Metric &metric : measured.metrics) {
    if (metric.values.size() == 1)
      continue;
    result += "  " + metric.name + ":";
    if (metric.values.size() > kMost) {
      result += " " + std::to_string(metric.values.size()) +
                " numbers, with --json\n";
      continue;
    }
    std::vector<std::string> cells;
    size_t width = 0;
    for (double value : metric.values) {
      char text[32];
      std::snprintf(text, sizeof text, "%.6g", value);
      cells.emplace_back(text);
      width = std::max(width, cells.back().size());
    }
    auto columns = static_cast<size_t>(metric.shape.back());
    for (size_t i = 0; i < cells.size(); ++i)
      result += (i % columns == 0 ? "\n    " : "  ") +
                std::string(width - cells[i].size(), ' ') + cells[i];
    result += '\n';
  }
  return result;
}

MetricsLog::MetricsLog(int descriptor, std::string path)
    : fd(descriptor), name(std::move(path)) {
  buffer.reserve(2 * kBufferBytes);
}

MetricsLog::MetricsLog(MetricsLog &&other) noexcept
    : fd(std::exchange(other.fd, -1)), name(std::move(other.name)),
      buffer(std::move(other.buffer)), lastLine(std::move(other.lastLine)) {}

MetricsLog::~MetricsLog() {
  if (fd < 0)
    return;
  Status ignored = flush(); // the caller who cares has flushed
  (void)ignored;
  ::close(fd);
}

/// The bytes of the whole lines up to those of `step`, and the last of them.
static off_t bytesUpTo(std::istream &lines, uint64_t step, std::string &last) {
  off_t bytes = 0;
  std::string line;
  while (std::getline(lines, line) && !lines.eof()) { // eof: no newline
    uint64_t number = 0;
    if (line.starts_with(kLineBegin))
      std::from_chars(line.data() + kLineBegin.size(),
                      line.data() + line.size(), number);
    if (number > step)
      break;
    bytes += static_cast<off_t>(line.size()) + 1;
    last.swap(line);
  }
  return bytes;
}

Result<MetricsLog> MetricsLog::create(const std::string &path) {
  return open(path, O_TRUNC);
}

Result<MetricsLog> MetricsLog::resume(const std::string &path, uint64_t step) {
  Result<MetricsLog> log = open(path, O_APPEND);
  std::error_code ignored;
  if (!log.ok() || !std::filesystem::is_regular_file(path, ignored))
    return log; // a pipe or terminal has no lines to remove
  std::ifstream lines(path);
  off_t bytes = bytesUpTo(lines, step, log->lastLine);
  if (!lines.is_open() || lines.bad() || ::ftruncate(log->fd, bytes) != 0)
    return Status(StatusCode::kRunFailed,
                  "cannot go on with the log " + path + ": " +
                      std::strerror(errno) +
                      "; choose another file with --log");
  return log;
}

Result<MetricsLog> MetricsLog::open(const std::string &path, int flags) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (fd < 0)
    return Status(StatusCode::kRunFailed,
                  "cannot write the log " + path + ": " + std::strerror(errno) +
                      "; choose another file with --log");
  return MetricsLog(fd, path);
}

bool MetricsLog::endsWith(uint64_t step, uint64_t epoch,
                          std::string_view split) const {
  std::string begin;
  appendBegin(begin, step, epoch, split);
  return lastLine.starts_with(begin);
}

Status MetricsLog::write(std::string_view line) {
  buffer += line;
  return buffer.size() >= kBufferBytes ? flush() : Status();
}

Status MetricsLog::flush() {
  size_t done = 0;
  while (done < buffer.size()) {
    ssize_t written = ::write(fd, buffer.data() + done, buffer.size() - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      buffer.clear();
      return {StatusCode::kRunFailed, "cannot write the log " + name + ": " +
                                          std::strerror(errno) +
                                          "; free some space"};
    }
    done += static_cast<size_t>(written);
  }
  buffer.clear();
  return {};
}

} // namespace mlrt
