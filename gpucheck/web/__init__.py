"""The inventory as pages in a browser, for reading alone. Nothing is judged here, and nothing is written."""
