//===- Linker.cpp - lld as a library --------------------------------------===//
//
// lld reads and writes files: both live in a temporary folder that is removed
// again. Symbols and the comment section are stripped, so that no name of that
// folder and no version text remains.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Linker.h"

#include "lld/Common/CommonLinkerContext.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

namespace mlc {

bool linkSharedObject(llvm::StringRef object, std::string &linked,
                      std::string &error) {
  static std::mutex oneAtATime; // lld keeps global state
  std::lock_guard<std::mutex> guard(oneAtATime);

  llvm::SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("mlc", folder)) {
    error = "cannot create a temporary folder: " + code.message();
    return false;
  }
  auto cleanup = llvm::scope_exit([&] {
    [[maybe_unused]] std::error_code ignored =
        llvm::sys::fs::remove_directories(folder, true);
  });
  llvm::SmallString<128> input(folder), output(folder);
  llvm::sys::path::append(input, "kernels.o");
  llvm::sys::path::append(output, "kernels.so");
  {
    std::error_code code;
    llvm::raw_fd_ostream file(input, code);
    if (!code) {
      file << object;
      file.close();
      code = file.error();
    }
    if (code) {
      file.clear_error();
      error = "cannot write " + input.str().str() + ": " + code.message();
      return false;
    }
  }

  std::string messages;
  llvm::raw_string_ostream stream(messages);
  const char *arguments[] = {"ld.lld",
                             "-shared",
                             "--no-undefined",
                             "--build-id=none",
                             "--strip-all",
                             "--hash-style=gnu",
                             "-z",
                             "noexecstack",
                             "-z",
                             "relro",
                             "-z",
                             "now",
                             "--threads=1",
                             "-soname",
                             "kernels",
                             "-o",
                             output.c_str(),
                             input.c_str()};
  bool ok = lld::elf::link(arguments, stream, stream, /*exitEarly=*/false,
                           /*disableOutput=*/false);
  lld::CommonLinkerContext::destroy();
  if (!ok) {
    error = messages;
    return false;
  }
  auto bytes = llvm::MemoryBuffer::getFile(output, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes) {
    error = "cannot read the linked kernels: " + bytes.getError().message();
    return false;
  }
  linked = (*bytes)->getBuffer().str();
  return true;
}

} // namespace mlc
