/* throughput: what the arithmetic units sustain, told by each multiprocessor's own cycle counter.
 *
 * count_fp32(records, iterations, one, step)        x = fma(x, one, step)    operands are the bits of floats
 * count_fp32_apart(records, iterations, one, step)  x = x * one + step       the same by two instructions
 * count_fp64(records, iterations, one, step)        x = fma(x, one, step)    operands are the high words of doubles
 * count_int32(records, iterations, factor, step)    x = x * factor + step    modulo 2^32
 *     Every thread runs CHAINS (CHAINS_FP64 for count_fp64) independent chains of iterations * UNROLL steps each; chain
 *     k of thread t starts from t + k. With one = step = 1.0 a chain counts its own steps: x = t + k + steps, exact
 *     below 2^24; iterations stay below 2^31. The thread's answer is the sum of its chains, each as a 32-bit number. A
 *     step is two operations.
 *
 * mma_fp16_fp16, mma_fp16_fp32, mma_bf16_fp32, mma_tf32_fp32(records, iterations, one, turn)
 *     Every warp runs TENSOR_CHAINS independent chains of iterations * TENSOR_UNROLL matrix instructions, from sums of 0.
 *     All factors are `one` (two 16-bit values a word, or one tf32), so that an instruction adds its k to every sum;
 *     after each iteration the second factors are turned round by `turn` (their sign bits), so that sums stay finite.
 *     The thread's answer is its number in the block plus the bits of its sums, as 32-bit words. Shapes: m16n8k16 (tf32:
 *     m16n8k8) from sm_80 on, m16n8k8 on sm_75, m8n8k4 on sm_70 and sm_72. Where there is no instruction, operations
 *     stay 0.
 *
 * records: RECORD_WORDS 64-bit words a block; the host sets [1] and [3] to all ones and the others to 0.
 *     [0] id of the multiprocessor        [1] first and [2] last cycle count of any warp
 *     [3] first and [4] last nanosecond on the device's timer
 *     [5] operations of the block         [6] sum of the threads' answers, modulo 2^64   [7] terms a matrix sum takes
 *
 * Launch: THROUGHPUT_THREADS threads a block, one block a multiprocessor; more do no harm. Traffic: none to speak of.
 * Who verifies: the probe knows every answer; tests/kernels runs the scalar kernels on the host against the same.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define THROUGHPUT_THREADS 512
#define RECORD_WORDS 8
#define CHAINS 8
#define CHAINS_FP64 4
#define UNROLL 16
#define TENSOR_CHAINS 4
#define TENSOR_UNROLL 4

#ifdef GPUCHECK_HOST
__device__ u32 multiprocessor() { return 0; }
__device__ u64 cycles() { static u64 now = 0; return ++now; }
__device__ u64 nanoseconds() { static u64 now = 0; return ++now; }
__device__ float fp32(u32 bits) { float x; __builtin_memcpy(&x, &bits, 4); return x; }
__device__ double fp64(u32 high) { u64 bits = (u64)high << 32; double x; __builtin_memcpy(&x, &bits, 8); return x; }
__device__ float fused(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
__device__ double fused(double x, double y, double z) { return __builtin_fma(x, y, z); }
__device__ float apart(float x, float y, float z) { return x * y + z; }
#else
__device__ __forceinline__ u32 multiprocessor() {
  u32 id;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(id));
  return id;
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
__device__ __forceinline__ float fp32(u32 bits) { return __uint_as_float(bits); }
__device__ __forceinline__ double fp64(u32 high) { return __hiloint2double((int)high, 0); }
__device__ __forceinline__ float fused(float x, float y, float z) { return __fmaf_rn(x, y, z); }
__device__ __forceinline__ double fused(double x, double y, double z) { return __fma_rn(x, y, z); }
/* Explicit rounding keeps the compiler from making one instruction of the two. */
__device__ __forceinline__ float apart(float x, float y, float z) { return __fadd_rn(__fmul_rn(x, y), z); }
#endif

struct Moment {
  u64 cycle, nanosecond;
};

__device__ __forceinline__ Moment now() {
  Moment at;
  at.nanosecond = nanoseconds();
  at.cycle = cycles();
  return at;
}

/* `operations` are those of one thread, or of the share of a warp's that falls to one thread. */
__device__ __forceinline__ void report(u64* records, Moment from, Moment to, u64 operations, u32 answer, u32 terms) {
  u64* record = records + (u64)blockIdx.x * RECORD_WORDS;
  atomicAdd(record + 6, (u64)answer);
  if (threadIdx.x % 32 == 0) {
    atomicMin(record + 1, from.cycle);
    atomicMax(record + 2, to.cycle);
    atomicMin(record + 3, from.nanosecond);
    atomicMax(record + 4, to.nanosecond);
    atomicAdd(record + 5, operations * 32);
  }
  if (threadIdx.x == 0) {
    record[0] = multiprocessor();
    record[7] = terms;
  }
}

/* The word itself, but in a register of every thread: units may be slower on operands that are constant or shared, and
 * no compiler can know that iterations are fewer than 2^31. */
__device__ __forceinline__ u32 own(u32 word, u32 iterations) { return word + (threadIdx.x & (0u - (iterations >> 31))); }

struct Fused {
  template <class T> __device__ __forceinline__ T step(T x, T y, T z) { return fused(x, y, z); }
};
struct Apart {
  template <class T> __device__ __forceinline__ T step(T x, T y, T z) { return apart(x, y, z); }
};
struct Whole {
  template <class T> __device__ __forceinline__ T step(T x, T y, T z) { return x * y + z; }
};

template <class Unit, class T, int chains>
__device__ __forceinline__ void count(u64* records, u32 iterations, T factor, T step) {
  T x[chains];
#pragma unroll
  for (int k = 0; k < chains; ++k) x[k] = (T)(threadIdx.x + k);
  Moment from = now();
#pragma unroll 1
  for (u32 i = 0; i < iterations; ++i)
#pragma unroll
    for (int j = 0; j < UNROLL; ++j)
#pragma unroll
      for (int k = 0; k < chains; ++k) x[k] = Unit().step(x[k], factor, step);
  Moment to = now();
  u32 answer = 0;
#pragma unroll
  for (int k = 0; k < chains; ++k) answer += (u32)x[k];
  report(records, from, to, (u64)iterations * UNROLL * chains * 2, answer, 0);
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
count_fp32(u64* records, u32 iterations, u32 one, u32 step) {
  count<Fused, float, CHAINS>(records, iterations, fp32(own(one, iterations)), fp32(own(step, iterations)));
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
count_fp32_apart(u64* records, u32 iterations, u32 one, u32 step) {
  count<Apart, float, CHAINS>(records, iterations, fp32(own(one, iterations)), fp32(own(step, iterations)));
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
count_fp64(u64* records, u32 iterations, u32 one, u32 step) {
  count<Fused, double, CHAINS_FP64>(records, iterations, fp64(own(one, iterations)), fp64(own(step, iterations)));
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
count_int32(u64* records, u32 iterations, u32 factor, u32 step) {
  count<Whole, u32, CHAINS>(records, iterations, own(factor, iterations), own(step, iterations));
}

/* The matrix units. Each struct is one instruction: its sums, its shape, and how it is called. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define MMA_M 16
#define MMA_K 16
#define HALF_SUM_WORDS 2
#define FLOAT_SUM_WORDS 4
#define MMA_HALF                                                                                                  \
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %2, %2, %2}, {%3, %3}, {%0, %1};" \
               : "+r"(c[0]), "+r"(c[1]) : "r"(a), "r"(b))
#define MMA_FLOAT(shape, types, factors)                                                                           \
  asm volatile("mma.sync.aligned." shape ".row.col.f32." types ".f32 {%0, %1, %2, %3}, " factors ", {%0, %1, %2, %3};" \
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]) : "r"(a), "r"(b))
#define MMA_FP16 MMA_FLOAT("m16n8k16", "f16.f16", "{%4, %4, %4, %4}, {%5, %5}")
#define MMA_BF16 MMA_FLOAT("m16n8k16", "bf16.bf16", "{%4, %4, %4, %4}, {%5, %5}")
#define MMA_TF32 MMA_FLOAT("m16n8k8", "tf32.tf32", "{%4, %4, %4, %4}, {%5, %5}")
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
#define MMA_M 16
#define MMA_K 8
#define HALF_SUM_WORDS 2
#define FLOAT_SUM_WORDS 4
#define MMA_HALF                                                                                       \
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %2}, {%3}, {%0, %1};" \
               : "+r"(c[0]), "+r"(c[1]) : "r"(a), "r"(b))
#define MMA_FP16                                                                                                   \
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %4}, {%5}, {%0, %1, %2, %3};" \
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]) : "r"(a), "r"(b))
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 700
#define MMA_M 32 /* four quarters of a warp, each 8 by 8 */
#define MMA_K 4
#define HALF_SUM_WORDS 4
#define FLOAT_SUM_WORDS 8
#define MMA_HALF                                                                               \
  asm volatile("mma.sync.aligned.m8n8k4.row.col.f16.f16.f16.f16 {%0, %1, %2, %3}, {%4, %4}, {%5, %5}, " \
               "{%0, %1, %2, %3};"                                                             \
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]) : "r"(a), "r"(b))
#define MMA_FP16                                                                                       \
  asm volatile("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %8}, " \
               "{%9, %9}, {%0, %1, %2, %3, %4, %5, %6, %7};"                                           \
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]), "+r"(c[4]), "+r"(c[5]), "+r"(c[6]), "+r"(c[7]) \
               : "r"(a), "r"(b))
#else
#define MMA_M 0
#endif

#define UNIT(name, sum_words, terms_of, instruction)                                  \
  struct name {                                                                       \
    enum { words = sum_words, terms = terms_of };                                     \
    __device__ __forceinline__ void add(u32* c, u32 a, u32 b) { instruction; }        \
  };
#define NO_UNIT(name)                                      \
  struct name {                                            \
    enum { words = 1, terms = 0 };                         \
    __device__ __forceinline__ void add(u32*, u32, u32) {} \
  };

#ifdef MMA_HALF
UNIT(Fp16Fp16, HALF_SUM_WORDS, MMA_K, MMA_HALF)
#else
NO_UNIT(Fp16Fp16)
#endif
#ifdef MMA_FP16
UNIT(Fp16Fp32, FLOAT_SUM_WORDS, MMA_K, MMA_FP16)
#else
NO_UNIT(Fp16Fp32)
#endif
#ifdef MMA_BF16
UNIT(Bf16Fp32, FLOAT_SUM_WORDS, MMA_K, MMA_BF16)
#else
NO_UNIT(Bf16Fp32)
#endif
#ifdef MMA_TF32
UNIT(Tf32Fp32, FLOAT_SUM_WORDS, MMA_K / 2, MMA_TF32)
#else
NO_UNIT(Tf32Fp32)
#endif

template <class Unit>
__device__ __forceinline__ void multiply(u64* records, u32 iterations, u32 one, u32 turn) {
  if (!Unit::terms) return;
  u32 sums[TENSOR_CHAINS][Unit::words] = {}, other = one;
  Moment from = now();
#pragma unroll 1
  for (u32 i = 0; i < iterations; ++i) {
#pragma unroll
    for (int j = 0; j < TENSOR_UNROLL; ++j)
#pragma unroll
      for (int k = 0; k < TENSOR_CHAINS; ++k) Unit().add(sums[k], one, other);
    other ^= turn;
  }
  Moment to = now();
  u32 answer = threadIdx.x;
#pragma unroll
  for (int k = 0; k < TENSOR_CHAINS; ++k)
#pragma unroll
    for (int word = 0; word < Unit::words; ++word) answer += sums[k][word];
  /* A warp's instruction makes MMA_M * 8 sums of as many products; a thread's share is a 32nd. */
  u64 operations = (u64)iterations * TENSOR_UNROLL * TENSOR_CHAINS * (2 * MMA_M * 8 / 32) * Unit::terms;
  report(records, from, to, operations, answer, Unit::terms);
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
mma_fp16_fp16(u64* records, u32 iterations, u32 one, u32 turn) {
  multiply<Fp16Fp16>(records, iterations, one, turn);
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
mma_fp16_fp32(u64* records, u32 iterations, u32 one, u32 turn) {
  multiply<Fp16Fp32>(records, iterations, one, turn);
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
mma_bf16_fp32(u64* records, u32 iterations, u32 one, u32 turn) {
  multiply<Bf16Fp32>(records, iterations, one, turn);
}

extern "C" __global__ void __launch_bounds__(THROUGHPUT_THREADS)
mma_tf32_fp32(u64* records, u32 iterations, u32 one, u32 turn) {
  multiply<Tf32Fp32>(records, iterations, one, turn);
}
