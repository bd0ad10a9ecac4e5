/* latency: how long one load takes that must wait for the one before it, by the size of the memory it wanders over.
 *
 * Nodes of 128 bytes lie end to end from `base`. They form one cycle in pseudo-random order: node number i of the cycle
 * lies at place(i), place() being a bijection of [0, nodes). `bits` is the least number, at least 1, with
 * nodes <= 2^bits. Three rounds on `bits` bits,
 *     x = (x * 0x9e3779b97f4a7c15 + 0xd1342543de82ef95) mod 2^bits,  x ^= x >> ((bits + 1) / 2)
 * are a bijection of [0, 2^bits); where they lead out of [0, nodes) they are taken again until they lead back.
 * gpucheck/probes/latency_cycle.py holds the twin.
 *
 * latency_link(base, nodes, bits)
 *     stores in the first eight bytes of the node at place(i) the address of the node at place(i + 1), and of the last
 *     the address of the first. Runs through the memory from end to end.      traffic: 8 bytes written for each node
 * latency_check(base, nodes, bits, wrong)
 *     adds to wrong[0] the number of nodes that do not hold what latency_link stored. A chase through memory that lost
 *     or confuses what was written would follow whatever it finds, out of the footprint and out of the allocation,
 *     which ends the context; so it runs only where nothing is wrong.         traffic: 8 bytes read for each node
 * latency_chase(base, nodes, bits, touched, count, never, first, warm, hops, rounds, around, out)
 *     one block. All of its threads read the nodes numbered touched to touched + count - 1 (which stays below `nodes`)
 *     about in that order, so that the second-level cache keeps the later ones; a thread whose xor of what it read
 *     equals `never` stores it to out[3 * rounds]. Then the first warp follows links from node number `first`: in each
 *     round `warm` uncounted, then `hops` timed; both are multiples of 8 and at most 2^32. `around` 0 follows them
 *     through the first-level cache where it serves global memory, else around it. Of round r, which begins where the
 *     one before ended,  out[3 r] = cycles of the multiprocessor, out[3 r + 1] = nanoseconds of the device's timer,
 *     both of the timed links;  out[3 r + 2] = address of the node where it ended: place(first + (r + 1) (warm + hops)
 *     modulo nodes).
 *     One launch and one block, because a second-level cache in two halves keeps a line in the half that the reading
 *     multiprocessor is attached to: touched by others, a part of the lines would answer from the far half.
 *
 * Launch: link and check any grid, chase one block of at most 1024 threads. `base` is 128-byte aligned.
 * Who verifies: tests/kernels (the cycle visits every node once, for any number of them; the loads are in the machine
 * code); the probe works out where each chase must end. For the host, clocks read 0. Header-free, see memory_walk.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define NODE_WORDS 16
#define ROUNDS 3
#define FACTOR 0x9e3779b97f4a7c15ULL
#define INVERSE 0xf1de83e19937733dULL /* FACTOR * INVERSE = 1 modulo 2^64, and so modulo any smaller power of two */
#define ADDEND 0xd1342543de82ef95ULL

#ifdef GPUCHECK_HOST
template <bool AROUND>
__device__ __forceinline__ u64 follow(u64 p) { return *(const u64*)p; }
__device__ __forceinline__ u64 cycles() { return 0; }
__device__ __forceinline__ u64 nanoseconds() { return 0; }
#else
template <bool AROUND>
__device__ __forceinline__ u64 follow(u64 p) {
  u64 next;
  if (AROUND)
    asm volatile("ld.global.cg.u64 %0, [%1];" : "=l"(next) : "l"(p) : "memory");
  else
    asm volatile("ld.global.ca.u64 %0, [%1];" : "=l"(next) : "l"(p) : "memory");
  return next;
}
__device__ __forceinline__ u64 cycles() {
  u64 t;
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(t)::"memory");
  return t;
}
__device__ __forceinline__ u64 nanoseconds() {
  u64 t;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t)::"memory");
  return t;
}
#endif

struct Order {
  u64 nodes, mask;
  u32 shift;
};

__device__ __forceinline__ Order order(u64 nodes, u32 bits) {
  Order o = {nodes, ~(u64)0 >> (64 - bits), (bits + 1) / 2};
  return o;
}

__device__ __forceinline__ u64 place(u64 x, Order o) {
  do {
#pragma unroll
    for (int round = 0; round < ROUNDS; ++round) {
      x = (x * FACTOR + ADDEND) & o.mask;
      x ^= x >> o.shift;
    }
  } while (x >= o.nodes);
  return x;
}

/* The inverse of place(): the number of the node that lies there. */
__device__ __forceinline__ u64 number(u64 x, Order o) {
  do {
#pragma unroll
    for (int round = 0; round < ROUNDS; ++round) {
      x ^= x >> o.shift;
      x = ((x - ADDEND) * INVERSE) & o.mask;
    }
  } while (x >= o.nodes);
  return x;
}

__device__ __forceinline__ u64 thread_index() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ u64 thread_count() { return (u64)gridDim.x * blockDim.x; }

/* The address that the node at a place holds. */
__device__ __forceinline__ u64 link(const u64* base, u64 at, Order o) {
  u64 next = number(at, o) + 1;
  return (u64)(base + place(next == o.nodes ? 0 : next, o) * NODE_WORDS);
}

extern "C" __global__ void latency_link(u64* base, u64 nodes, u32 bits) {
  Order o = order(nodes, bits);
  for (u64 at = thread_index(); at < nodes; at += thread_count()) base[at * NODE_WORDS] = link(base, at, o);
}

extern "C" __global__ void latency_check(const u64* base, u64 nodes, u32 bits, u64* wrong) {
  Order o = order(nodes, bits);
  u64 found = 0;
  for (u64 at = thread_index(); at < nodes; at += thread_count())
    if (follow<true>((u64)(base + at * NODE_WORDS)) != link(base, at, o)) found += 1;
  if (found) atomicAdd(wrong, found);
}

__device__ __forceinline__ u64 touch(const u64* base, Order o, u64 first, u64 count) {
  u64 seen = 0;
#pragma unroll 1
  for (u64 i = threadIdx.x; i < count; i += blockDim.x)
    seen ^= follow<true>((u64)(base + place(first + i, o) * NODE_WORDS));
  return seen;
}

template <bool AROUND>
__device__ __forceinline__ u64 chase(u64 p, u64 hops) {
#pragma unroll 1
  for (u64 done = 0; done < hops; done += 8) {
#pragma unroll
    for (int k = 0; k < 8; ++k) p = follow<AROUND>(p);
  }
  return p;
}

/* Each store of the address waits for the last load before it, so that no clock is read before it has arrived. */
template <bool AROUND>
__device__ __forceinline__ void timed(u64 p, u64 warm, u64 hops, u64 rounds, volatile u64* out) {
#pragma unroll 1
  for (u64 round = 0; round < rounds; ++round, out += 3) {
    p = chase<AROUND>(p, warm);
    out[2] = p;
    u64 ns = nanoseconds(), clock = cycles();
    p = chase<AROUND>(p, hops);
    out[2] = p;
    out[0] = cycles() - clock;
    out[1] = nanoseconds() - ns;
  }
}

extern "C" __global__ void latency_chase(const u64* base, u64 nodes, u32 bits, u64 touched, u64 count, u64 never,
                                         u64 first, u64 warm, u64 hops, u64 rounds, u32 around, u64* out) {
  Order o = order(nodes, bits);
  u64 seen = touch(base, o, touched, count);
  if (seen == never) out[3 * rounds] = seen;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  u64 start = (u64)(base + place(first, o) * NODE_WORDS);
  if (around)
    timed<true>(start, warm, hops, rounds, out);
  else
    timed<false>(start, warm, hops, rounds, out);
}
