//===- Cause.h - Which of several failures explains the others ------------===//
#ifndef MLC_RUNTIME_LAUNCH_CAUSE_H
#define MLC_RUNTIME_LAUNCH_CAUSE_H

#include "runtime/core/Status.h"

#include <cstdint>

namespace mlrt {

/// When ranks fail one after the other, the highest is the cause of the rest.
enum class Cause : uint8_t {
  none,
  aborted, ///< stopped because of another
  peer,    ///< saw a peer fail, or did not hear of it
  own,     ///< an error of its own: no data, a loss that is not a number
  death,   ///< killed, stopped or cut off
};

inline Cause causeOf(StatusCode code) {
  switch (code) {
  case StatusCode::kOk:
    return Cause::none;
  case StatusCode::kAborted:
    return Cause::aborted;
  case StatusCode::kPeerFailed:
  case StatusCode::kTimeout:
    return Cause::peer;
  default:
    return Cause::own;
  }
}

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_CAUSE_H
