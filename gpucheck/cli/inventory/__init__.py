"""``gpucheck inventory``: a shop's cards."""
