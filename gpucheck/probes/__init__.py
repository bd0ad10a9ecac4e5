"""Measured evidence: one experiment a file, each a function of a ``Device``."""
