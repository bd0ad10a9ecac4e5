"""All probes by the name of the section that they fill, in the order in which they run."""

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
    "bandwidth": bandwidth.probe,
    "slab_map": slab_map.probe,
    "memory_walk": memory_walk.probe,
    "latency": latency.probe,
    "host_link": host_link.probe,
    "load": load.probe,
}
