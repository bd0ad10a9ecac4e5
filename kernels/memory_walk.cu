/* memory_walk: gives every 16-byte vector of device memory a value that names its own place, and reads it back.
 *
 * Pattern (gpucheck/probes/pattern.py holds its twin and its inverse), arithmetic modulo 2^64, fold(x) = x ^ (x >> 32):
 *     low  = fold((index + seed) * 0x9e3779b97f4a7c15)
 *     high = fold(low * 0xd1342543de82ef95)             both then xored with `complement`, which is 0 or ~0
 * A vector is stored as low then high, little endian. Both steps are bijections, so a stray value leads back to the
 * index whose write landed there.
 *
 * walk_write(base, first, vectors, seed, complement)
 *     base[i] = pattern(first + i) for i in [0, vectors).                                traffic: 16 bytes written
 *
 * walk_verify(base, first, vectors, seed, complement, rewrite, region_shift, log_capacity, summary, log, regions)
 *     compares base[i] with pattern(first + i).                                             traffic: 16 bytes read,
 *     rewrite != 0 then stores the complement of the expected value, right or wrong.       and 16 written
 *     For a wrong vector of walk index n = first + i:
 *       regions[n >> region_shift] += 1         exact, whatever the log holds
 *       summary[0]  counts log attempts; attempts stop soon after the log is full, so it is no count of wrong vectors
 *       summary[1]  lowest n, the host sets it to ~0 before;  summary[2]  highest n, the host sets it to 0 before
 *       log[6k..6k+5] = n, expected low, expected high, read low, read high, 0      for k < log_capacity, in any order
 *     The three outputs accumulate over launches; clearing them is the host's part.
 *
 * Launch: any grid, GPUCHECK_THREADS threads a block. `base` is 16-byte aligned. No barrier, no warp intrinsic, no
 * header: the same text compiles for every architecture by NVRTC, and with g++ for the tests (GPUCHECK_HOST).
 * Who verifies: tests/kernels against NumPy; at run time the probe's self-test with injected wrong words.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define GPUCHECK_THREADS 512
#define IN_FLIGHT 4 /* 16-byte vectors that a thread has under way: 64 KiB per multiprocessor at two blocks each */
#define TILE ((u64)GPUCHECK_THREADS * IN_FLIGHT)

#ifdef GPUCHECK_HOST
__device__ __forceinline__ uint4 load(const uint4* p) { return *p; }
__device__ __forceinline__ void store(uint4* p, uint4 v) { *p = v; }
#else
__device__ __forceinline__ uint4 load(const uint4* p) {
  uint4 v;
  asm volatile("ld.global.cs.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}
__device__ __forceinline__ void store(uint4* p, uint4 v) {
  asm volatile("st.global.cs.v4.u32 [%0], {%1, %2, %3, %4};"
               :: "l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
#endif

struct Words {
  u64 low, high;
};

struct Outputs {
  u64* summary;
  u64* log;
  u32* regions;
  u32 shift, capacity;
};

/* What one thread has seen. Kept in registers so that a card that is wrong everywhere does not queue on one address. */
struct Tally {
  u64 lowest, highest, region;
  u32 wrong;
};

__device__ __forceinline__ Words pattern(u64 index, u64 seed, u64 complement) {
  Words w;
  u64 a = (index + seed) * 0x9e3779b97f4a7c15ULL;
  a ^= a >> 32;
  u64 b = a * 0xd1342543de82ef95ULL;
  b ^= b >> 32;
  w.low = a ^ complement;
  w.high = b ^ complement;
  return w;
}

__device__ __forceinline__ uint4 pack(Words w) {
  uint4 v;
  v.x = (u32)w.low;
  v.y = (u32)(w.low >> 32);
  v.z = (u32)w.high;
  v.w = (u32)(w.high >> 32);
  return v;
}

__device__ __forceinline__ Words unpack(uint4 v) {
  Words w;
  w.low = ((u64)v.y << 32) | v.x;
  w.high = ((u64)v.w << 32) | v.z;
  return w;
}

__device__ __forceinline__ void flush(Tally* t, Outputs out) {
  if (t->wrong) atomicAdd(out.regions + t->region, t->wrong);
  t->wrong = 0;
}

__device__ __forceinline__ void append(u64 index, Words expected, Words got, Outputs out) {
  /* The plain read spares the atomic once the log is full; a stale value costs one needless attempt. */
  if (*(volatile u64*)out.summary >= out.capacity) return;
  u64 k = atomicAdd(out.summary, (u64)1);
  if (k >= out.capacity) return;
  u64* row = out.log + 6 * k;
  row[0] = index;
  row[1] = expected.low;
  row[2] = expected.high;
  row[3] = got.low;
  row[4] = got.high;
  row[5] = 0;
}

__device__ __forceinline__ void report(u64 index, Words expected, Words got, Tally* t, Outputs out) {
  u64 region = index >> out.shift;
  if (region != t->region) {
    flush(t, out);
    t->region = region;
  }
  t->wrong += 1;
  if (index < t->lowest) t->lowest = index;
  if (index > t->highest) t->highest = index;
  append(index, expected, got, out);
}

__device__ __forceinline__ void compare(uint4* at, uint4 seen, u64 index, u64 seed, u64 complement, u32 rewrite,
                                        Tally* t, Outputs out) {
  Words expected = pattern(index, seed, complement), got = unpack(seen);
  if ((expected.low ^ got.low) | (expected.high ^ got.high)) report(index, expected, got, t, out);
  if (rewrite) {
    Words other;
    other.low = ~expected.low;
    other.high = ~expected.high;
    store(at, pack(other));
  }
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_write(uint4* base, u64 first, u64 vectors, u64 seed, u64 complement) {
  u64 tiles = vectors / TILE;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * TILE + threadIdx.x;
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) {
      u64 i = at + (u64)k * GPUCHECK_THREADS;
      store(base + i, pack(pattern(first + i, seed, complement)));
    }
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS)
      store(base + i, pack(pattern(first + i, seed, complement)));
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_verify(uint4* base, u64 first, u64 vectors, u64 seed, u64 complement, u32 rewrite, u32 region_shift,
            u32 log_capacity, u64* summary, u64* log, u32* regions) {
  Outputs out = {summary, log, regions, region_shift, log_capacity};
  Tally t = {~(u64)0, 0, 0, 0};
  u64 tiles = vectors / TILE;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * TILE + threadIdx.x;
    uint4 seen[IN_FLIGHT];
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) seen[k] = load(base + at + (u64)k * GPUCHECK_THREADS);
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) {
      u64 i = at + (u64)k * GPUCHECK_THREADS;
      compare(base + i, seen[k], first + i, seed, complement, rewrite, &t, out);
    }
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS)
      compare(base + i, load(base + i), first + i, seed, complement, rewrite, &t, out);
  flush(&t, out);
  if (t.lowest == ~(u64)0) return;
  if (t.lowest < *(volatile u64*)(summary + 1)) atomicMin(summary + 1, t.lowest);
  if (t.highest > *(volatile u64*)(summary + 2)) atomicMax(summary + 2, t.highest);
}
