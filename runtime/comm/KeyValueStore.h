//===- KeyValueStore.h - What ranks tell each other before they connect ---===//
#ifndef MLC_RUNTIME_COMM_KEYVALUESTORE_H
#define MLC_RUNTIME_COMM_KEYVALUESTORE_H

#include "runtime/core/Status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace mlrt {

/// Small values by key, the same for all ranks of a run. From any thread.
class KeyValueStore {
public:
  virtual ~KeyValueStore() = default;

  virtual Status set(std::string_view key, std::string_view value) = 0;
  /// Waits until `key` is set; 0 seconds only looks.
  /// \returns kTimeout naming the key.
  virtual Result<std::string> get(std::string_view key, double seconds) = 0;
  /// Sets `key` unless it is set already; the value that it then has.
  virtual Result<std::string> setFirst(std::string_view key,
                                       std::string_view value) = 0;
  /// Adds to a number that starts at 0; the new value.
  virtual Result<int64_t> add(std::string_view key, int64_t delta) = 0;
};

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_KEYVALUESTORE_H
