"""The types that cross rooms. They import nothing else of ours; import them from their own module."""
