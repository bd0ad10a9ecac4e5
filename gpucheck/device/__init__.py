"""How kernels reach silicon."""
