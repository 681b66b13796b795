//===- ByteSource.cpp - The bytes of a plain or gzip file, in order -------===//

#include "runtime/data/ByteSource.h"

#include "runtime/core/File.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace mlrt {

static constexpr size_t kBufferBytes = 256 << 10;
static constexpr size_t kMaxLineBytes = 64 << 20;

ByteSource::ByteSource(ByteSource &&other) noexcept
    : name(std::move(other.name)), file(std::exchange(other.file, nullptr)),
      buffer(std::move(other.buffer)), begin(other.begin), end(other.end) {}

ByteSource::~ByteSource() {
  if (file)
    ::gzclose(file);
}

Result<ByteSource> ByteSource::open(const std::filesystem::path &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return fileError("open data file", path, errno);
  struct stat info{};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return fileError("read data file", path, EISDIR);
  }
  ByteSource source;
  source.name = path;
  source.file = ::gzdopen(descriptor, "rb");
  if (!source.file) {
    ::close(descriptor);
    return fileError("read data file", path, ENOMEM);
  }
  ::gzbuffer(source.file, kBufferBytes);
  if (path.extension() == ".gz" && ::gzdirect(source.file))
    return Status(StatusCode::kBadInput,
                  "'" + path.string() +
                      "' is not in gzip format; fetch the file again, or drop "
                      "'.gz' from its name if it is not packed");
  return source;
}

Result<size_t> ByteSource::read(void *out, size_t sizeBytes) {
  auto *bytes = static_cast<char *>(out);
  size_t done = 0;
  if (begin < end) {
    done = std::min(sizeBytes, end - begin);
    std::memcpy(bytes, buffer.data() + begin, done);
    begin += done;
  }
  while (done < sizeBytes) {
    auto want = static_cast<unsigned>(
        std::min<size_t>(sizeBytes - done, size_t{1} << 30));
    int got = ::gzread(file, bytes + done, want);
    if (got > 0)
      done += static_cast<size_t>(got);
    if (got == static_cast<int>(want))
      continue;
    int code = Z_OK;
    const char *text = ::gzerror(file, &code);
    if (code == Z_BUF_ERROR)
      return Status(StatusCode::kBadInput,
                    "'" + name.string() +
                        "' is cut off in the middle of its gzip data; fetch "
                        "the file again");
    if (code == Z_ERRNO)
      return fileError("read data file", name, errno);
    if (code != Z_OK && code != Z_STREAM_END)
      return Status(StatusCode::kBadInput,
                    "'" + name.string() + "' is damaged gzip data (" + text +
                        "); fetch the file again");
    break;
  }
  return done;
}

Result<bool> ByteSource::readLine(std::string &line) {
  line.clear();
  if (buffer.empty())
    buffer.resize(kBufferBytes);
  bool any = false;
  while (true) {
    if (begin == end) {
      begin = end = 0;
      Result<size_t> got = read(buffer.data(), buffer.size());
      if (!got.ok())
        return got.status();
      if (*got == 0)
        break;
      end = *got;
    }
    any = true;
    const char *start = buffer.data() + begin;
    const auto *stop =
        static_cast<const char *>(std::memchr(start, '\n', end - begin));
    size_t length = stop ? static_cast<size_t>(stop - start) : end - begin;
    if (line.size() + length > kMaxLineBytes)
      return Status(StatusCode::kBadInput,
                    "'" + name.string() +
                        "' has a line above 64 MiB; is it a text file?");
    line.append(start, length);
    begin += length + (stop ? 1 : 0);
    if (stop)
      break;
  }
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  return any;
}

} // namespace mlrt
