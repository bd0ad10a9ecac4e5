"""Time `gpucheck assess` against the floor that its models set: a Python that imports pydantic.

Run from anywhere with the project's Python: ``python benchmarks/assess.py``.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLOOR = [sys.executable, "-c", "import pydantic"]
RUNS = 11
MANY = 1000

XML = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
<timestamp>Tue Mar  4 10:11:{second:02d} 2025</timestamp>
<driver_version>550.54.14</driver_version><cuda_version>12.4</cuda_version><attached_gpus>1</attached_gpus>
<gpu id="00000000:01:00.0">
<product_name>NVIDIA GeForce RTX 3090</product_name><product_brand>GeForce</product_brand>
<product_architecture>Ampere</product_architecture>
<uuid>GPU-00000000-0000-4000-8000-{number:012d}</uuid>
<vbios_version>94.02.42.00.A9</vbios_version><gpu_part_number>2204-300-A1</gpu_part_number>
<inforom_version><img_version>G001.0000.03.03</img_version><ecc_object>N/A</ecc_object></inforom_version>
<pci><pci_device_id>220410DE</pci_device_id><pci_sub_system_id>87B31043</pci_sub_system_id>
<pci_bus_id>00000000:01:00.0</pci_bus_id>
<pci_gpu_link_info><pcie_gen><max_link_gen>4</max_link_gen><max_device_link_gen>4</max_device_link_gen></pcie_gen>
</pci_gpu_link_info></pci>
<fb_memory_usage><total>24576 MiB</total><reserved>300 MiB</reserved><used>1 MiB</used><free>24275 MiB</free>
</fb_memory_usage>
<bar1_memory_usage><total>32768 MiB</total></bar1_memory_usage>
<max_clocks><mem_clock>9751 MHz</mem_clock></max_clocks>
<gpu_power_readings><default_power_limit>350.00 W</default_power_limit></gpu_power_readings>
</gpu>
</nvidia_smi_log>
"""


def seconds(command: list[str]) -> float:
    """Wall time of one run; its output is thrown away."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def main() -> None:
    """Print one row for a single file and one for a thousand."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{n}.xml" for n in range(MANY)]
        for number, file in enumerate(files):
            file.write_text(XML.format(second=number % 60, number=number))
        assess = [sys.executable, "-m", "gpucheck", "assess"]
        seconds(FLOOR), seconds([*assess, str(files[0])])
        pairs = [(seconds(FLOOR), seconds([*assess, str(files[0])])) for _ in range(RUNS)]
        floor, one = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        many = seconds([*assess, *map(str, files)])
    print(f"import pydantic          {floor * 1e3:7.0f} ms")
    print(f"assess one file          {one * 1e3:7.0f} ms   {ratio:.2f} times the floor (goal: at most 4)")
    print(f"assess {MANY:,} files     {many:7.2f} s    on one core (goal: at most 5)")


if __name__ == "__main__":
    main()
