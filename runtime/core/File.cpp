//===- File.cpp - Mapped files, and files written aside -------------------===//

#include "runtime/core/File.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mlrt {

Status fileError(std::string_view what, const std::filesystem::path &path,
                 int error) {
  std::string text = "cannot " + std::string(what) + " '" + path.string() +
                     "': " + std::strerror(error);
  bool reads = what.starts_with("open") || what.starts_with("read") ||
               what.starts_with("map");
  StatusCode wrongPath = reads ? StatusCode::kBadInput : StatusCode::kRunFailed;
  switch (error) {
  case ENOSPC:
  case EDQUOT:
    return {StatusCode::kRunFailed, text + "; free some space on that disk"};
  case ENOENT:
  case ENOTDIR:
    return {wrongPath, text + "; check the path"};
  case EACCES:
  case EPERM:
    return {wrongPath, text + "; check its permissions"};
  case EISDIR:
    return {wrongPath, text + "; give a file"};
  case EFBIG:
    return {StatusCode::kRunFailed,
            text + "; raise the limit of file sizes (ulimit -f)"};
  default:
    return {StatusCode::kRunFailed, text};
  }
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : bytes(std::exchange(other.bytes, nullptr)),
      sizeBytes(std::exchange(other.sizeBytes, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(bytes, other.bytes);
  std::swap(sizeBytes, other.sizeBytes);
  return *this;
}

MappedFile::~MappedFile() {
  if (bytes)
    ::munmap(const_cast<std::byte *>(bytes), sizeBytes);
}

Result<MappedFile> MappedFile::open(const std::filesystem::path &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return fileError("open", path, errno);
  Result<MappedFile> file = map(descriptor, path);
  ::close(descriptor);
  return file;
}

Result<MappedFile> MappedFile::map(int descriptor,
                                   const std::filesystem::path &path) {
  struct stat info{};
  if (::fstat(descriptor, &info) != 0)
    return fileError("read", path, errno);
  if (S_ISDIR(info.st_mode))
    return fileError("read", path, EISDIR);
  if (!S_ISREG(info.st_mode))
    return Status(StatusCode::kBadInput,
                  "'" + path.string() + "' is not a regular file; give a file");
  MappedFile file;
  if (info.st_size == 0)
    return file;
  auto size = static_cast<size_t>(info.st_size);
  void *start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (start == MAP_FAILED)
    return fileError("map", path, errno);
  file.bytes = static_cast<const std::byte *>(start);
  file.sizeBytes = size;
  return file;
}

AsideFile::AsideFile(AsideFile &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)),
      target(std::move(other.target)), aside(std::move(other.aside)) {}

AsideFile::~AsideFile() {
  if (descriptor < 0)
    return;
  ::close(descriptor);
  if (!aside.empty())
    ::unlink(aside.c_str());
}

/// A device or a pipe: nothing that a rename may put a file in the place of.
static bool isSpecial(const std::filesystem::path &path) {
  std::error_code ignored;
  std::filesystem::file_status status = std::filesystem::status(path, ignored);
  return std::filesystem::is_other(status);
}

Result<AsideFile> AsideFile::create(const std::filesystem::path &path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return fileError("write", path, EISDIR);
  AsideFile file;
  file.target = path;
  if (isSpecial(path)) {
    file.descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.descriptor < 0)
      return fileError("write", path, errno);
    return file;
  }
  // Behind a link the file itself is replaced, and the link stays.
  if (std::filesystem::is_symlink(path, error)) {
    file.target = std::filesystem::weakly_canonical(path, error);
    if (error)
      return fileError("write", path, error.value());
  }
  std::string name = file.target.string() + ".tmp-XXXXXX";
  file.descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (file.descriptor < 0)
    return fileError("write", path, errno);
  mode_t mask = ::umask(0); // mkstemp gives 0600; use what open would give
  ::umask(mask);
  ::fchmod(file.descriptor, 0666 & ~mask);
  file.aside = name;
  return file;
}

Status checkWritable(const std::filesystem::path &path) {
  return isSpecial(path) ? Status() : AsideFile::create(path).status();
}

Status AsideFile::write(const void *data, size_t sizeBytes) {
  const auto *bytes = static_cast<const std::byte *>(data);
  while (sizeBytes > 0) {
    ssize_t done = ::write(descriptor, bytes, sizeBytes);
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return fileError("write", target, errno);
    bytes += done;
    sizeBytes -= static_cast<size_t>(done);
  }
  return {};
}

Status AsideFile::writeAt(const void *data, size_t sizeBytes, size_t offset) {
  const auto *bytes = static_cast<const std::byte *>(data);
  while (sizeBytes > 0) {
    ssize_t done =
        ::pwrite(descriptor, bytes, sizeBytes, static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return fileError("write", target, errno);
    bytes += done;
    offset += static_cast<size_t>(done);
    sizeBytes -= static_cast<size_t>(done);
  }
  return {};
}

Status AsideFile::commit() {
  if (aside.empty()) { // a device or a pipe has everything already
    ::close(std::exchange(descriptor, -1));
    return {};
  }
  if (::fsync(descriptor) != 0)
    return fileError("write", target, errno);
  if (::rename(aside.c_str(), target.c_str()) != 0)
    return fileError("write", target, errno);
  ::close(std::exchange(descriptor, -1));
  return syncDirectory(target.has_parent_path() ? target.parent_path() : ".");
}

FileLock::FileLock(const std::filesystem::path &path, Mode mode)
    : descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  int how = LOCK_EX | (mode == Mode::tryOnce ? LOCK_NB : 0);
  while (descriptor >= 0 && ::flock(descriptor, how) != 0) {
    taken = errno == EWOULDBLOCK;
    if (errno != EINTR)
      break;
  }
}

FileLock::~FileLock() {
  if (descriptor >= 0)
    ::close(descriptor);
}

bool holdStandardStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    int way = stream == STDOUT_FILENO ? O_RDONLY : O_WRONLY;
    if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", way) < 0)
      return false;
  }
  return true;
}

Status syncDirectory(const std::filesystem::path &directory) {
  int descriptor =
      ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return fileError("write", directory, errno);
  int rc = ::fsync(descriptor), error = errno;
  ::close(descriptor);
  // Some file systems have no fsync of directories; that is no failure.
  if (rc != 0 && error != EINVAL)
    return fileError("write", directory, error);
  return {};
}

} // namespace mlrt
