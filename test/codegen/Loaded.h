//===- Loaded.h - Generated code, loaded into the test --------------------===//
#ifndef MLC_TEST_CODEGEN_LOADED_H
#define MLC_TEST_CODEGEN_LOADED_H

#include "runtime/schema/KernelAbi.h"

#include <memory>
#include <string>

namespace mlc::test {

/// A shared object loaded from memory; closed with the last copy.
class Loaded {
public:
  /// \returns an object without a handle when loading fails; see `error`.
  static Loaded open(const std::string &bytes);

  mlrt::KernelFunction find(const std::string &symbol) const;
  explicit operator bool() const { return handle != nullptr; }
  std::string error;

private:
  std::shared_ptr<void> handle;
};

} // namespace mlc::test

#endif // MLC_TEST_CODEGEN_LOADED_H
