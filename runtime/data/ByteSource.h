//===- ByteSource.h - The bytes of a plain or gzip file, in order ---------===//
#ifndef MLC_RUNTIME_DATA_BYTESOURCE_H
#define MLC_RUNTIME_DATA_BYTESOURCE_H

#include "runtime/core/Status.h"

#include <cstddef>
#include <filesystem>
#include <vector>

struct gzFile_s;

namespace mlrt {

/// Streams a file, unpacked when it is gzip, in bounded memory.
class ByteSource {
public:
  ByteSource(ByteSource &&other) noexcept;
  ByteSource &operator=(ByteSource &&) = delete;
  ~ByteSource();

  /// \returns kBadInput for a file that is absent, unreadable or no file, or
  /// is named .gz and is not gzip.
  static Result<ByteSource> open(const std::filesystem::path &path);

  /// Reads up to `sizeBytes`; fewer only at the end.
  /// \returns kBadInput for a damaged or truncated gzip file.
  Result<size_t> read(void *out, size_t sizeBytes);

  /// Reads to the end of the line, without it (\n or \r\n); false at the end
  /// of the file. \returns kBadInput as read(), or for a line above 64 MiB.
  Result<bool> readLine(std::string &line);

  const std::filesystem::path &path() const { return name; }

private:
  ByteSource() = default;

  std::filesystem::path name;
  gzFile_s *file = nullptr;
  std::vector<char> buffer; ///< of readLine
  size_t begin = 0, end = 0;
};

} // namespace mlrt

#endif // MLC_RUNTIME_DATA_BYTESOURCE_H
