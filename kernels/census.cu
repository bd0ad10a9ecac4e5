/* census: counts multiprocessors by the ids that running blocks report, and what one of them holds at a time.
 *
 * census(seen, capacity, arrived, spin_ns, check, records)
 *     Every block, by its first thread:
 *       arrived[0] += 1
 *       seen[s] += 1          where s is the id of the multiprocessor that it runs on, if s < capacity
 *       check[0] += 1         if RECURRENCE_STEPS steps of x -> fold(x * 0x2545f491 + 0x9e3779b9) from RECURRENCE_START
 *                             end at RECURRENCE_END, fold(x) = x ^ (x >> 15): the machine code computes rightly
 *     All threads of the block then wait until about spin_ns nanoseconds have passed on the device's own timer, so that
 *     the block keeps its place and the next one has to go elsewhere. At its end block b stores RECORD_WORDS words:
 *       records[3b] = s, records[3b + 1] = cycles of the multiprocessor's counter, records[3b + 2] = nanoseconds,
 *     both since the block began. The timer may tick once a microsecond only: ask for milliseconds where the quotient
 *     matters.
 *     seen, arrived and check accumulate; clearing them is the host's part.
 *     Launch: more blocks than there can be multiprocessors, blocks large enough that few share one (1024 threads).
 *
 * residency(resident, most, capacity, spin_ns)
 *     Every block adds its warps to resident[s], keeps its place for about spin_ns, and takes them off again before any
 *     of its threads ends; most[s] is the largest sum that was seen. So most[s] never exceeds what really was there at a
 *     time, and falls short where blocks of others took room. resident is zero at the start and again at the end.
 *     Launch: blocks of 256 threads, several times more than can be resident. Eight warps a block reach every known
 *     limit of warps (32, 48, 64) before any known limit of blocks (8 at least); 32 registers a thread at most.
 *
 * shared_room(kept, words, seed)
 *     Every block fills `words` 32-bit words of the shared memory that the launch gave it, word i with
 *     (i * 0x9e3779b9 + 0x85ebca6b) ^ seed ^ b for block b, and reads them again after all threads have written:
 *       kept[0] += 1          if all of them still hold their own value
 *     Launch: any grid, any block; 4 * words bytes of dynamic shared memory. A refused launch is an answer.
 *
 * Nothing here waits for another block: whatever does not arrive, every wait ends by the device's timer, or by the
 * cycle counter where that timer stands still.
 * Ids may have holes and are unique within the context; under MIG they cover the instance. Traffic: none to speak of.
 * Who verifies: tests compute the recurrence; the probe compares arrived, check and the sum of seen. Never on the host.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define RECURRENCE_STEPS 256
#define RECURRENCE_START 0x67707563u
#define RECURRENCE_END 0xc51ea455u
#define RECORD_WORDS 3
#define MOST_CYCLES_A_NANOSECOND 8 /* no clock is so fast */

__device__ __forceinline__ u32 multiprocessor() {
  u32 id;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(id));
  return id;
}

__device__ __forceinline__ u64 nanoseconds() {
  u64 t;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t)::"memory");
  return t;
}

__device__ __forceinline__ u64 cycles() {
  u64 t;
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(t)::"memory");
  return t;
}

__device__ __forceinline__ void keep_place(u64 start, u32 spin_ns) {
  u64 first = cycles(), most = (u64)spin_ns * MOST_CYCLES_A_NANOSECOND;
  while (nanoseconds() - start < spin_ns && cycles() - first < most) {
  }
}

__device__ __forceinline__ bool computes() {
  u32 x;
  /* Opaque on purpose: the compiler would work the constant out by itself. */
  asm volatile("mov.u32 %0, %1;" : "=r"(x) : "n"(RECURRENCE_START));
#pragma unroll 1
  for (int step = 0; step < RECURRENCE_STEPS; ++step) {
    x = x * 0x2545f491u + 0x9e3779b9u;
    x ^= x >> 15;
  }
  return x == RECURRENCE_END;
}

extern "C" __global__ void census(u32* seen, u32 capacity, u32* arrived, u32 spin_ns, u32* check, u64* records) {
  u64 start = nanoseconds(), first = cycles();
  u32 id = multiprocessor();
  if (threadIdx.x == 0) {
    atomicAdd(arrived, 1u);
    if (id < capacity) atomicAdd(seen + id, 1u);
    if (computes()) atomicAdd(check, 1u);
  }
  keep_place(start, spin_ns);
  if (threadIdx.x == 0) {
    u64 at = (u64)blockIdx.x * RECORD_WORDS;
    /* The two reads in the order of those at the start, so that their distance cancels. */
    u64 end = nanoseconds(), last = cycles();
    records[at] = id;
    records[at + 1] = last - first;
    records[at + 2] = end - start;
  }
}

extern "C" __global__ void __launch_bounds__(256)
residency(u32* resident, u32* most, u32 capacity, u32 spin_ns) {
  u64 start = nanoseconds();
  u32 id = multiprocessor(), warps = blockDim.x / 32;
  if (threadIdx.x == 0 && id < capacity) atomicMax(most + id, atomicAdd(resident + id, warps) + warps);
  __syncthreads();
  keep_place(start, spin_ns);
  if (threadIdx.x == 0 && id < capacity) atomicSub(resident + id, warps);
  __syncthreads();
}

extern __shared__ u32 room[];

extern "C" __global__ void shared_room(u32* kept, u32 words, u32 seed) {
  u32 own = seed ^ blockIdx.x;
  bool right = true;
  for (u32 i = threadIdx.x; i < words; i += blockDim.x) room[i] = (i * 0x9e3779b9u + 0x85ebca6bu) ^ own;
  __syncthreads();
  /* Another thread's words, so that no value can come out of a register. */
  for (u32 i = blockDim.x - 1 - threadIdx.x; i < words; i += blockDim.x)
    right = right && room[i] == ((i * 0x9e3779b9u + 0x85ebca6bu) ^ own);
  if (__syncthreads_and(right) && threadIdx.x == 0) atomicAdd(kept, 1u);
}
