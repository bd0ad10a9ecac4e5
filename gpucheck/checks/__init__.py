"""Every check, in the order in which a report lists them."""

from gpucheck.checks.architecture import architecture
from gpucheck.checks.arithmetic_rates import arithmetic_rates
from gpucheck.checks.attestation import attestation
from gpucheck.checks.attested_die import attested_die
from gpucheck.checks.bar1_size import bar1_size
from gpucheck.checks.base import Case, Check
from gpucheck.checks.board_fingerprint import board_fingerprint
from gpucheck.checks.board_project import board_project
from gpucheck.checks.brand import brand
from gpucheck.checks.bus_errors import bus_errors
from gpucheck.checks.bus_width import bus_width
from gpucheck.checks.chip_sku import chip_sku
from gpucheck.checks.claim import claim
from gpucheck.checks.compute_capability import compute_capability
from gpucheck.checks.core_count import core_count
from gpucheck.checks.device_on_bus import device_on_bus
from gpucheck.checks.die_register import die_register
from gpucheck.checks.driver_faults import driver_faults
from gpucheck.checks.driver_integrity import driver_integrity
from gpucheck.checks.driver_support import driver_support
from gpucheck.checks.fused_device_id import fused_device_id
from gpucheck.checks.gpu_part_number import gpu_part_number
from gpucheck.checks.host_link import host_link
from gpucheck.checks.identity_unique import identity_unique
from gpucheck.checks.issue_rate import issue_rate
from gpucheck.checks.known_modification import known_modification
from gpucheck.checks.l2_capacity import l2_capacity
from gpucheck.checks.laptop_die import laptop_die
from gpucheck.checks.link_errors import link_errors
from gpucheck.checks.load_condition import load_condition
from gpucheck.checks.memory_bandwidth import memory_bandwidth
from gpucheck.checks.memory_capacity import memory_capacity
from gpucheck.checks.memory_clock import memory_clock
from gpucheck.checks.memory_faults import memory_faults
from gpucheck.checks.memory_health import memory_health
from gpucheck.checks.memory_organisation import memory_organisation
from gpucheck.checks.memory_residency import memory_residency
from gpucheck.checks.memory_size import memory_size
from gpucheck.checks.memory_speed import memory_speed
from gpucheck.checks.memory_straps import memory_straps
from gpucheck.checks.memory_training import memory_training
from gpucheck.checks.memory_type import memory_type
from gpucheck.checks.memory_uniformity import memory_uniformity
from gpucheck.checks.module_carrier import module_carrier
from gpucheck.checks.multiprocessors import multiprocessors
from gpucheck.checks.numeric_fingerprint import numeric_fingerprint
from gpucheck.checks.pcie_link import pcie_link
from gpucheck.checks.power_limits import power_limits
from gpucheck.checks.product_flags import product_flags
from gpucheck.checks.product_name import product_name
from gpucheck.checks.rework_signs import rework_signs
from gpucheck.checks.sibling_functions import sibling_functions
from gpucheck.checks.silicon_match import silicon_match
from gpucheck.checks.sm_limits import sm_limits
from gpucheck.checks.source_agreement import source_agreement
from gpucheck.checks.subsystem import subsystem
from gpucheck.checks.subsystem_live import subsystem_live
from gpucheck.checks.tensor_tier import tensor_tier
from gpucheck.checks.vbios_agreement import vbios_agreement
from gpucheck.checks.vbios_family import vbios_family
from gpucheck.checks.vbios_integrity import vbios_integrity

ALL_CHECKS: tuple[Check, ...] = (
    claim,
    # what the silicon did
    compute_capability,
    multiprocessors,
    arithmetic_rates,
    tensor_tier,
    numeric_fingerprint,
    sm_limits,
    memory_capacity,
    memory_residency,
    memory_bandwidth,
    memory_speed,
    host_link,
    l2_capacity,
    silicon_match,
    # what the die signed
    attested_die,
    attestation,
    # what registers of the card hold
    die_register,
    fused_device_id,
    memory_organisation,
    # what is declared, against the profile
    memory_size,
    known_modification,
    memory_straps,
    bar1_size,
    vbios_family,
    gpu_part_number,
    chip_sku,
    product_name,
    product_flags,
    architecture,
    core_count,
    bus_width,
    memory_clock,
    memory_type,
    brand,
    board_fingerprint,
    board_project,
    subsystem,
    sibling_functions,
    pcie_link,
    power_limits,
    laptop_die,
    module_carrier,
    # sources against each other
    source_agreement,
    identity_unique,
    vbios_agreement,
    vbios_integrity,
    subsystem_live,
    driver_integrity,
    issue_rate,
    driver_support,
    rework_signs,
    # condition
    device_on_bus,
    driver_faults,
    memory_faults,
    memory_uniformity,
    memory_health,
    memory_training,
    link_errors,
    bus_errors,
    load_condition,
)
"""The list is explicit; a test holds it against the folder."""

__all__ = ["ALL_CHECKS", "Case", "Check"]
