"""Profiles and known modifications: which SKU a card says it is, what that SKU is, and what a buyer's words mean."""

from gpucheck.catalog.catalog import Catalog, ClaimError, ProfileError

__all__ = ["Catalog", "ClaimError", "ProfileError"]
