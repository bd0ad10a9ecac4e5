/* fingerprint: exact results of chosen matrix sums. How a sum is aligned and rounded differs by generation.
 *
 * sum_fp16(rows, results, terms), sum_bf16(...), sum_tf32(...)
 *     Block n takes row n of `rows` (ROW_WORDS 32-bit words): FACTORS first factors, FACTORS second factors, one
 *     addend (bits of a float). The low 16 bits of a factor's word are its half or bfloat16; tf32 uses all 32.
 *     It makes one matrix instruction with 32-bit sums in which every row of the first matrix holds the first
 *     factors and every column of the second holds the second factors, so that every element of the result is
 *         addend + first[0] * second[0] + ... + first[k - 1] * second[k - 1]
 *     summed as the silicon sums. results[2 n] = bits of element 0, results[2 n + 1] = how many of the warp's elements
 *     differ from it: 0 on sound silicon. terms[0] = k of the instruction, or 0 where the architecture has none and
 *     nothing else is written. Shapes are those of throughput.cu.
 *
 * Launch: 32 threads a block, one block a row. Traffic: none to speak of.
 * Who verifies: the probe decodes; gpucheck/simulation/tensor.py models the sums, and tests hold the model against
 * published results of real cards. Never on the host.
 */
typedef unsigned int u32;

#define FACTORS 16
#define ROW_WORDS (2 * FACTORS + 1)
#define FULL 0xffffffffu

__device__ __forceinline__ u32 pair(const u32* from, u32 at) { return (from[at] & 0xffffu) | (from[at + 1] << 16); }

/* Element 0 of the warp, and how many elements of it differ. */
template <int words>
__device__ __forceinline__ void tell(u32* results, const u32* sums, u32 k, u32* terms) {
  u32 first = __shfl_sync(FULL, sums[0], 0), wrong = 0;
#pragma unroll
  for (int word = 0; word < words; ++word) wrong += __popc(__ballot_sync(FULL, sums[word] != first));
  if (threadIdx.x) return;
  results[2 * blockIdx.x] = first;
  results[2 * blockIdx.x + 1] = wrong;
  terms[0] = k;
}

#define MMA_16816(types)                                                                                \
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." types ".f32 {%0, %1, %2, %3}, {%4, %4, %5, %5}, " \
               "{%6, %7}, {%0, %1, %2, %3};"                                                            \
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])                                         \
               : "r"(pair(a, two)), "r"(pair(a, two + 8)), "r"(pair(b, two)), "r"(pair(b, two + 8)))

extern "C" __global__ void __launch_bounds__(32)
sum_fp16(const u32* rows, u32* results, u32* terms) {
#if __CUDA_ARCH__ >= 700
  const u32 *a = rows + blockIdx.x * ROW_WORDS, *b = a + FACTORS;
  u32 addend = a[2 * FACTORS];
#endif
#if __CUDA_ARCH__ >= 800
  u32 c[4] = {addend, addend, addend, addend}, two = threadIdx.x % 4 * 2;
  MMA_16816("f16.f16");
  tell<4>(results, c, 16, terms);
#elif __CUDA_ARCH__ >= 750
  u32 c[4] = {addend, addend, addend, addend}, two = threadIdx.x % 4 * 2;
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %4}, {%5}, {%0, %1, %2, %3};"
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
               : "r"(pair(a, two)), "r"(pair(b, two)));
  tell<4>(results, c, 8, terms);
#elif __CUDA_ARCH__ >= 700
  u32 c[8] = {addend, addend, addend, addend, addend, addend, addend, addend};
  asm volatile("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9}, "
               "{%10, %11}, {%0, %1, %2, %3, %4, %5, %6, %7};"
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]), "+r"(c[4]), "+r"(c[5]), "+r"(c[6]), "+r"(c[7])
               : "r"(pair(a, 0)), "r"(pair(a, 2)), "r"(pair(b, 0)), "r"(pair(b, 2)));
  tell<8>(results, c, 4, terms);
#else
  terms[0] = 0;
#endif
}

extern "C" __global__ void __launch_bounds__(32)
sum_bf16(const u32* rows, u32* results, u32* terms) {
#if __CUDA_ARCH__ >= 800
  const u32 *a = rows + blockIdx.x * ROW_WORDS, *b = a + FACTORS;
  u32 addend = a[2 * FACTORS], c[4] = {addend, addend, addend, addend}, two = threadIdx.x % 4 * 2;
  MMA_16816("bf16.bf16");
  tell<4>(results, c, 16, terms);
#else
  terms[0] = 0;
#endif
}

extern "C" __global__ void __launch_bounds__(32)
sum_tf32(const u32* rows, u32* results, u32* terms) {
#if __CUDA_ARCH__ >= 800
  const u32 *a = rows + blockIdx.x * ROW_WORDS, *b = a + FACTORS;
  u32 addend = a[2 * FACTORS], c[4] = {addend, addend, addend, addend}, one = threadIdx.x % 4;
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %4, %5, %5}, {%6, %7}, "
               "{%0, %1, %2, %3};"
               : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
               : "r"(a[one]), "r"(a[one + 4]), "r"(b[one]), "r"(b[one + 4]));
  tell<4>(results, c, 8, terms);
#else
  terms[0] = 0;
#endif
}
