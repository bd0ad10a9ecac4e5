"""The curve of detection against false alarms as a small SVG, with text as text and colours for light and dark."""

from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 320, 64, 24, 48
_STYLE = """<style>
text{font:13px sans-serif;fill:#222}path{fill:none;stroke-width:2}.axis{stroke:#888;stroke-width:1}
.forged{stroke:#b3261e}.honest{stroke:#1f5fbf;stroke-dasharray:6 4}
@media(prefers-color-scheme:dark){text{fill:#eee}.forged{stroke:#ff8a80}.honest{stroke:#8ab4ff}}
</style>"""


def curve(points: list[tuple[int, float, float]]) -> str:
    """Shares of forged cards detected and of honest cards accused over the threshold of the score in decibans."""
    scores = [score for score, _, _ in points]
    low, high = min(scores), max(scores)

    def place(score: float, share: float) -> str:
        x = _LEFT + (score - low) / max(1, high - low) * (_WIDTH - _LEFT - 16)
        y = _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    forged = "L".join(place(score, share) for score, _, share in points)
    honest = "L".join(place(score, share) for score, share, _ in points)
    base, left = _HEIGHT - _BOTTOM, _LEFT
    title = "Share of forged cards detected and of honest cards accused, by threshold of the score"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>{_STYLE}"
        f'<path class="axis" d="M{left},{_TOP}V{base}H{_WIDTH - 16}"/>'
        f'<path class="forged" d="M{forged}"/><path class="honest" d="M{honest}"/>'
        f'<text x="8" y="{_TOP + 4}">100 %</text><text x="24" y="{base}">0 %</text>'
        f'<text x="{left}" y="{base + 18}">{low}</text>'
        f'<text x="{_WIDTH - 16}" y="{base + 18}" text-anchor="end">{high}</text>'
        f'<text x="{_WIDTH // 2}" y="{base + 36}" text-anchor="middle">accused at or below this score (decibans)</text>'
        f'<text x="{left + 12}" y="{_TOP + 18}">red: forged cards detected; blue, dashed: honest cards accused</text>'
        "</svg>\n"
    )
