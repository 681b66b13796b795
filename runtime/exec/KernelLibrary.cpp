//===- KernelLibrary.cpp - The machine code of a plan ---------------------===//

#include "runtime/exec/KernelLibrary.h"

#include "runtime/exec/PlanChecks.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace mlrt {

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

KernelLibrary::KernelLibrary(KernelLibrary &&other) noexcept
    : handle(std::exchange(other.handle, nullptr)),
      functions(std::move(other.functions)) {}

KernelLibrary &KernelLibrary::operator=(KernelLibrary &&other) noexcept {
  std::swap(handle, other.handle);
  std::swap(functions, other.functions);
  return *this;
}

KernelLibrary::~KernelLibrary() {
  if (handle)
    ::dlclose(handle);
}

static Status cannotLoad(const Plan &plan, const char *why) {
  return {StatusCode::kRunFailed,
          plan.path() + ": cannot load the plan's machine code: " +
              (why ? why : "unknown reason")};
}

Result<KernelLibrary> KernelLibrary::load(const Plan &plan) {
  std::span<const std::byte> code = plan.code();
  if (Status status = verifyElf(code); !status.ok())
    return damaged(plan.path() + ": the plan is damaged: " + status.message() +
                   "; compile the model again with mlc");
  int fd = ::memfd_create("mlrun-kernels", MFD_CLOEXEC);
  if (fd < 0)
    return cannotLoad(plan, std::strerror(errno));
  size_t done = 0;
  while (done < code.size()) {
    ssize_t written = ::write(fd, code.data() + done, code.size() - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      Status failure = cannotLoad(plan, std::strerror(errno));
      ::close(fd);
      return failure;
    }
    done += static_cast<size_t>(written);
  }
  KernelLibrary library;
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  library.handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  Status failure = library.handle ? Status() : cannotLoad(plan, ::dlerror());
  ::close(fd);
  if (!failure.ok())
    return failure;
  for (const schema::Kernel *kernel : *plan->kernels()) {
    std::string symbol(textOf(kernel->symbol()));
    void *function = ::dlsym(library.handle, symbol.c_str());
    if (!function)
      return damaged(plan.path() +
                     ": the plan is damaged: its machine code "
                     "has no kernel '" +
                     printable(symbol) + "'; compile the model again with mlc");
    library.functions.push_back(reinterpret_cast<KernelFunction>(function));
  }
  return library;
}

} // namespace mlrt
