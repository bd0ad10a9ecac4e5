"""What is at each address. Every request reads for itself; nothing is kept between two of them."""

from functools import cached_property

from flask import Flask, Response, make_response, request

from gpucheck.catalog import Catalog
from gpucheck.catalog.reported import profiles_of
from gpucheck.model.inventory import Intake, read_number
from gpucheck.render.document import render_json
from gpucheck.render.html import render_html
from gpucheck.render.inventory.words import AS_STORED, NO_CHANGE, NO_SERIAL, compared, day, facts_of, one_of, turned
from gpucheck.store.reading import Wanted
from gpucheck.store.searching import search
from gpucheck.store.store import Store
from gpucheck.store.visits import chosen, compare, pair, visits
from gpucheck.web import guard
from gpucheck.web.asked import CONDITIONS, VERDICTS, asked_of
from gpucheck.web.pages import digest_of_style, page, style_sheet
from gpucheck.web.refusal import RefusalError
from gpucheck.web.shown import history_of, row_of

A_PAGE = 50
"""Items."""
_ALL_CARDS = "?cards=all at the end of this address shows all."


class Views:
    """The pages of one inventory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog()

    def install(self, app: Flask) -> None:
        """Give every page its address."""
        for rule, view in (
            ("/", self.overview),
            ("/item/<number>", self.item),
            ("/item/<number>/diff", self.diff),
            ("/item/<number>/report/<intake>", self.report),
            ("/style.css", self.style),
        ):
            app.add_url_rule(rule, view.__name__, view, methods=["GET"])

    def overview(self) -> str:
        """Items that are looked for, the newest first."""
        asked = asked_of(request.args)
        wanted = Wanted(asked.words, asked.verdict, asked.model, asked.condition)
        found = search(self._store, wanted, A_PAGE, (asked.page - 1) * A_PAGE)
        pages = max(1, -(-found.total // A_PAGE))
        if asked.page > pages:
            raise RefusalError(404, f"There is no page {asked.page}; the last one is {pages}.")
        unknown = [asked.model] if asked.model and asked.model not in found.models else []
        return page(
            "list.html",
            asked=asked,
            rows=[row_of(item, found.notices[item.number]) for item in found.items],
            total=found.total,
            pages=pages,
            first=(asked.page - 1) * A_PAGE + 1,
            verdicts=VERDICTS,
            conditions=CONDITIONS,
            tally=found.tally,
            models=[*unknown, *found.models],
            place=self._store.place,
        )

    def item(self, number: str) -> str:
        """Everything that is known of an item."""
        found, intakes, notes, notices = self._store.item(_item(number))
        return page(
            "item.html",
            row=row_of(found, notices),
            facts=facts_of(found),
            remark="" if found.last.identity.serial else NO_SERIAL,
            history=history_of(visits(intakes, notices)),
            notes=[(day(note.at), note.text) for note in notes],
        )

    def diff(self, number: str) -> str:
        """What changed between two of its intakes, the last two where none are named."""
        found, intakes, _, notices = self._store.item(_item(number))
        row, history = row_of(found, notices), history_of(visits(intakes, notices))
        old, new = (_intake(name) for name in ("old", "new"))
        if len(intakes) == 1 and old is None:
            return page("diff.html", row=row, history=history, both=None)
        both = pair(intakes, old, new)
        result = compare(self._store, *both, notices)
        return page(
            "diff.html",
            row=row,
            history=history,
            both=both,
            title=compared(*both),
            turned=turned(result.old.authenticity, result.new.authenticity),
            notices=result.new.notices,
            changes=result.changes,
            nothing=NO_CHANGE,
        )

    def report(self, number: str, intake: str) -> Response:
        """The report of an intake, as a page or as JSON: of its card, or of all that came in with it."""
        format_ = request.args.get("format", "html")
        if format_ not in ("html", "json"):
            raise RefusalError(400, "There is no such format.", "Wanted is html or json.")
        every = _every_card()
        _, intakes, _, notices = self._store.item(_item(number))
        found = chosen(intakes, _number(intake))
        whole, _ = self._store.report(found)
        report = whole if every else whole.of_one(found.position)
        if format_ == "json":
            return _download(render_json(report), found, every=every)
        note = AS_STORED if every else one_of(whole, _ALL_CARDS, visits([found], notices)[0])
        text = render_html(report, profiles_of(report, self._catalog), note=note)
        answer = make_response(text)
        answer.headers["Content-Security-Policy"] = guard.POLICY.format(style=digest_of_style(text))
        return answer

    def style(self) -> Response:
        """The style sheet of all pages but the reports."""
        return Response(style_sheet(), mimetype="text/css")


def _every_card() -> bool:
    """Whether the address asks for all cards of a report."""
    asked = request.args.get("cards", "")
    if asked not in ("", "all"):
        raise RefusalError(400, "There is no such choice of cards.", "Leave it out, or ask for all.")
    return asked == "all"


def _download(text: str, intake: Intake, *, every: bool) -> Response:
    answer = Response(text, mimetype="application/json")
    name = f"item-{intake.item}-intake-{intake.number}{'-all-cards' if every else ''}.json"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _item(text: str) -> int:
    found = read_number(text)
    if found is None:
        raise RefusalError(404, "There is no such item.")
    return found


def _number(text: str) -> int:
    found = read_number(text)
    if found is None:
        raise RefusalError(404, "There is no such intake.")
    return found


def _intake(name: str) -> int | None:
    text = request.args.get(name)
    return _number(text) if text else None
