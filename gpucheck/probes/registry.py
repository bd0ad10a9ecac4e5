"""All probes by the name of the section that they fill, in the order in which they run."""

from gpucheck.probes import bandwidth, census, cuda, host_link, load, memory_walk
from gpucheck.probes.options import Probe

PROBES: dict[str, Probe] = {
    "cuda": cuda.probe,
    "census": census.probe,
    "bandwidth": bandwidth.probe,
    "memory_walk": memory_walk.probe,
    "host_link": host_link.probe,
    "load": load.probe,
}
