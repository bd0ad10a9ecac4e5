/* load: keeps arithmetic units and memory busy at once with work whose answer is known.
 *
 * load_fill(target, vectors, seed)
 *     target[i] = four words that vary with the low 32 bits of i and with seed, as mix() below tells.
 *                                                                                          traffic: 16 bytes written
 * load_run(source, vectors, seed, rounds, wrong)
 *     Every thread, `rounds` times over:
 *       CHAINS pairs (x, y) go STEPS times round a circle, x -> x - EPSILON * y, y -> y + EPSILON * x, each by one fused
 *       multiply-add in round-to-nearest: 2 * CHAINS * STEPS of them. Chain c of thread t begins in round r at
 *       START_X * 2^-e, START_Y * 2^-e, e = c + (t + r) % SCALES, and ends, all exponents being e lower, at END_X * 2^-e,
 *       END_Y * 2^-e: the same bits on every sound unit. Threads differ because the compiler would give sums that are
 *       alike in a whole warp to the one unit that serves warps, and rounds so that it works no answer out but once.
 *       READS vectors of source are read and held against mix() of their index.
 *     wrong[0] += chains that ended elsewhere, wrong[1] += vectors that held something else.
 *                                                                                     traffic: 16 * READS bytes read
 *
 * The circle neither settles nor grows, so the operands keep changing; nothing of it is ever denormal.
 * `vectors` counts 16-byte vectors and is at least 1. Launch: any grid, GPUCHECK_THREADS threads a block.
 * Who verifies: tests/kernels holds the ends of the chains against exact arithmetic; the probe reads `wrong`.
 * Header-free, see memory_walk.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define GPUCHECK_THREADS 512
#define CHAINS 4
#define STEPS 128
#define READS 2
#define SCALES 8
#define EPSILON 0.3321928f
#define START_X 0.7853981f
#define START_Y 0.5772156f
#define END_X_BITS 0x3f2b5864u
#define END_Y_BITS 0xbefbe623u

#ifdef GPUCHECK_HOST
__device__ __forceinline__ uint4 load(const uint4* p) { return *p; }
__device__ __forceinline__ float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
__device__ __forceinline__ u32 bits(float x) {
  u32 b;
  __builtin_memcpy(&b, &x, 4);
  return b;
}
__device__ __forceinline__ float power_of_two(u32 exponent) {
  float x;
  exponent <<= 23;
  __builtin_memcpy(&x, &exponent, 4);
  return x;
}
#else
__device__ __forceinline__ uint4 load(const uint4* p) {
  uint4 v;
  asm volatile("ld.global.cs.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}
__device__ __forceinline__ float fused(float a, float b, float c) { return __fmaf_rn(a, b, c); }
__device__ __forceinline__ u32 bits(float x) { return __float_as_uint(x); }
__device__ __forceinline__ float power_of_two(u32 exponent) { return __uint_as_float(exponent << 23); }
#endif

__device__ __forceinline__ uint4 mix(u64 index, u32 seed) {
  uint4 v;
  v.x = ((u32)index * 0x9e3779b9u) ^ seed;
  v.y = v.x * 0x85ebca6bu;
  v.z = ~v.x;
  v.w = v.y ^ 0x5bd1e995u;
  return v;
}

__device__ __forceinline__ u32 differs(uint4 a, uint4 b) {
  return (a.x != b.x || a.y != b.y || a.z != b.z || a.w != b.w) ? 1u : 0u;
}

__device__ __forceinline__ u32 circle(u32 round) {
  float x[CHAINS], y[CHAINS];
  u32 own = (threadIdx.x + round) % SCALES;
#pragma unroll
  for (int c = 0; c < CHAINS; ++c) {
    x[c] = START_X * power_of_two(127 - c - own);
    y[c] = START_Y * power_of_two(127 - c - own);
  }
#pragma unroll 8
  for (int step = 0; step < STEPS; ++step) {
#pragma unroll
    for (int c = 0; c < CHAINS; ++c) x[c] = fused(-EPSILON, y[c], x[c]);
#pragma unroll
    for (int c = 0; c < CHAINS; ++c) y[c] = fused(EPSILON, x[c], y[c]);
  }
  u32 wrong = 0;
#pragma unroll
  for (int c = 0; c < CHAINS; ++c)
    wrong += bits(x[c]) != END_X_BITS - ((c + own) << 23) || bits(y[c]) != END_Y_BITS - ((c + own) << 23);
  return wrong;
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
load_fill(uint4* target, u64 vectors, u32 seed) {
  u64 stride = (u64)gridDim.x * GPUCHECK_THREADS;
  for (u64 i = (u64)blockIdx.x * GPUCHECK_THREADS + threadIdx.x; i < vectors; i += stride) target[i] = mix(i, seed);
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
load_run(const uint4* source, u64 vectors, u32 seed, u32 rounds, u32* wrong) {
  u64 stride = (u64)gridDim.x * GPUCHECK_THREADS;
  u64 at = ((u64)blockIdx.x * GPUCHECK_THREADS + threadIdx.x) % vectors;
  u32 sums = 0, cells = 0;
#pragma unroll 1
  for (u32 round = 0; round < rounds; ++round) {
    uint4 seen[READS];
    u64 from[READS];
#pragma unroll
    for (int k = 0; k < READS; ++k) {
      from[k] = at;
      seen[k] = load(source + at);
      at += stride;
      while (at >= vectors) at -= vectors;
    }
    sums += circle(round);
#pragma unroll
    for (int k = 0; k < READS; ++k) cells += differs(seen[k], mix(from[k], seed));
  }
  if (sums) atomicAdd(wrong, sums);
  if (cells) atomicAdd(wrong + 1, cells);
}
