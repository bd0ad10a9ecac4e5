"""A report as one HTML file that needs nothing else: no script, no request, light and dark, on a phone and on paper."""

from gpucheck.render.html.page import render_html

__all__ = ["render_html"]
