//===- Sums.cpp - Sums over micro-batches in a fixed order ----------------===//

#include "runtime/exec/Sums.h"

#include "runtime/core/Float16.h"
#include "runtime/exec/ThreadPool.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace mlrt {

uint32_t mergesAfter(uint64_t i, uint64_t m) {
  uint32_t rightEdges = 0;
  for (uint64_t low = 0, high = m; high - low > 1;) {
    uint64_t middle = low + (high - low) / 2;
    if (i < middle) {
      high = middle;
      rightEdges = 0;
    } else {
      low = middle;
      ++rightEdges;
    }
  }
  return rightEdges;
}

namespace {

template <typename T>
void combineAs(ReductionKind reduction, T *left, const T *right,
               uint64_t count) {
  switch (reduction) {
  case ReductionKind::sum:
    for (uint64_t i = 0; i < count; ++i)
      left[i] = static_cast<T>(left[i] + right[i]);
    return;
  case ReductionKind::max: // a NaN on either side stays
    for (uint64_t i = 0; i < count; ++i)
      left[i] = left[i] < right[i] || right[i] != right[i] ? right[i] : left[i];
    return;
  case ReductionKind::min:
    for (uint64_t i = 0; i < count; ++i)
      left[i] = right[i] < left[i] || right[i] != right[i] ? right[i] : left[i];
    return;
  }
}

template <float (*Load)(uint16_t), uint16_t (*Store)(float)>
void combineHalf(ReductionKind reduction, uint16_t *left, const uint16_t *right,
                 uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    float a = Load(left[i]), b = Load(right[i]);
    combineAs(reduction, &a, &b, 1);
    left[i] = Store(a);
  }
}

template <typename T>
void fillAs(ReductionKind reduction, T *data, uint64_t n) {
  using Limits = std::numeric_limits<T>;
  T lowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  T highest = Limits::has_infinity ? Limits::infinity() : Limits::max();
  T value = reduction == ReductionKind::sum   ? T{0}
            : reduction == ReductionKind::max ? lowest
                                              : highest;
  std::fill_n(data, n, value);
}

// Below this, waking a thread costs more than it saves.
constexpr uint64_t kParallelBytes = 256 * 1024;

struct CombineTask {
  ReductionKind reduction;
  DType dtype;
  std::byte *left;
  const std::byte *right;
  uint64_t count;
  int threads;
  bool copy;
};

void runCombineTask(void *context, int thread) {
  const CombineTask &task = *static_cast<CombineTask *>(context);
  auto part = static_cast<uint64_t>(thread);
  auto parts = static_cast<uint64_t>(task.threads);
  uint64_t begin = task.count * part / parts;
  uint64_t end = task.count * (part + 1) / parts;
  uint64_t size = sizeOf(task.dtype);
  if (task.copy)
    std::memcpy(task.left + begin, task.right + begin, end - begin);
  else
    combine(task.reduction, task.dtype, task.left + begin * size,
            task.right + begin * size, end - begin);
}

} // namespace

void combine(ReductionKind reduction, DType dtype, void *left,
             const void *right, uint64_t count) {
  switch (dtype) {
  case DType::f32:
    return combineAs(reduction, static_cast<float *>(left),
                     static_cast<const float *>(right), count);
  case DType::f64:
    return combineAs(reduction, static_cast<double *>(left),
                     static_cast<const double *>(right), count);
  case DType::i32: // wraps, as in the language
    return combineAs(reduction, static_cast<int32_t *>(left),
                     static_cast<const int32_t *>(right), count);
  case DType::i64:
    return combineAs(reduction, static_cast<int64_t *>(left),
                     static_cast<const int64_t *>(right), count);
  case DType::bf16:
    return combineHalf<bf16ToFloat, floatToBf16>(
        reduction, static_cast<uint16_t *>(left),
        static_cast<const uint16_t *>(right), count);
  case DType::f16:
    return combineHalf<f16ToFloat, floatToF16>(
        reduction, static_cast<uint16_t *>(left),
        static_cast<const uint16_t *>(right), count);
  case DType::u8:
  case DType::boolean:
    return combineAs(reduction, static_cast<uint8_t *>(left),
                     static_cast<const uint8_t *>(right), count);
  }
}

void combine(ReductionKind reduction, DType dtype, void *left,
             const void *right, uint64_t count, ThreadPool &pool) {
  if (pool.size() == 1 || count * sizeOf(dtype) < kParallelBytes)
    return combine(reduction, dtype, left, right, count);
  CombineTask task{reduction,
                   dtype,
                   static_cast<std::byte *>(left),
                   static_cast<const std::byte *>(right),
                   count,
                   pool.size(),
                   false};
  pool.run(runCombineTask, &task);
}

void copyBytes(void *to, const void *from, uint64_t bytes, ThreadPool &pool) {
  if (bytes == 0 || to == from)
    return;
  if (pool.size() == 1 || bytes < kParallelBytes) {
    std::memcpy(to, from, bytes);
    return;
  }
  CombineTask task{ReductionKind::sum,
                   DType::u8,
                   static_cast<std::byte *>(to),
                   static_cast<const std::byte *>(from),
                   bytes,
                   pool.size(),
                   true};
  pool.run(runCombineTask, &task);
}

void fillNeutral(ReductionKind reduction, DType dtype, void *data,
                 uint64_t count) {
  switch (dtype) {
  case DType::f32:
    return fillAs(reduction, static_cast<float *>(data), count);
  case DType::f64:
    return fillAs(reduction, static_cast<double *>(data), count);
  case DType::i32:
    return fillAs(reduction, static_cast<int32_t *>(data), count);
  case DType::i64:
    return fillAs(reduction, static_cast<int64_t *>(data), count);
  case DType::u8:
  case DType::boolean:
    return fillAs(reduction, static_cast<uint8_t *>(data), count);
  case DType::bf16:
  case DType::f16: {
    float infinity = std::numeric_limits<float>::infinity();
    float value = reduction == ReductionKind::sum   ? 0.0f
                  : reduction == ReductionKind::max ? -infinity
                                                    : infinity;
    std::fill_n(static_cast<uint16_t *>(data), count,
                dtype == DType::f16 ? floatToF16(value) : floatToBf16(value));
    return;
  }
  }
}

void RunningSum::addTree(uint64_t i, uint64_t m, uint32_t &pending,
                         ThreadPool &pool) {
  if (m == 1)
    return copyBytes(result, source, bytes(), pool);
  std::byte *right = source; // the subtree that was finished last
  uint32_t merges = mergesAfter(i, m);
  for (; merges > 0; --merges) {
    std::byte *left = levels + --pending * levelStride;
    combine(reduction, dtype, left, right, count, pool);
    right = left;
  }
  if (i + 1 == m)
    return copyBytes(result, right, bytes(), pool);
  copyBytes(levels + pending * levelStride, right, bytes(), pool);
  ++pending;
}

void RunningSum::addFast(uint64_t i, uint64_t m, ThreadPool &pool) {
  if (m == 1)
    return copyBytes(result, source, bytes(), pool);
  // A level accumulates, since the kernel may write its source over the result.
  if (i == 0)
    return copyBytes(levels, source, bytes(), pool);
  combine(reduction, dtype, levels, source, count, pool);
  if (i + 1 == m)
    copyBytes(result, levels, bytes(), pool);
}

} // namespace mlrt
