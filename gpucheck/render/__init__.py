"""Presentation: every renderer is a pure function from a report to text. None judges, none writes."""
