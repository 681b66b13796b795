// One thread's peak of f32 multiply-adds in GFLOP/s: independent chains in
// registers, the fastest of 1001 runs as short as a kernel, since a core's
// clock varies over longer ones. cc -O3 -march=native peak.c
#include <stdio.h>
#include <time.h>
#ifdef __AVX512F__
enum { kLanes = 16, kChains = 24 };
#else
enum { kLanes = 8, kChains = 12 };
#endif
// The loop's own instructions take ports of the products.
enum { kUnrolled = 8 };
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
  for (long i = 0; i < steps; i += kUnrolled) {
#pragma GCC unroll 8
    for (int u = 0; u < kUnrolled; ++u) {
#pragma GCC unroll 24
      for (int c = 0; c < kChains; ++c) {
        sums[c] = sums[c] * a + b;
      }
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
  const long steps = 10000;
  double best = 1e9;
  for (int r = 0; r < 1001; ++r) {
    double begin = now();
    total += spin(steps, a, b);
    double time = now() - begin;
    if (time < best)
      best = time;
    nanosleep(&(struct timespec){0, 200000}, NULL);
  }
  double flops = 2.0 * steps * kChains * kLanes;
  printf("%.1f\n", flops / best * 1e-9);
  return total[0] == 12345.0f;
}
