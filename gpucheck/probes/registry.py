"""All probes by the name of the section that they fill, in the order in which they run.

The walk comes before everything else that writes to much of the memory: a cell that cannot change gives itself away but
once, when it is first written with the value that it cannot leave, and looks stuck ever after.
"""

from gpucheck.probes import (
    bandwidth,
    census,
    cuda,
    fingerprint,
    host_link,
    latency,
    load,
    memory_walk,
    slab_map,
    throughput,
)
from gpucheck.probes.options import Probe

PROBES: dict[str, Probe] = {
    "cuda": cuda.probe,
    "census": census.probe,
    "throughput": throughput.probe,
    "fingerprint": fingerprint.probe,
    "memory_walk": memory_walk.probe,
    "bandwidth": bandwidth.probe,
    "slab_map": slab_map.probe,
    "latency": latency.probe,
    "host_link": host_link.probe,
    "load": load.probe,
}
