// As much of CUDA as kernels need whose threads tell each other nothing, for g++: they run one after the other.
#pragma once
#define GPUCHECK_HOST 1
#define __global__
#define __device__ inline
#define __forceinline__
#define __launch_bounds__(...)

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct Place {
  unsigned x = 1;
};
static Place threadIdx, blockIdx, blockDim, gridDim;
static inline void __syncthreads() {}

template <class T>
static inline T atomicAdd(T* at, T value) {
  T before = *at;
  *at += value;
  return before;
}
template <class T>
static inline T atomicMin(T* at, T value) {
  T before = *at;
  if (value < before) *at = value;
  return before;
}
template <class T>
static inline T atomicMax(T* at, T value) {
  T before = *at;
  if (value > before) *at = value;
  return before;
}
template <class Body>
static inline void on_every_thread(unsigned blocks, unsigned threads, Body body) {
  gridDim.x = blocks;
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
    for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) body();
}
