"""Reading an HTML page back as a strict reader would: every tag closed, every name resolved."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}
LEAVES = {"line", "rect", "circle", "path", "polyline"}
Attributes = dict[str, str]


class Page(HTMLParser):
    """The tags of a page with their attributes, and the text by the innermost tag that holds it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, Attributes]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), tag
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in LEAVES, tag
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def all(self, tag: str) -> list[Attributes]:
        """Attributes of every tag of a name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def inside(self, tag: str) -> list[str]:
        """Texts directly inside tags of a name."""
        return [text for name, text in self.texts if name == tag]

    @property
    def text(self) -> str:
        """All that a person can read, on one line; neither style sheet nor the names of drawings."""
        return " ".join(" ".join(text.split()) for tag, text in self.texts if tag not in ("style", "title", "desc"))

    @property
    def shape(self) -> list[tuple[str, ...]]:
        """Tags with the names of their attributes: what must not depend on text from a card."""
        return [(tag, *attributes) for tag, attributes in self.tags]
