//===- Status.h - Errors as values ----------------------------------------===//
//
// Every function of the runtime that can fail returns a Status or a Result<T>.
// A code maps to one exit code of mlrun (docs: "Exit codes").
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_STATUS_H
#define MLC_RUNTIME_CORE_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace mlrt {

enum class StatusCode {
  kOk,
  kRunFailed,       ///< full disk, port in use, non-finite loss: exit 1
  kInvalidArgument, ///< the command line or a call is wrong: exit 2
  kBadInput,        ///< data, weights, checkpoint or plan damaged: exit 3
  kUnavailable,     ///< device, driver or CPU missing or wrong: exit 4
  kPeerFailed,      ///< another rank died, or broke the protocol: exit 5
  kTimeout,         ///< a peer did not answer in time: exit 5
  kAborted,         ///< stopped because another rank failed first: exit 5
  kInterrupted,     ///< SIGINT or SIGTERM: exit 130 or 143
  kInternal,        ///< a bug of ours: exit 70
};

/// Success, or a code and one message for people: what, where, what to do.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message)
      : statusCode(code), text(std::move(message)) {}

  bool ok() const { return statusCode == StatusCode::kOk; }
  StatusCode code() const { return statusCode; }
  const std::string &message() const { return text; }

private:
  StatusCode statusCode = StatusCode::kOk;
  std::string text;
};

/// The exit code of mlrun for `code`. Interrupted is 130; the caller knows
/// better for SIGTERM.
int exitCode(StatusCode code);

/// A value, or the Status that says why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : held(std::move(value)) {}
  Result(Status status) : failure(std::move(status)) {
    assert(!failure.ok() && "a Result without a value needs an error");
  }

  bool ok() const { return held.has_value(); }
  const Status &status() const { return failure; }
  T &operator*() { return *held; }
  const T &operator*() const { return *held; }
  T *operator->() { return &*held; }
  const T *operator->() const { return &*held; }

private:
  std::optional<T> held;
  Status failure;
};

} // namespace mlrt

/// Returns early with the Status of `expression` when it failed.
#define MLRT_RETURN_IF_ERROR(expression)                                       \
  do {                                                                         \
    if (::mlrt::Status mlrtStatus = (expression); !mlrtStatus.ok())            \
      return mlrtStatus;                                                       \
  } while (false)

#endif // MLC_RUNTIME_CORE_STATUS_H
