/* Peak of fused multiply-adds of one core: 16 independent chains in registers, no memory. Prints GFLOP per CPU second. */
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

#define CHAINS 16
#define ROUNDS 40000000L

#define KERNEL(name, features, vector, set1, fmadd)                                        \
  __attribute__((target(features), noinline)) static void name(float *out) {               \
    vector sum[CHAINS], factor = set1(0.999f), addend = set1(0.001f);                      \
    for (int chain = 0; chain < CHAINS; chain++) sum[chain] = set1(chain * 0.001f);        \
    for (long round = 0; round < ROUNDS; round++)                                          \
      for (int chain = 0; chain < CHAINS; chain++) sum[chain] = fmadd(sum[chain], factor, addend); \
    for (int chain = 0; chain < CHAINS; chain++) out[chain] = ((float *)&sum[chain])[0];   \
  }

KERNEL(wide, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps)
KERNEL(narrow, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps)

static double measure(void (*kernel)(float *), int lanes) {
  float out[CHAINS];
  double best = 0;
  for (int attempt = 0; attempt < 5; attempt++) {
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    kernel(out);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double seconds = (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec);
    double rate = 2.0 * ROUNDS * CHAINS * lanes / seconds / 1e9;
    if (rate > best) best = rate;
  }
  return best;
}

int main(void) {
  double peak = measure(narrow, 8);
  if (__builtin_cpu_supports("avx512f")) {
    double other = measure(wide, 16);
    if (other > peak) peak = other;
  }
  printf("%.1f\n", peak);
  return 0;
}
