//===- File.h - Mapped files, and files written aside ---------------------===//
#ifndef MLC_RUNTIME_CORE_FILE_H
#define MLC_RUNTIME_CORE_FILE_H

#include "runtime/core/Status.h"

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace mlrt {

/// "cannot WHAT 'PATH': REASON", with what to do where that is known.
/// kBadInput for a file that cannot be read because it is absent or closed to
/// us, else kRunFailed.
Status fileError(std::string_view what, const std::filesystem::path &path,
                 int error);

/// A whole file, mapped read-only.
class MappedFile {
public:
  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  /// \returns kBadInput for a file that is absent, unreadable or no file.
  static Result<MappedFile> open(const std::filesystem::path &path);
  /// Maps what the open file `descriptor` holds; `path` is for messages.
  static Result<MappedFile> map(int descriptor,
                                const std::filesystem::path &path);

  const std::byte *data() const { return bytes; }
  size_t size() const { return sizeBytes; }

private:
  const std::byte *bytes = nullptr;
  size_t sizeBytes = 0;
};

/// A file written under another name next to `path`; commit() puts it in
/// place at once, so that nobody sees half of it. Without commit it vanishes.
/// A device or a pipe is written directly and stays what it is.
class AsideFile {
public:
  AsideFile() = default;
  AsideFile(AsideFile &&other) noexcept;
  AsideFile &operator=(AsideFile &&) = delete;
  ~AsideFile();

  static Result<AsideFile> create(const std::filesystem::path &path);
  /// Appends.
  Status write(const void *data, size_t sizeBytes);
  Status writeAt(const void *data, size_t sizeBytes, size_t offset);
  /// Maps what was written.
  Result<MappedFile> map() const { return MappedFile::map(descriptor, target); }
  /// Flushes to the disk and renames.
  Status commit();

private:
  int descriptor = -1;
  std::filesystem::path target, aside;
};

/// Whether `path` can be written now, leaving nothing there: for saying so
/// before the work whose result goes there.
Status checkWritable(const std::filesystem::path &path);

/// An exclusive lock among processes on a file that stays there, until this
/// ends and with it every process that was forked meanwhile.
class FileLock {
public:
  enum class Mode { wait, tryOnce };
  FileLock(const std::filesystem::path &path, Mode mode);
  FileLock(const FileLock &) = delete;
  FileLock &operator=(const FileLock &) = delete;
  ~FileLock();
  /// False only where another process has the lock: where locks do not work,
  /// there is no protection.
  bool isOurs() const { return !taken; }

private:
  int descriptor;
  bool taken = false;
};

/// Holds the place of each standard stream that is closed, which the next file
/// opened would take. Input and output still fail as on a closed stream;
/// messages are for nobody. False where that is not possible.
bool holdStandardStreams();

/// Makes renames in `directory` durable.
Status syncDirectory(const std::filesystem::path &directory);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_FILE_H
