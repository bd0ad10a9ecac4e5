/* census: counts multiprocessors by the ids that running blocks report.
 *
 * census(seen, capacity, arrived, spin_ns, check)
 *     Every block, by its first thread:
 *       arrived[0] += 1
 *       seen[s] += 1          where s is the id of the multiprocessor that it runs on, if s < capacity
 *       check[0] += 1         if RECURRENCE_STEPS steps of x -> fold(x * 0x2545f491 + 0x9e3779b9) from RECURRENCE_START
 *                             end at RECURRENCE_END, fold(x) = x ^ (x >> 15): the machine code computes rightly
 *     All threads of the block then wait until about spin_ns nanoseconds have passed on the device's own timer, so that
 *     the block keeps its place and the next one has to go elsewhere.
 *     The three outputs accumulate; clearing them is the host's part.
 *
 * Launch: more blocks than there can be multiprocessors, blocks large enough that few share one (1024 threads).
 * Ids may have holes and are unique within the context; under MIG they cover the instance. Traffic: none to speak of.
 * Who verifies: tests compute the recurrence; the probe compares arrived, check and the sum of seen. Never on the host.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define RECURRENCE_STEPS 256
#define RECURRENCE_START 0x67707563u
#define RECURRENCE_END 0xc51ea455u

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

extern "C" __global__ void census(u32* seen, u32 capacity, u32* arrived, u32 spin_ns, u32* check) {
  u64 start = nanoseconds();
  if (threadIdx.x == 0) {
    u32 id = multiprocessor();
    atomicAdd(arrived, 1u);
    if (id < capacity) atomicAdd(seen + id, 1u);
    if (computes()) atomicAdd(check, 1u);
  }
  while (nanoseconds() - start < spin_ns) {
  }
}
