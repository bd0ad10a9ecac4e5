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
 * walk_write_spots(base, first, vectors, seed, complement, spot_shift, scatter)
 * walk_verify_spots(base, first, vectors, seed, complement, spot_shift, scatter, region_shift, log_capacity, summary,
 *                   log, regions)
 *     the same for one spot of 2^spot_shift vectors in each page of 2^17 vectors, 2 MiB; `first` is a multiple of 2^17,
 *     spot_shift at most 16, and what is left of `vectors` behind the last whole page is not touched. Let page number
 *     p = n >> 17 be p' = p where scatter is not 0, else 0; the spot begins at vector
 *         (high word of pattern(p', seed, 0) >> (47 + spot_shift)) << spot_shift         of the page:
 *     in every page at the same place, or at a place of each page's own.  traffic: pages << spot_shift vectors, as above
 *
 * walk_evict(base, vectors, sink, never)
 *     reads base[0..vectors) past every cache line of it; if the xor of a thread's words is `never`, sink[threadIdx.x]
 *     takes it, so that no compiler can leave the reading out.                              traffic: 16 bytes read
 *
 * Launch: any grid, GPUCHECK_THREADS threads a block. `base` is 16-byte aligned. No barrier, no warp intrinsic, no
 * header: the same text compiles for every architecture by NVRTC, and with g++ for the tests (GPUCHECK_HOST).
 * Accesses are marked as streaming (.cs), so that they leave the caches first; walk_evict's are not.
 * Who verifies: tests/kernels against NumPy; at run time the probe's self-test with injected wrong words.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define GPUCHECK_THREADS 512
#define IN_FLIGHT 4 /* 16-byte vectors that a thread has under way: 64 KiB per multiprocessor at two blocks each */
#define TILE ((u64)GPUCHECK_THREADS * IN_FLIGHT)
#define PAGE_SHIFT 17 /* 2 MiB in vectors: the frame that drivers map; inside one, order is physical */

#ifdef GPUCHECK_HOST
__device__ __forceinline__ uint4 load(const uint4* p) { return *p; }
__device__ __forceinline__ void store(uint4* p, uint4 v) { *p = v; }
__device__ __forceinline__ uint4 load_kept(const uint4* p) { return *p; }
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
__device__ __forceinline__ uint4 load_kept(const uint4* p) {
  uint4 v;
  asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
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

/* Which vector of the launch a thread meets as its j-th: every one, or those of the spots. */
struct All {
  __device__ __forceinline__ u64 at(u64 j) const { return j; }
};

struct Spots {
  u64 page, seed; /* number of the launch's first page */
  u32 shift, scatter;

  __device__ __forceinline__ u64 at(u64 j) const {
    u64 nth = j >> shift, inside = j & (((u64)1 << shift) - 1);
    u64 place = pattern(scatter ? page + nth : 0, seed, 0).high >> (47 + shift);
    return (nth << PAGE_SHIFT) + (place << shift) + inside;
  }
};

template <class Place>
__device__ __forceinline__ void write_all(uint4* base, u64 first, u64 count, u64 seed, u64 complement, Place place) {
  u64 tiles = count / TILE;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 from = tile * TILE + threadIdx.x;
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) {
      u64 i = place.at(from + (u64)k * GPUCHECK_THREADS);
      store(base + i, pack(pattern(first + i, seed, complement)));
    }
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 j = tiles * TILE + threadIdx.x; j < count; j += GPUCHECK_THREADS) {
      u64 i = place.at(j);
      store(base + i, pack(pattern(first + i, seed, complement)));
    }
}

template <class Place>
__device__ __forceinline__ void verify_all(uint4* base, u64 first, u64 count, u64 seed, u64 complement, u32 rewrite,
                                           Place place, Outputs out) {
  Tally t = {~(u64)0, 0, 0, 0};
  u64 tiles = count / TILE;
  for (u64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    u64 from = tile * TILE + threadIdx.x;
    uint4 seen[IN_FLIGHT];
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) seen[k] = load(base + place.at(from + (u64)k * GPUCHECK_THREADS));
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; ++k) {
      u64 i = place.at(from + (u64)k * GPUCHECK_THREADS);
      compare(base + i, seen[k], first + i, seed, complement, rewrite, &t, out);
    }
  }
  if (blockIdx.x == gridDim.x - 1)
    for (u64 j = tiles * TILE + threadIdx.x; j < count; j += GPUCHECK_THREADS) {
      u64 i = place.at(j);
      compare(base + i, load(base + i), first + i, seed, complement, rewrite, &t, out);
    }
  flush(&t, out);
  if (t.lowest == ~(u64)0) return;
  if (t.lowest < *(volatile u64*)(out.summary + 1)) atomicMin(out.summary + 1, t.lowest);
  if (t.highest > *(volatile u64*)(out.summary + 2)) atomicMax(out.summary + 2, t.highest);
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_write(uint4* base, u64 first, u64 vectors, u64 seed, u64 complement) {
  write_all(base, first, vectors, seed, complement, All());
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_verify(uint4* base, u64 first, u64 vectors, u64 seed, u64 complement, u32 rewrite, u32 region_shift,
            u32 log_capacity, u64* summary, u64* log, u32* regions) {
  Outputs out = {summary, log, regions, region_shift, log_capacity};
  verify_all(base, first, vectors, seed, complement, rewrite, All(), out);
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_write_spots(uint4* base, u64 first, u64 vectors, u64 seed, u64 complement, u32 spot_shift, u32 scatter) {
  Spots spots = {first >> PAGE_SHIFT, seed, spot_shift, scatter};
  write_all(base, first, vectors >> PAGE_SHIFT << spot_shift, seed, complement, spots);
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_verify_spots(uint4* base, u64 first, u64 vectors, u64 seed, u64 complement, u32 spot_shift, u32 scatter,
                  u32 region_shift, u32 log_capacity, u64* summary, u64* log, u32* regions) {
  Spots spots = {first >> PAGE_SHIFT, seed, spot_shift, scatter};
  Outputs out = {summary, log, regions, region_shift, log_capacity};
  verify_all(base, first, vectors >> PAGE_SHIFT << spot_shift, seed, complement, 0, spots, out);
}

extern "C" __global__ void __launch_bounds__(GPUCHECK_THREADS, 2)
walk_evict(const uint4* base, u64 vectors, u32* sink, u32 never) {
  u32 sum = 0;
  for (u64 i = (u64)blockIdx.x * GPUCHECK_THREADS + threadIdx.x; i < vectors; i += (u64)gridDim.x * GPUCHECK_THREADS) {
    uint4 v = load_kept(base + i);
    sum ^= v.x ^ v.y ^ v.z ^ v.w;
  }
  if (sum == never) sink[threadIdx.x] = sum;
}
