"""The least that each type of memory delivers at a time: prefetch times the width of a chip's channel, in bytes.

Only types for which a source was found; of the others nothing is said.
"""

BURST_BYTES = {
    "GDDR5": 32,
    "GDDR5X": 64,
    "GDDR6": 32,
}
"""Bytes of one read of the array.

* GDDR5: 8n prefetch, 256 bits an access (JEDEC JESD212); "32-byte access granularity" (Micron TN-ED-03).
* GDDR5X: 16n prefetch, 512 bits an access, burst length 16 in its QDR mode (JEDEC JESD232, section 2.1). Its DDR mode
  has 8n and 256 bits as GDDR5. Cards are taken to run QDR at full load; of those of 8 Gbps that is not on record.
* GDDR6: two channels of 16 bits with 16n prefetch each, "the same 32-byte access granularity as GDDR5"
  (Micron TN-ED-03).
"""
