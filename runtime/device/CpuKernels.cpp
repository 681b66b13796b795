//===- CpuKernels.cpp - Machine code from memory --------------------------===//

#include "runtime/device/CpuKernels.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace mlrt {

static Status damaged(std::string what) {
  return {StatusCode::kBadInput, std::move(what)};
}

static bool contains(std::span<const std::byte> code, uint64_t offset,
                     uint64_t sizeBytes) {
  return offset <= code.size() && sizeBytes <= code.size() - offset;
}

Status verifyElf(std::span<const std::byte> code) {
  Elf64_Ehdr header;
  if (code.size() < sizeof header)
    return damaged("its machine code is cut short");
  std::memcpy(&header, code.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN ||
      header.e_machine != EM_X86_64)
    return damaged("its machine code is not a shared object for x86-64");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > 64 ||
      !contains(code, header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)))
    return damaged("its machine code has no valid segments");
  for (uint16_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, code.data() + header.e_phoff + i * sizeof segment,
                sizeof segment);
    if (segment.p_type == PT_GNU_STACK)
      continue;
    if (!contains(code, segment.p_offset, segment.p_filesz) ||
        segment.p_memsz < segment.p_filesz ||
        segment.p_memsz > uint64_t{1} << 32 ||
        segment.p_vaddr > uint64_t{1} << 40)
      return damaged("a segment of its machine code lies outside");
  }
  return {};
}

CpuKernels::~CpuKernels() {
  if (object)
    ::dlclose(object);
}

static Status cannotLoad(const char *why) {
  return {StatusCode::kRunFailed,
          std::string("cannot load the plan's machine code: ") +
              (why ? why : "unknown reason")};
}

/// A file in memory that holds `code`, or -1 with errno.
static int memoryFile(std::span<const std::byte> code) {
  int fd = ::memfd_create("mlrun-kernels", MFD_CLOEXEC);
  for (size_t done = 0; fd >= 0 && done < code.size();) {
    ssize_t written = ::write(fd, code.data() + done, code.size() - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      int reason = errno;
      ::close(fd);
      errno = reason;
      return -1;
    }
    done += static_cast<size_t>(written);
  }
  return fd;
}

Result<std::unique_ptr<DeviceKernels>>
CpuKernels::load(std::span<const std::byte> code,
                 std::span<const std::string> symbols) {
  MLRT_RETURN_IF_ERROR(verifyElf(code));
  int fd = memoryFile(code);
  if (fd < 0)
    return cannotLoad(std::strerror(errno));
  std::unique_ptr<CpuKernels> kernels(new CpuKernels);
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  kernels->object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  Status failure = kernels->object ? Status() : cannotLoad(::dlerror());
  ::close(fd);
  MLRT_RETURN_IF_ERROR(failure);
  for (const std::string &symbol : symbols) {
    void *function = ::dlsym(kernels->object, symbol.c_str());
    if (!function)
      return damaged("its machine code has no kernel '" + symbol + "'");
    kernels->functions.push_back(function);
  }
  return std::unique_ptr<DeviceKernels>(std::move(kernels));
}

} // namespace mlrt
