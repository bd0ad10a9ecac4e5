/* bandwidth: streams through device memory as fast as it will go.
 *
 * stream_read(source, vectors, sink, never)
 *     xors all 32-bit words that a thread reads; a thread whose result equals `never` stores it to sink[threadIdx.x]
 *     (GPUCHECK_THREADS words). The store keeps the loads alive, its value means nothing.     traffic: 16 bytes read
 * stream_sectors(source, vectors, sink, never)
 *     as stream_read, but of each 64 bytes one half alone, a sector of 32 bytes: vector i of those read is
 *     source[sector_vector(i)]. `vectors` counts what is read; the source spans up to 2 * vectors (to whole 64 bytes) and
 *     starts at a multiple of 64 bytes. Which half is taken varies without a period, so that no channel, bank or cache
 *     slice that is chosen by address bits goes without its share.    traffic: 16 bytes useful; what memory delivers
 *     beside them is not counted, and is what this kernel is for
 * stream_write(target, vectors, seed)
 *     target[i] = four words that vary with the low 32 bits of i and with seed, as mix() below tells; incompressible
 *     enough not to flatter.                                                               traffic: 16 bytes written
 * stream_copy(target, source, vectors)
 *     target[i] = source[i]; the two do not overlap.                         traffic: 16 bytes read, 16 bytes written
 * stream_triad(target, first, second, scale, vectors)
 *     target[i] = first[i] + scale * second[i] in four lanes of binary32, fused or not; `scale` holds the bits of a
 *     binary32. No two of the three overlap.                                 traffic: 32 bytes read, 16 bytes written
 *
 * `vectors` counts 16-byte vectors, tails included. Launch: any grid, GPUCHECK_THREADS threads a block.
 * In flight: a thread has IN_FLIGHT vectors under way; at two blocks of 512 threads a multiprocessor that is 128 KiB
 * asked for. Stacked memory needs some 20 (H100) to 45 KiB (B200) really under way at all times, and a thread that
 * waits for its last load has few left.
 * Who verifies: tests/kernels against NumPy; the probe runs each on a known answer first. Header-free, see memory_walk.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define GPUCHECK_THREADS 512
#define IN_FLIGHT 8
#define TILE ((u64)GPUCHECK_THREADS * IN_FLIGHT)
#define PAIRS (IN_FLIGHT / 2) /* of loads, where each result takes two */
#define PAIR_TILE ((u64)GPUCHECK_THREADS * PAIRS)

#ifdef GPUCHECK_HOST
__device__ __forceinline__ uint4 load(const uint4* p) { return *p; }
__device__ __forceinline__ void store(uint4* p, uint4 v) { *p = v; }
__device__ __forceinline__ float as_float(u32 bits) { float f; __builtin_memcpy(&f, &bits, 4); return f; }
__device__ __forceinline__ u32 as_bits(float f) { u32 bits; __builtin_memcpy(&bits, &f, 4); return bits; }
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
__device__ __forceinline__ float as_float(u32 bits) { return __uint_as_float(bits); }
__device__ __forceinline__ u32 as_bits(float f) { return __float_as_uint(f); }
#endif

/* Two threads share a sector of 32 bytes; the top bit of a product by the golden ratio says which half of the 64. */
__device__ __forceinline__ u64 sector_vector(u64 i) {
  u64 pair = i >> 1;
  u32 half = ((u32)pair * 0x9e3779b9u) >> 31;
  return pair * 4 + half * 2 + (i & 1);
}

__device__ __forceinline__ u32 folded(uint4 v) { return v.x ^ v.y ^ v.z ^ v.w; }

__device__ __forceinline__ uint4 mix(u64 index, u32 seed) {
  uint4 v;
  v.x = ((u32)index * 0x9e3779b9u) ^ seed;
  v.y = v.x * 0x85ebca6bu;
  v.z = ~v.x;
  v.w = v.y ^ 0x5bd1e995u;
  return v;
}

__device__ __forceinline__ u32 scaled_sum(u32 a, u32 b, float scale) {
  return as_bits(as_float(a) + scale * as_float(b));
}

__device__ __forceinline__ uint4 triad(uint4 a, uint4 b, float scale) {
  uint4 v;
  v.x = scaled_sum(a.x, b.x, scale);
  v.y = scaled_sum(a.y, b.y, scale);
  v.z = scaled_sum(a.z, b.z, scale);
  v.w = scaled_sum(a.w, b.w, scale);
  return v;
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
stream_read(const uint4* source, u64 vectors, u32* sink, u32 never) {
  u64 tiles = vectors / TILE;
  u32 sum = 0;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * TILE + threadIdx.x;
    uint4 seen[IN_FLIGHT];
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) seen[k] = load(source + at + (u64)k * GPUCHECK_THREADS);
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) sum ^= folded(seen[k]);
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS) sum ^= folded(load(source + i));
  if (sum == never) sink[threadIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
stream_sectors(const uint4* source, u64 vectors, u32* sink, u32 never) {
  u64 tiles = vectors / TILE;
  u32 sum = 0;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * TILE + threadIdx.x;
    uint4 seen[IN_FLIGHT];
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) seen[k] = load(source + sector_vector(at + (u64)k * GPUCHECK_THREADS));
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) sum ^= folded(seen[k]);
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS)
      sum ^= folded(load(source + sector_vector(i)));
  if (sum == never) sink[threadIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
stream_write(uint4* target, u64 vectors, u32 seed) {
  u64 tiles = vectors / TILE;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * TILE + threadIdx.x;
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) {
      u64 i = at + (u64)k * GPUCHECK_THREADS;
      store(target + i, mix(i, seed));
    }
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS) store(target + i, mix(i, seed));
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
stream_copy(uint4* target, const uint4* source, u64 vectors) {
  u64 tiles = vectors / TILE;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * TILE + threadIdx.x;
    uint4 seen[IN_FLIGHT];
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) seen[k] = load(source + at + (u64)k * GPUCHECK_THREADS);
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) store(target + at + (u64)k * GPUCHECK_THREADS, seen[k]);
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS) store(target + i, load(source + i));
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
stream_triad(uint4* target, const uint4* first, const uint4* second, u32 scale, u64 vectors) {
  u64 tiles = vectors / PAIR_TILE;
  float factor = as_float(scale);
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 at = tile * PAIR_TILE + threadIdx.x;
    uint4 a[PAIRS], b[PAIRS];
#pragma unroll
    for (int k = 0; k < PAIRS; ++k) {
      a[k] = load(first + at + (u64)k * GPUCHECK_THREADS);
      b[k] = load(second + at + (u64)k * GPUCHECK_THREADS);
    }
#pragma unroll
    for (int k = 0; k < PAIRS; ++k) store(target + at + (u64)k * GPUCHECK_THREADS, triad(a[k], b[k], factor));
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 i = tiles * PAIR_TILE + threadIdx.x; i < vectors; i += GPUCHECK_THREADS)
      store(target + i, triad(load(first + i), load(second + i), factor));
}
