"""The indented text of ``nvidia-smi -q``, whole or cut out, from driver 352 on."""

import re

from gpucheck.sources.smi_draft import Draft
from gpucheck.sources.smi_tree import MAX_CARDS, MAX_LEAVES, PATHS, card_from, is_whole, put_host

_HEAD = re.compile(r"\s{0,12}GPU +([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])\s*")
_TITLE = re.compile(r"[A-Za-z][\w .()/-]{1,60}")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_PRIVATE = {"processes", "accounted_processes", "supported_clocks", "accounted_applications"}
_SLUGS: dict[str, str] = {}
_TELLING = {"product_name", "gpu_uuid", "vbios_version", "gpu_part_number", "product_brand", "gpu_pdi"}
_NESTED = {path for paths in PATHS.values() for path in paths if "/" in path and not path.startswith("memory_usage")}


def _slug(title: str) -> str:
    slug = _SLUGS.get(title)
    if slug is None:
        slug = _NOT_WORD.sub("_", title.lower()).strip("_")
        if len(_SLUGS) < 2000:
            _SLUGS[title] = slug
    return slug


class _Tree:
    """Turns indentation into paths."""

    def __init__(self, bus: str | None = None) -> None:
        self.bus = bus
        self.leaves: dict[str, str] = {}
        self._stack: list[tuple[int, str]] = []
        self._mig = 0
        self._private = -1

    def add(self, indent: int, title: str, value: str | None) -> None:
        """One line: a leaf where it has a value, else the title of what is indented below it."""
        if 0 <= self._private < indent:
            return
        self._private = -1
        stack = self._stack
        while stack and stack[-1][0] >= indent:
            stack.pop()
        slug = _slug(title)
        path = f"{stack[-1][1]}/{slug}" if stack else slug
        if slug in _PRIVATE:
            self._private = indent
        elif value is not None:
            if len(self.leaves) < MAX_LEAVES:
                self.leaves.setdefault(path, value)
        elif len(stack) < 12:
            if slug == "mig_device":
                path = f"{path}#{self._mig}"
                self._mig += 1
            stack.append((indent, path))


def _split(line: str, indent: int) -> tuple[int, str, str | None] | None:
    """Indentation, title and value of a line, None for one that is not of this format."""
    stripped = line.strip()
    title, colon, value = stripped.partition(" :")
    if colon and (not value or value[0] == " "):
        return (indent, title.rstrip(), value.strip()) if len(title) < 80 else None
    return (indent, stripped, None) if _TITLE.fullmatch(stripped) else None


def _split_any(line: str) -> tuple[int, str, str | None] | None:
    line = line.expandtabs(8)
    return _split(line, _indent(line))


class _Listing:
    """One run of ``nvidia-smi -q``: what its head says, and the cards below."""

    def __init__(self) -> None:
        self.host: dict[str, str] = {}
        self.trees: list[_Tree] = []
        self._base = 0
        self._inside = False

    def start_card(self, bus: str, line: str) -> None:
        self._inside, self._base = True, _indent(line)
        if len(self.trees) < MAX_CARDS:
            self.trees.append(_Tree(bus))

    def add(self, line: str) -> bool:
        """Take a line that starts no card: the last one's as long as it is indented deeper. False: not of here."""
        if self._inside:
            indent = _indent(line)
            if indent > self._base or line.startswith(".."):
                if parts := _split(line, indent):
                    self.trees[-1].add(*parts)
                return True
            self._inside = False
        if " : " in line and not line[0].isspace() and len(self.host) < 50:
            title, _, value = line.partition(" : ")
            self.host.setdefault(_slug(title[:60]), value.strip())
        return False

    def cards(self) -> list[Draft]:
        found = [tree for tree in self.trees if tree.leaves]
        drafts = [card_from(tree.leaves, "nvidia-smi -q", tree.bus) for tree in found]
        for index, draft in enumerate(drafts):
            draft.index = index if is_whole(self.host, len(drafts)) else None
            put_host(draft, self.host)
        return drafts


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def read_text(lines: list[str]) -> tuple[list[list[Draft]], list[str]]:
    """Every card below a ``GPU 00000000:01:00.0`` line, listing by listing, and the lines that belong to none."""
    listings = [_Listing()]
    rest = []
    for line in lines:
        if not line or line.isspace():
            rest.append("")
            continue
        plain = line.expandtabs(8) if "\t" in line else line
        if "GPU" in plain and (head := _HEAD.fullmatch(plain)):
            listings[-1].start_card(head[1], plain)
        elif "NVSMI LOG" in line and len(listings) < MAX_CARDS:
            listings.append(_Listing())
        elif not listings[-1].add(plain):
            rest.append(line)
    return [cards for listing in listings if (cards := listing.cards())], rest


def read_headless(lines: list[str]) -> list[Draft]:
    """A card from an excerpt that lacks its ``GPU`` line: a title that only a GPU has, or a fact below its section."""
    tree = _Tree()
    for line in lines:
        if (" :" in line or line[:1].isspace()) and (parts := _split_any(line)):
            tree.add(*parts)
    if not any(path in _TELLING or path in _NESTED for path in tree.leaves):
        return []
    return [card_from(tree.leaves, "nvidia-smi -q", None)]
