//===- CountAllocations.cpp - Preloaded: who allocates, and how much ------===//
//
// Interposes the C library's allocation functions (operator new ends in
// malloc) and counts calls by the name of the thread. When a process ends it
// writes $COUNT_ALLOCATIONS.PID: `forked 0|1` (a worker of a supervisor), then
// `thread NAME calls N`, then `bytes N NAME` for each request of 1024 or more.
// With COUNT_ALLOCATIONS_AFTER=N, call N and the following 20 of every thread
// name print a backtrace.
//
//===----------------------------------------------------------------------===//

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
}

namespace {

struct Count {
  char name[16];
  std::atomic<unsigned long> calls;
};
struct Large {
  size_t bytes;
  char name[16];
};
constexpr int kNames = 64, kLarge = 65536;
constexpr size_t kLargeBytes = 1024;

Count counts[kNames]; // zero: before any constructor runs
std::atomic<int> usedNames, usedLarge;
Large large[kLarge];
std::atomic<bool> busy; // taken while a name is added
std::atomic<bool> isForked;
thread_local bool inside __attribute__((tls_model("initial-exec")));

Count &countOf(const char *name) {
  while (true) {
    int used = usedNames.load();
    for (int i = 0; i < used; ++i)
      if (std::strcmp(counts[i].name, name) == 0)
        return counts[i];
    if (busy.exchange(true))
      continue;
    if (usedNames.load() == used) {
      std::memcpy(counts[used % kNames].name, name, std::strlen(name) + 1);
      usedNames.store(used + 1);
    }
    busy.store(false);
  }
}

unsigned long tracedFrom() {
  static const char *after = std::getenv("COUNT_ALLOCATIONS_AFTER");
  return after != nullptr ? std::strtoul(after, nullptr, 10) : ~0ul;
}

void count(const char *function, size_t bytes) {
  if (inside)
    return;
  inside = true;
  int error = errno;
  char name[16] = {};
  prctl(PR_GET_NAME, name);
  unsigned long number = ++countOf(name).calls;
  if (bytes >= kLargeBytes) {
    Large &entry = large[usedLarge.fetch_add(1) % kLarge];
    entry.bytes = bytes;
    std::memcpy(entry.name, name, sizeof(name));
  }
  if (number >= tracedFrom() && number <= tracedFrom() + 20) {
    void *frames[24];
    dprintf(2, "%s: call %lu, %s of %zu bytes\n", name, number, function,
            bytes);
    backtrace_symbols_fd(frames, backtrace(frames, 24), 2);
  }
  errno = error;
  inside = false;
}

void write() {
  const char *path = std::getenv("COUNT_ALLOCATIONS");
  if (path == nullptr)
    return;
  inside = true;
  char file[4096];
  std::snprintf(file, sizeof(file), "%s.%d", path, getpid());
  int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  dprintf(fd, "forked %d\n", isForked.load());
  for (int i = 0; i < usedNames.load(); ++i)
    dprintf(fd, "thread %s calls %lu\n", counts[i].name,
            counts[i].calls.load());
  for (int i = 0; i < usedLarge.load() && i < kLarge; ++i)
    dprintf(fd, "bytes %zu %s\n", large[i].bytes, large[i].name);
  close(fd);
}

template <typename Function> Function *next(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

/// Runs in the child before fork() returns there.
void startAnew() {
  isForked.store(true);
  for (Count &each : counts)
    each.calls.store(0);
  usedLarge.store(0);
}

__attribute__((constructor)) void prepare() {
  pthread_atfork(nullptr, nullptr, startAnew);
}
__attribute__((destructor)) void finish() { write(); }

} // namespace

extern "C" {

void *malloc(size_t bytes) {
  count("malloc", bytes);
  return __libc_malloc(bytes);
}
void *calloc(size_t number, size_t bytes) {
  count("calloc", number * bytes);
  return __libc_calloc(number, bytes);
}
void *realloc(void *old, size_t bytes) {
  count("realloc", bytes);
  return __libc_realloc(old, bytes);
}
void *reallocarray(void *old, size_t number, size_t bytes) {
  count("reallocarray", number * bytes);
  size_t total = 0;
  if (__builtin_mul_overflow(number, bytes, &total)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_realloc(old, total);
}
void *memalign(size_t alignment, size_t bytes) {
  count("memalign", bytes);
  return __libc_memalign(alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  count("aligned_alloc", bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **result, size_t alignment, size_t bytes) {
  count("posix_memalign", bytes);
  *result = __libc_memalign(alignment, bytes);
  return *result != nullptr ? 0 : ENOMEM;
}
void *valloc(size_t bytes) {
  count("valloc", bytes);
  return __libc_memalign(4096, bytes);
}
void *mmap(void *at, size_t bytes, int protection, int flags, int file,
           off_t offset) {
  count("mmap", bytes);
  return reinterpret_cast<void *>(
      syscall(SYS_mmap, at, bytes, protection, flags, file, offset));
}
void *mmap64(void *at, size_t bytes, int protection, int flags, int file,
             off64_t offset) {
  return mmap(at, bytes, protection, flags, file, offset);
}
void *mremap(void *old, size_t oldBytes, size_t bytes, int flags, ...) {
  count("mremap", bytes);
  return reinterpret_cast<void *>(
      syscall(SYS_mremap, old, oldBytes, bytes, flags, nullptr));
}
int brk(void *end) {
  count("brk", 0);
  return next<int(void *)>("brk")(end);
}
void *sbrk(intptr_t increment) {
  count("sbrk", 0);
  return next<void *(intptr_t)>("sbrk")(increment);
}

/// A worker ends so, without destructors.
void _exit(int status) {
  write();
  syscall(SYS_exit_group, status);
  __builtin_unreachable();
}
}
