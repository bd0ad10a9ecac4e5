"""The XML of ``nvidia-smi -q -x``, all versions of its DTD.

The document type that genuine files name is never fetched. One that stands in the file (``--dtd``) is accepted as long
as it adds nothing to what the file says. A document that declares an entity is refused: nvidia-smi declares none, and
entities are how a small file grows without bound.
"""

import re
from xml.parsers import expat

from gpucheck.sources.file_reading import SourceFileError
from gpucheck.sources.smi_draft import Draft
from gpucheck.sources.smi_tree import MAX_CARDS, MAX_LEAVES, card_from, is_whole, put_host

MAX_DEPTH = 32
MAX_ELEMENTS = 300_000
MAX_TEXT = 4096
MAX_ATTRIBUTES = 100
"""Declarations of attributes. nvidia-smi has a handful; the parser goes through all of them at every element."""
_CHUNK = 1 << 16

_ROOT = "<nvidia_smi_log"
_END = "</nvidia_smi_log>"
_LONG_TAG = re.compile(r"<[^<>]{8192}")
_PRIVATE = {"processes", "accounted_processes", "supported_clocks"}
_TELLING = ("product_name", "pci/pci_device_id")
_HOST = {"timestamp", "driver_version", "kmd_version", "cuda_version", "cuda_umd_version", "attached_gpus"}
_CUT = frozenset(
    expat.errors.codes[words]
    for words in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
"""What the parser says of a document that ends too early, and of nothing else."""
_WRITE_AGAIN = "Write it again with `nvidia-smi -q -x -f card.xml`."


class _RefusedError(Exception):
    """Something that nvidia-smi never writes."""


def find_documents(text: str) -> tuple[list[str], str]:
    """All nvidia-smi documents in ``text``, and what is left of it without them."""
    if _ROOT not in text and "<gpu id=" not in text:
        return [], text
    documents: list[str] = []
    rest: list[str] = []
    at = 0
    while (root := text.find(_ROOT, at)) >= 0 and len(documents) < MAX_CARDS:
        start = max(text.rfind("<?xml", at, root), text.rfind("<!DOCTYPE", at, root))
        head = text.rfind("<?xml", at, start) if start > 0 else -1
        start = head if head >= 0 else start if start >= 0 else root
        again = text.find(_ROOT, root + 1)
        end = text.find(_END, root, again if again >= 0 else len(text))
        stop = end + len(_END) if end >= 0 else again if again >= 0 else len(text)
        documents.append(text[start:stop])
        rest.append(text[at:start])
        at = stop
    if not documents and (first := text.find("<gpu id=")) >= 0:
        last = text.rfind("</gpu>")
        if last < text.rfind("<gpu id="):
            return [f"{_ROOT}>{text[first:]}"], text[:first]
        stop = last + len("</gpu>")
        return [f"{_ROOT}>{text[first:stop]}{_END}"], text[:first] + text[stop:]
    return documents, "".join(rest) + text[at:]


def read_xml(document: str) -> tuple[list[Draft], list[str]]:
    """The complete cards of one document, and a note where it is cut or damaged.

    Of a document that is cut in its only card, that card as far as it goes.
    """
    if len(document) > _CHUNK and _LONG_TAG.search(document):
        raise SourceFileError("The XML holds a tag that nvidia-smi never writes.", _WRITE_AGAIN)
    reader = _Reader()
    notes = []
    try:
        reader.feed(document)
    except _RefusedError as refused:
        raise SourceFileError(f"The XML {refused}; nvidia-smi never writes that.", _WRITE_AGAIN) from None
    except expat.ExpatError as error:
        notes.append(_broken(reader, error))
    return reader.cards(), notes


def _broken(reader: "_Reader", error: expat.ExpatError) -> str:
    """Keep what can be kept of a document that ends too early or makes no sense, and say so."""
    complete = len(reader.found)
    if error.code not in _CUT:
        return f"the XML is damaged at line {error.lineno}; {complete} complete card(s) of it were read"
    where = f"the XML is cut off at line {error.lineno}"
    if complete:
        return f"{where}; {complete} complete card(s) of it were read: ask for all of it"
    if reader.keep_open_card():
        return f"{where}, and its card was read as far as it goes: ask for all of it"
    return f"{where}, before it tells what card it is about"


class _Reader:
    """Collects the leaves of every ``<gpu>`` element, without those that tell about the owner's programs."""

    def __init__(self) -> None:
        self.found: list[tuple[str | None, dict[str, str]]] = []
        self._host: dict[str, str] = {}
        self._paths: list[str] = []
        self._leaves: dict[str, str] | None = None
        self._bus: str | None = None
        self._text = ""
        self._open = False
        self._skip = 0
        self._elements = 0
        self._attributes = 0
        self._mig = 0

    def feed(self, document: str) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = self._entity
        parser.AttlistDeclHandler = self._attribute
        for at in range(0, len(document), _CHUNK):
            parser.Parse(document[at : at + _CHUNK], False)
        parser.Parse("", True)

    def keep_open_card(self) -> bool:
        """Take the card that the document ended in, where it got as far as to say which one it is."""
        known = self._leaves or {}
        if not any(known.get(path) for path in _TELLING):
            return False
        self._close()
        return True

    def cards(self) -> list[Draft]:
        """Every card that was closed or kept."""
        return [self._card(i, bus, leaves) for i, (bus, leaves) in enumerate(self.found)]

    def _card(self, index: int, bus: str | None, leaves: dict[str, str]) -> Draft:
        draft = card_from(leaves, "nvidia-smi -q -x", bus)
        draft.index = index if is_whole(self._host, len(self.found)) else None
        put_host(draft, self._host)
        return draft

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._skip or name in _PRIVATE:
            self._skip += 1
            if self._skip > MAX_DEPTH:
                raise _RefusedError("is nested too deeply")
            return
        paths = self._paths
        if len(paths) > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _RefusedError("is nested too deeply" if len(paths) > MAX_DEPTH else "has too many elements")
        if len(paths) == 1 and name == "gpu":
            self._leaves, self._bus, self._mig = {}, attributes.get("id"), 0
            paths.append("")
        elif name == "mig_device":
            paths.append(f"{paths[-1]}{name}#{self._mig}/" if paths else name)
            self._mig += 1
        else:
            paths.append(f"{paths[-1]}{name}/" if self._leaves is not None else name)
        self._text = ""
        self._open = True

    def _data(self, text: str) -> None:
        if self._open and not self._skip and len(self._text) < MAX_TEXT:
            self._text += text[:MAX_TEXT]

    def _end(self, name: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        path = self._paths.pop()
        if self._leaves is None:
            if self._open and name in _HOST:
                self._host.setdefault(name, self._text.strip())
        elif not path:
            self._close()
        elif self._open and len(self._leaves) < MAX_LEAVES:
            self._leaves.setdefault(path[:-1], self._text.strip())
        self._open = False

    def _close(self) -> None:
        if self._leaves is not None and len(self.found) < MAX_CARDS:
            self.found.append((self._bus, self._leaves))
        self._leaves = None

    def _entity(self, *_: object) -> None:
        raise _RefusedError("declares entities of its own")

    def _attribute(self, _element: str, _name: str, _type: str, default: str | None, _required: int) -> None:
        self._attributes += 1
        if default is not None or self._attributes > MAX_ATTRIBUTES:
            raise _RefusedError("declares attributes of its own")
