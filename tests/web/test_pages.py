"""What a person finds on the pages, on SQLite and on PostgreSQL."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select

from gpucheck.cli.app import cli
from gpucheck.render.document import load_report
from gpucheck.store.schema import reports
from gpucheck.store.store import Store, open_store
from gpucheck.web.asked import split
from tests.builders import make_report
from tests.store.given import A, card, visit
from tests.web.shop import FORGED, SIMULATED, SWAPPED, client_of, fill, links, shown, uuid_of


def told(*arguments: str) -> str:
    """What the command line prints."""
    result = CliRunner().invoke(cli, ["inventory", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_tells_what_the_command_line_tells(client: FlaskClient, store: Store) -> None:
    page = shown(client, "/")
    assert page.inside("h2") == ["3 items"]
    for words in (
        "MODIFIED (die on a foreign board)", "COUNTERFEIT (memory size forged)", "Same board, another die since",
        "RMA 7, shelf 4, Kim", "2026-01-11", "all 3", "modified 1", "counterfeit 1", "authentic 1",
    ):  # fmt: skip
        assert words in page.text
    assert page.inside("span").count("SIMULATED") == 1
    assert told("list", "--store", store.place).count("SIMULATED") == 1


@pytest.mark.parametrize(
    ("query", "items"),
    [
        ("q=rma+SHELF", [FORGED]),
        ("q=%22rma+7%22", [FORGED]),
        ("q=%227+rma%22", []),
        ("q=RMA%207%22", []),
        ("q=kim", [FORGED]),
        ("q=1320821287998", [SWAPPED]),
        ("q=%20%203%20", [SIMULATED]),
        ("q=%23" + str(SWAPPED), [SWAPPED]),
        ("verdict=modified", [SWAPPED]),
        ("verdict=counterfeit&q=7", [FORGED]),
        ("verdict=suspect", []),
        ("condition=good&verdict=modified", [SWAPPED]),
        ("condition=good", [SIMULATED, SWAPPED]),
        ("condition=not_examined", [FORGED]),
        ("condition=worn&q=", []),
        ("model=GeForce+RTX+4090&verdict=authentic", [SIMULATED]),
        ("model=GeForce+RTX+3090", []),
        ("q=&verdict=&model=&page=", [SIMULATED, FORGED, SWAPPED]),
        ("q=nothing+like+it", []),
    ],
)
def test_search_and_filters(client: FlaskClient, query: str, items: list[int]) -> None:
    page = shown(client, f"/?{query}")
    found = [int(link.rsplit("/", 1)[1]) for link in links(page) if link.startswith("/item/")]
    assert list(dict.fromkeys(found))[: len(items)] == items
    assert bool(found) == bool(items)
    assert ("Nothing in the inventory is like that." in page.text) == (not items)


def test_the_tally_stays_when_a_verdict_is_chosen(client: FlaskClient) -> None:
    for query, tally in (("", ["all 3", "authentic 1", "modified 1", "counterfeit 1"]), ("&q=rma", ["all 1"])):
        page = shown(client, f"/?verdict=modified{query}")
        assert page.inside("h2") == ["1 item" if not query else "No item"]
        assert [text for text in page.inside("a") if text in tally] == tally


def test_the_code_on_a_label_finds_its_item(client: FlaskClient, store: Store) -> None:
    with store.reader() as connection:
        kept = select(reports.c.digest).where(reports.c.id == store.item(FORGED)[0].last.report)
        digest = connection.execute(kept).scalar_one()
    for text in (f"gpucheck:{FORGED}:{digest}", digest[7:19]):
        page = shown(client, f"/?q={text}")
        assert page.inside("h2") == ["1 item"]
        assert f"/item/{FORGED}" in links(page)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  RMA   7 ", ["RMA", "7"]),
        ('"RMA 7" shelf', ["RMA 7", "shelf"]),
        ("O'Brien C:\\x # 7", ["O'Brien", "C:\\x", "#", "7"]),
        ('19" rack', ['19"', "rack"]),
        ('""', []),
    ],
)
def test_words_are_split_as_a_person_means_them(text: str, words: list[str]) -> None:
    assert split(text) == words


def test_the_form_keeps_what_was_asked_and_links_keep_it_too(client: FlaskClient) -> None:
    page = shown(client, "/?q=rma+7&verdict=counterfeit&condition=not_examined&model=GeForce+RTX+4090")
    assert [a["value"] for a in page.all("input")] == ["rma 7"]
    assert [a["value"] for a in page.all("option") if "selected" in a] == [
        "counterfeit",
        "not_examined",
        "GeForce RTX 4090",
    ]
    assert "/?q=rma+7&model=GeForce+RTX+4090&condition=not_examined" in links(page), "the tally of all"
    assert "/?q=rma+7&verdict=counterfeit&model=GeForce+RTX+4090&condition=not_examined" in links(page)


def test_an_item_tells_what_show_tells(client: FlaskClient, store: Store) -> None:
    page = shown(client, f"/item/{SWAPPED}")
    for line in told("show", str(SWAPPED), "--store", store.place).splitlines():
        for word in line.split():
            assert word.strip("#:,.") in page.text
    assert "fan loud" in page.text
    assert f"/item/{SWAPPED}/report/2#card-1" in links(page)
    assert f"/item/{SWAPPED}/report/1?format=json" in links(page)
    assert f"/item/{SWAPPED}/diff?old=1&new=2" in links(page)
    assert "states no serial number" not in page.text
    assert "states no serial number" in shown(client, f"/item/{FORGED}").text


def test_a_stored_report_is_shown_with_what_the_inventory_noticed(client: FlaskClient) -> None:
    now, before = (client.get(f"/item/{SWAPPED}/report/{intake}").text for intake in (2, 1))
    assert "By the inventory, which knows what came in before: " in now
    assert "another die since" in now
    assert "By the inventory" not in before


def test_a_simulated_card_is_marked_everywhere(client: FlaskClient) -> None:
    for path in (f"/item/{SIMULATED}", f"/item/{SIMULATED}/diff"):
        page = shown(client, path)
        assert "SIMULATED" in page.inside("title")[0]
        assert "SIMULATED" in page.inside("span")
        assert "No real card was examined. Scenario: rtx-4090." in page.text
    assert "No real card was examined" in client.get(f"/item/{SIMULATED}/report/4").text


def test_the_last_two_intakes_are_compared_or_those_that_are_named(client: FlaskClient, store: Store) -> None:
    page = shown(client, f"/item/{SWAPPED}/diff")
    for words in ("Verdict with what the inventory knows: authentic then modified.", "Same board, another die since"):
        assert words in page.text
    assert [a["value"] for a in page.all("option") if "selected" in a] == ["1", "2"]
    assert A["uuid"] in page.text
    swapped = shown(client, f"/item/{SWAPPED}/diff?old=2&new=1")
    assert "Intake #2 of 2026-01-11 against #1 of 2026-01-02" in swapped.text
    same = shown(client, f"/item/{SWAPPED}/diff?old=2&new=2")
    assert "Nothing that is compared has changed." in same.text
    assert told("diff", str(SWAPPED), "--store", store.place).splitlines()[0] in page.text


def test_one_intake_is_not_compared(client: FlaskClient) -> None:
    page = shown(client, f"/item/{FORGED}/diff")
    assert "This item has one intake, and two are compared." in page.text
    assert page.all("select") == []


def test_a_report_is_shown_and_given_away_as_it_was_stored(client: FlaskClient, store: Store) -> None:
    page = client.get(f"/item/{FORGED}/report/3")
    assert "Shown as it was stored; nothing was judged anew." in page.text
    assert "memory size forged" in page.text
    answer = client.get(f"/item/{FORGED}/report/3?format=json")
    assert answer.content_type == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="item-2-intake-3.json"'
    assert answer.text == told("show", str(FORGED), "--report", "--format", "json", "--store", store.place)
    assert json.loads(answer.text)["cards"][0]["verdict"]["authenticity"] == "counterfeit"


def test_a_report_of_a_bench_is_shown_card_by_card_and_as_a_whole(place: str) -> None:
    store = open_store(place)
    uuids = [uuid_of(n) for n in range(3)]
    store.add(bench := make_report(*(card(uuid=uuid, together=3) for uuid in uuids)))
    client = client_of(store)
    for number, uuid in enumerate(uuids, 1):
        address = f"/item/{number}/report/{number}"
        alone = client.get(f"{address}?format=json").text
        assert [each in alone for each in uuids] == [each == uuid for each in uuids]
        pages = (client.get(address).text, client.get(f"{address}?cards=all").text)
        assert [page.count('id="card-') for page in pages] == [1, 3]
        given = client.get(f"{address}?format=json&cards=all")
        assert load_report(given.text) == bench
        assert f'filename="item-{number}-intake-{number}-all-cards.json"' in given.headers["Content-Disposition"]


def test_the_way_from_one_card_to_all_is_shown(place: str) -> None:
    store = open_store(place)
    store.add(make_report(*(card(uuid=uuid_of(n), together=3) for n in range(3))))
    client, address = client_of(store), "/item/2/report/2"
    told = "holds 3 cards; this is one of them. ?cards=all at the end of this address shows all."
    assert told in client.get(address).text
    assert told not in client.get(f"{address}?cards=all").text
    wanted = {f"{address}#card-1", f"{address}?format=json", f"{address}?cards=all#card-2"}
    assert wanted <= set(links(shown(client, "/item/2")))
    assert client.get(f"{address}?cards=some").status_code == 400


def test_a_card_that_came_alone_has_no_link_to_others(client: FlaskClient) -> None:
    assert not [link for link in links(shown(client, f"/item/{SWAPPED}")) if "cards=all" in link]


def test_many_items_are_shown_fifty_a_page(place: str) -> None:
    store = open_store(place)
    store.add(make_report(*(card(uuid=uuid_of(n), together=101) for n in range(101))))
    client = client_of(store)
    first, second, last = (shown(client, f"/?q=4090&page={n}") for n in (1, 2, 3))
    assert first.inside("h2") == ["101 items, 1 to 50"]
    assert last.inside("h2") == ["101 items, 101 to 101"]
    assert [a["href"] for a in first.all("a") if a.get("rel")] == ["/?q=4090&page=2"]
    assert [a["href"] for a in second.all("a") if a.get("rel")] == ["/?q=4090&page=1", "/?q=4090&page=3"]
    assert [a["href"] for a in last.all("a") if a.get("rel")] == ["/?q=4090&page=2"]
    assert len(second.all("tbody")) == 50
    assert "the last one is 3" in shown(client, "/?page=4", 404).text


def test_an_empty_inventory_says_so(place: str) -> None:
    page = shown(client_of(open_store(place)), "/")
    assert page.inside("h2") == ["No item"]
    assert "The inventory is empty." in page.text


@pytest.mark.parametrize(
    "path",
    ["/item/99", "/item/0", "/item/x", "/item/-1", "/item/99999999999999999999", "/item/1/report/3", "/item/1/report/x",
     "/item/1/diff?old=1&new=77", "/item/1/diff?old=3", "/item/1/", "/nothing", "/?page=0", "/?page=x",
     "/item/9%00", "/item/999999999999999999/diff"],
)  # fmt: skip
def test_what_is_not_there_is_told_with_a_way_back(client: FlaskClient, path: str) -> None:
    page = shown(client, path, 404)
    assert page.inside("h1") == ["Not there"]
    assert "/" in links(page)


def test_visitors_do_not_wait_for_each_other_nor_for_a_writer(place: str) -> None:
    store = fill(place)
    served = client_of(store).application
    paths = ["/", "/?q=rma", "/item/1", "/item/1/diff", "/item/2/report/3", "/item/3"] * 5

    def status(path: str) -> int:
        return served.test_client().get(path).status_code

    with ThreadPoolExecutor(6) as threads:
        waiting = threads.map(status, paths)
        for day in range(5):
            store.add(visit(20 + day, **A))
        assert set(waiting) == {200}
