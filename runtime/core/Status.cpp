//===- Status.cpp - Errors as values --------------------------------------===//

#include "runtime/core/Status.h"

namespace mlrt {

int exitCode(StatusCode code) {
  switch (code) {
  case StatusCode::kOk:
    return 0;
  case StatusCode::kRunFailed:
    return 1;
  case StatusCode::kInvalidArgument:
    return 2;
  case StatusCode::kBadInput:
    return 3;
  case StatusCode::kUnavailable:
    return 4;
  case StatusCode::kPeerFailed:
  case StatusCode::kTimeout:
  case StatusCode::kAborted:
    return 5;
  case StatusCode::kInterrupted:
    return 130;
  case StatusCode::kInternal:
    return 70;
  }
  return 70;
}

} // namespace mlrt
