//===- Linker.h - lld as a library ----------------------------------------===//
#ifndef MLC_CODEGEN_CPU_LINKER_H
#define MLC_CODEGEN_CPU_LINKER_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace mlc {

/// Links one relocatable ELF object into a position-independent shared object
/// in which nothing is undefined. One thread at a time. Returns false and sets
/// `error` on failure.
bool linkSharedObject(llvm::StringRef object, std::string &linked,
                      std::string &error);

} // namespace mlc

#endif // MLC_CODEGEN_CPU_LINKER_H
