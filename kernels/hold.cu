/* hold: keeps the device busy while the host queues what comes next.
 *
 * An event that reaches an idle device is stamped at once; the kernel behind it comes some microseconds later, when the
 * host has put its arguments together, and those microseconds would count as the kernel's. Behind a hold the event and
 * the kernel lie in the queue already when the device gets to them.
 *
 * hold(cycles)
 *     one thread waits until the multiprocessor's clock has ticked `cycles` times. Touches no memory.  traffic: none
 *
 * Launch: one block of one thread. Who verifies: `CudaDevice.launch` asks whether the event behind it was still waiting
 * when all was queued. For the host it does nothing.
 */
extern "C" __global__ void hold(unsigned long long cycles) {
#ifndef GPUCHECK_HOST
  long long start = clock64();
  while ((unsigned long long)(clock64() - start) < cycles) {
  }
#endif
}
