"""All probes by the name of the section that they fill, in the order in which they run."""

from gpucheck.probes import bandwidth, census, cuda, latency, memory_walk, slab_map
from gpucheck.probes.options import Probe

PROBES: dict[str, Probe] = {
    "cuda": cuda.probe,
    "census": census.probe,
    "bandwidth": bandwidth.probe,
    "slab_map": slab_map.probe,
    "memory_walk": memory_walk.probe,
    "latency": latency.probe,
}
