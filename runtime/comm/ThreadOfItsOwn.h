//===- ThreadOfItsOwn.h - Run functions on one other thread ---------------===//
#ifndef MLC_RUNTIME_COMM_THREADOFITSOWN_H
#define MLC_RUNTIME_COMM_THREADOFITSOWN_H

#include "runtime/core/FlushDenormals.h"
#include "runtime/core/Thread.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>

namespace mlrt {

/// A thread that does what one caller at a time asks of it. Asking allocates
/// nothing; both sides sleep on a futex while they wait.
class ThreadOfItsOwn {
public:
  /// \param name  at most 15 characters.
  explicit ThreadOfItsOwn(const char *name)
      : thread([this, name] { work(name); }) {}
  ~ThreadOfItsOwn() {
    task = nullptr;
    asked.fetch_add(1);
    asked.notify_one();
    thread.join();
  }
  ThreadOfItsOwn(const ThreadOfItsOwn &) = delete;
  ThreadOfItsOwn &operator=(const ThreadOfItsOwn &) = delete;

  /// Calls `function()` there, and returns when it has returned. It must not
  /// throw.
  template <typename Function> void run(Function &&function) {
    task = [](void *callee) {
      (*static_cast<std::remove_reference_t<Function> *>(callee))();
    };
    argument = &function;
    uint32_t number = asked.fetch_add(1) + 1;
    asked.notify_one();
    for (uint32_t now = done.load(); now != number; now = done.load())
      done.wait(now);
  }

private:
  void work(const char *name) {
    nameThisThread(name);
    FlushDenormals flush; // sums of ranks are those of the compute threads
    for (uint32_t number = 1;; ++number) {
      asked.wait(number - 1);
      if (task == nullptr)
        return;
      task(argument);
      done.store(number);
      done.notify_one();
    }
  }

  void (*task)(void *) = nullptr;
  void *argument = nullptr;
  std::atomic<uint32_t> asked{0}, done{0};
  std::thread thread; ///< last: begins when the rest is there
};

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_THREADOFITSOWN_H
