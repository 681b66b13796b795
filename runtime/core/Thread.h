//===- Thread.h - Names of threads ----------------------------------------===//
#ifndef MLC_RUNTIME_CORE_THREAD_H
#define MLC_RUNTIME_CORE_THREAD_H

#include <pthread.h>

namespace mlrt {

/// Names the calling thread, for debuggers, `top -H`, and the test that only
/// compute threads must pass: they are "compute" or keep the program's name.
///
/// \param name  at most 15 characters; threads begun from this one inherit it.
inline void nameThisThread(const char *name) {
  (void)pthread_setname_np(pthread_self(), name);
}

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_THREAD_H
