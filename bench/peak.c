// One thread's peak of f32 multiply-adds in GFLOP/s: independent chains in
// registers, the fastest of 31 runs. cc -O3 -march=native peak.c
#include <stdio.h>
#include <time.h>
#ifdef __AVX512F__
enum { kLanes = 16, kChains = 24 };
#else
enum { kLanes = 8, kChains = 12 };
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static Vector spin(long steps, Vector a, Vector b) {
  Vector sums[kChains];
  for (int c = 0; c < kChains; ++c) {
    sums[c] = b;
    __asm__ volatile("" : "+v"(sums[c])); // not to be merged with another
  }
  for (long i = 0; i < steps; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) {
      sums[c] = sums[c] * a + b;
    }
  }
  Vector total = sums[0];
  for (int c = 1; c < kChains; ++c)
    total += sums[c];
  return total;
}

int main(void) {
  Vector a = {0}, b = {0}, total = {0};
  for (int i = 0; i < kLanes; ++i)
    a[i] = 0.5f, b[i] = 1.0f;
  const long steps = 100000;
  double best = 1e9, times[31];
  for (int r = 0; r < 31; ++r) {
    double begin = now();
    total += spin(steps, a, b);
    times[r] = now() - begin;
    if (times[r] < best)
      best = times[r];
  }
  double flops = 2.0 * steps * kChains * kLanes;
  printf("%.1f\n", flops / best * 1e-9);
  return total[0] == 12345.0f;
}
