//===- FlushDenormals.h - Numbers below the normal range are 0 --*- C++ -*-===//
#ifndef MLC_RUNTIME_CORE_FLUSHDENORMALS_H
#define MLC_RUNTIME_CORE_FLUSHDENORMALS_H

namespace mlrt {

/// While it lives, arithmetic of this thread takes and gives 0 where a number
/// is below the normal range. The moments of a weight whose gradient stays 0
/// decay into that range and never leave it, and each operation there takes the
/// processor some hundred cycles: an update of Adam became 20 times slower.
class FlushDenormals {
public:
  FlushDenormals() : saved(__builtin_ia32_stmxcsr()) {
    constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
    __builtin_ia32_ldmxcsr(saved | kFlushToZero | kDenormalsAreZero);
  }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved); }
  FlushDenormals(const FlushDenormals &) = delete;
  FlushDenormals &operator=(const FlushDenormals &) = delete;

private:
  unsigned saved;
};

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_FLUSHDENORMALS_H
