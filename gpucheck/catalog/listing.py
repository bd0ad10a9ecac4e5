"""What a listing says around a card's name: makers, their series, colours, condition, and words of other languages.

Only words on record are left out, each whole, so that an unknown one still hinders: a word that nobody thought of may
be what tells an RTX 4090 D from an RTX 4090.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import combinations

_SCRIPT = "\u0400-\u04ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
_BESIDE_LATIN = re.compile(f"(?<=[{_SCRIPT}])(?=[a-z0-9])|(?<=[a-z0-9])(?=[{_SCRIPT}])")
_IN_ENGLISH = (
    (
        re.compile(
            r"笔记本(?:电脑)?|筆電|筆記型(?:電腦)?|移动版|移動版|ノート(?:pc|パソコン)?|노트북|ноутбук\w*|"
            r"\b(?:ordinateur|pc) portable\b|\bport[aá]til(?:es)?\b|\bportatile\b"
        ),
        " laptop ",
    ),
    (re.compile(r"\bти\b"), "ti"),
    (re.compile(r"\bсупер\b"), "super"),  # noqa: RUF001 - Russian
    (re.compile(r"(?<!\w)o?(\d{1,3})\s?(?:go|гб|гигабайт\w*|gigabytes?|gigs?)(?!\w)"), r"\1 gb"),  # noqa: RUF001
    # ASUS writes O24G for an overclocked card of 24 GB.
    (re.compile(r"(?<!\w)o(\d{1,2}g)(?!\w)"), r"\1"),
)
_PHRASES = re.compile(
    r"\bfounder'?s?'?(?:\s+edition)?\b|\bhall\s+of\s+fame\b|\bsea\s+hawk\b|\bbattle\s*ax\b|\bgaming\s*pro\b|"
    r"\b(?:gaming|liquid|suprim)\s+[xz]\b|\b[xz]\s+trio\b|\b(?:twin|storm|epic)\s*x[23]?\b|\b\d\s?x\b|\bx[234]\b|"
    r"\b1\s+click\b|\b(?:2nd|second)\s+hand\b|\bsegunda\s+mano\b|\bseconda\s+mano\b|\bzweite\s+hand\b|"
    r"\bd'occasion\b|\b(?:like|as)\s+new\b|\blow\s+profile\b|"
    r"\b(?:non|full)\s+(?:lhr|hash(?:\s+rate)?)\b"
)
_LEFT_OUT = """
    acer afox alienware asus biostar colorful dell elsa evga fujitsu gainward galax gigabyte hp inno3d kfa2 leadtek
    lenovo manli maxsun medion msi palit pny sparkle supermicro yeston zotac
    acx aero amp aorus armor cerberus dual eagle edge expedition ftw ftw3 frostbite frozr gamerock gamer gaming ghost
    holo ichill icx igame infinity jetstream kingpin ko matrix mech megalodon neptune noctua panther phantom phoenix
    poseidon prime proart rog sc sc2 sg solid ssc strix superclocked suprim stormx trinity trio tuf twin ultra ventus
    verto vision vulcan windforce waterforce xc xc3 xlr8 ex extreme xtreme
    aio air blower compact cooled cooler copper fan fans hybrid hydro itx liquid mini single slim tri triple turbo
    waterblock
    argb blanc blanche blanco pink rgb rosa silver weiss white
    factory fe fhr oc overclock overclocked plus ref reference
    boxed condition excellent genuine good invoice mint new original receipt refurb refurbished sealed tested used
    warranty working
    garantie gebraucht gebrauchte wie generaluberholt neu neuwertig ovp rechnung top verkaufe versand zustand
    bon comme etat neuf neuve occasion reconditionne reconditionnee tres
    nueva nuevo nuova nuovo usada usado usata usato
    card carte desktop grafica grafik grafikkarte graphics graphique memoire memoria memory pc ram scheda speicher
    tarjeta vga video vram
    and avec by de et for from fur il la mit pour un und une von
"""
_WORDS = frozenset(_LEFT_OUT.split())
_LONGEST_NAME = 6
"""Words of a listing that are looked at together to say what it may have meant."""
_ALSO_IN_NAMES = frozenset({"black", "v2", "v3", "v4"})
"""Left out only where a name with them is none: a TITAN Black is no TITAN, an RTX 5090 D V2 no RTX 5090 D."""


def in_english(text: str) -> str:
    """Return a listing with the words and units that decide written as in English: ``24 Go``, ``笔记本``."""
    plain = _BESIDE_LATIN.sub(" ", unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'"))
    for foreign, english in _IN_ENGLISH:
        plain = foreign.sub(english, plain)
    return plain


def readings(text: str) -> Iterator[str]:
    """Yield the text as it is, then without what sellers write around a name; ever less is left."""
    yield text
    bare = _without(_PHRASES.sub(" ", re.sub(r"[\s_\-/|()\[\]]+", " ", text)), _WORDS)
    if bare.split() != text.split():
        yield bare
    least = _without(bare, _ALSO_IN_NAMES)
    if least.split() != bare.split():
        yield least


def parts(text: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield parts that may name a card, the most telling first, with words to leave out and the one that follows."""
    words = re.findall(r"[^\s,;:!?|/()\[\]\u2013\u2014]+", text)
    telling = [not _is_left_out(word) for word in words]
    spans = [s for s in combinations(range(len(words) + 1), 2) if s[1] - s[0] <= _LONGEST_NAME]
    for start, end in sorted(spans, key=lambda s: (-sum(telling[s[0] : s[1]]), s[1] - s[0], s)):
        part = " ".join(words[start:end])
        others = [word for number, word in enumerate(words) if telling[number] and not start <= number < end]
        if others and re.search(r"\d", part):
            yield part, tuple(dict.fromkeys(others)), "".join(words[end : end + 1])


def _is_left_out(word: str) -> bool:
    return not re.search(r"[^\W_]", _without(_PHRASES.sub(" ", in_english(word)), _WORDS))


def _without(text: str, words: frozenset[str]) -> str:
    return re.sub(r"[^\W_]+", lambda found: "" if _folded(found[0]) in words else found[0], text)


def _folded(word: str) -> str:
    """Without accents: ``ß`` and ``é`` as people type them elsewhere."""
    bare = unicodedata.normalize("NFKD", word.replace("ß", "ss"))
    return "".join(c for c in bare if not unicodedata.combining(c))
