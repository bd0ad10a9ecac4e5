"""Declared evidence: one source a file, each a function that returns its section or why there is none."""
