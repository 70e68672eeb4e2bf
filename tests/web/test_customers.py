"""The list of customers: search, filter, facets, order, columns, pages, and who may see whom."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.http import QueryDict

from casting import Cast
from kezhi.language import KezhiError
from kezhi_web.customers import builder, exports, store
from kezhi_web.customers.asked import read, rule_of
from kezhi_web.customers.fields import fields_of
from kezhi_web.customers.listing import Listing
from kezhi_web.customers.models import View
from kezhi_web.people.models import Event
from kezhi_web.shown import Rows
from kezhi_web.shown.run import named

pytestmark = pytest.mark.django_db


def known(company: Path) -> list[dict[str, Any]]:
    """The newest run's customers with what the book says of each, row by row."""
    newest = (company / "runs" / "latest").read_text(encoding="utf-8").strip()
    folder = company / "runs" / newest
    told = {row["customer_id"]: row for row in pq.read_table(folder / "attributes.parquet").to_pylist()}
    people = pq.read_table(folder / "customers.parquet").to_pylist()
    return [{**told.get(row["customer_id"], {}), **row} for row in people]


def listed(rows: Rows, query: str) -> list[str]:
    """All ids of a list, page by page, as the links lead."""
    fields, ids, after = fields_of(rows), [], ""
    for _ in range(100):
        found = Listing(rows, read(QueryDict(query + (f"&after={quote(after)}" if after else "")), fields)).page(40)
        ids += [row["customer_id"] for row in found.rows]
        after = found.following
        if not after:
            return ids
    raise AssertionError


def everybody(personal: bool = True) -> Rows:
    return Rows(named(None), None, personal)


def ids_in(page: Any) -> list[str]:
    return [unescape(one) for one in re.findall(r'<a href="/customers/([^"?]+)\?', page.content.decode())]


def ordered(people: list[dict[str, Any]], name: str, *, falling: bool) -> list[str]:
    """The slow, obvious order: by value, empty ones last, equals by id."""
    there = sorted((row for row in people if row[name] is not None), key=lambda row: row["customer_id"])
    there.sort(key=lambda row: row[name], reverse=falling)
    absent = sorted(row["customer_id"] for row in people if row[name] is None)
    return [row["customer_id"] for row in there] + absent


def test_it_shows_the_most_valuable_first(shown_home: Path, cast: Cast) -> None:
    page = cast["administrator"].get("/customers")
    assert page.status_code == 200
    assert ids_in(page) == ordered(known(shown_home), "forecast_value", falling=True)[:50]
    assert 'aria-sort="descending"' in page.content.decode()


def test_nobody_unknown_sees_it(shown_home: Path, cast: Cast) -> None:
    assert cast.stranger.get("/customers").status_code == 302


def test_without_a_run_it_says_how_to_begin(empty_home: Path, cast: Cast) -> None:
    assert "Upload a file of orders" in cast["administrator"].get("/customers").content.decode()


@pytest.mark.parametrize("name", ["customer_id", "last_purchase", "tier", "region", "owner", "p_alive", "purchases"])
@pytest.mark.parametrize("falling", [True, False])
def test_every_order_is_stable_over_its_pages(shown_home: Path, name: str, falling: bool) -> None:
    wanted = ordered(known(shown_home), name, falling=falling)
    assert listed(everybody(), f"sort={'-' if falling else ''}{name}") == wanted


def test_one_comes_back_the_way_one_went(shown_home: Path) -> None:
    rows = everybody()
    fields = fields_of(rows)
    for sort in ("-forecast_value", "owner", "-region"):
        first = Listing(rows, read(QueryDict(f"sort={sort}"), fields)).page(20)
        second = Listing(rows, read(QueryDict(f"sort={sort}&after={quote(first.following)}"), fields)).page(20)
        back = Listing(rows, read(QueryDict(f"sort={sort}&before={quote(second.preceding)}"), fields)).page(20)
        assert [row["customer_id"] for row in back.rows] == [row["customer_id"] for row in first.rows]
        assert back.preceding == ""
        assert back.following == first.following


def test_a_key_that_somebody_made_up_is_answered(shown_home: Path, cast: Cast) -> None:
    assert cast["viewer"].get("/customers?after=nonsense").status_code == 400
    assert cast["viewer"].get("/customers?after=" + quote('["not a number","C1"]')).status_code == 200


def test_search_finds_parts_of_id_and_name_in_any_letters(shown_home: Path) -> None:
    person = next(row for row in known(shown_home) if row["name"] and " " in row["name"])
    first, last = person["name"].split()[0].upper(), person["name"].split()[-1].lower()
    wanted = {
        row["customer_id"]
        for row in known(shown_home)
        if all(word.lower() in f"{row['customer_id']}\n{row['name'] or ''}".lower() for word in (first, last))
    }
    assert person["customer_id"] in wanted
    assert set(listed(everybody(), f"q={quote(f'{last} {first}')}")) == wanted
    assert listed(everybody(), f"q={person['customer_id'].lower()}") == [person["customer_id"]]


def test_names_are_not_found_by_those_who_may_not_see_them(shown_home: Path, cast: Cast) -> None:
    person = next(row for row in known(shown_home) if row["name"])
    assert listed(everybody(personal=False), f"q={quote(person['name'])}") == []
    page = cast["viewer"].get(f"/customers?q={person['customer_id']}").content.decode()
    assert person["customer_id"] in page
    assert person["name"] not in page
    for trick in (f"name = '{person['name']}'", "name is not empty"):
        asked = cast["viewer"].get("/customers", {"filter": trick})
        assert ids_in(asked) == []


def test_filter_facets_and_segment_count_together(home: Path, cast: Cast) -> None:
    (home / "kezhi.toml").write_text('[segments]\nkeen = "purchases >= 3"\n', encoding="utf-8")
    people = known(home)
    region = next(row["region"] for row in people if row["region"])
    query = f"segment=keen&filter={quote('value > 100')}&region={quote(region)}&tier=small&tier=vip"
    wanted = {
        row["customer_id"]
        for row in people
        if row["purchases"] >= 3 and row["value"] > 100 and row["region"] == region and row["tier"] in ("small", "vip")
    }
    assert wanted
    assert set(listed(everybody(), query)) == wanted
    found = Listing(everybody(), read(QueryDict(query), fields_of(everybody()))).sums()
    assert found.customers == len(wanted)
    assert found.value == sum(row["value"] for row in people if row["customer_id"] in wanted)


def test_a_facet_also_finds_those_of_whom_nothing_is_said(shown_home: Path) -> None:
    wanted = {row["customer_id"] for row in known(shown_home) if not row["owner"]}
    assert set(listed(everybody(), "owner=-")) == wanted


def test_a_mistake_is_told_at_its_place(shown_home: Path, cast: Cast) -> None:
    page = cast["viewer"].get("/customers", {"filter": "value > 10 and regoin = 'x'", "tier": "vip"}).content.decode()
    assert "did you mean region" in page
    assert "<code>value &gt; 10 and <mark>regoin</mark> =" in page
    assert 'aria-invalid="true"' in page


def test_a_text_is_never_run(shown_home: Path, cast: Cast) -> None:
    for query in (
        {"q": "'; drop table people; --"},
        {"sort": 'x" desc; --'},
        {"columns": 'a"b'},
        {"tier": "x' or '1'='1"},
    ):
        assert cast["viewer"].get("/customers", query).status_code == 200


def test_columns_are_chosen_and_ordered(shown_home: Path, cast: Cast) -> None:
    page = cast["viewer"].get("/customers?columns=region,customer_id,flags,nonsense").content.decode()
    heads = re.findall(r"<th scope=\"col\".*?>(?:<a[^>]*>)?([^<]+)", page.split("<tbody>")[0])
    assert [one.strip() for one in heads] == ["Region", "Customer id", "Flags"]


def test_a_column_says_of_which_day_it_is(shown_home: Path) -> None:
    fields = fields_of(everybody())
    for name in ("tier_previous", "rfm_class_previous"):
        meaning = fields[name].meaning
        assert meaning is not None
        assert "30 Jun 2025" in meaning.en
        assert "2025年6月30日" in meaning.zh
    assert fields["birth_year"].shown(1984.0) == "1984"


def test_a_salesperson_sees_their_own_only(shown_home: Path, cast: Cast) -> None:
    own = {row["customer_id"] for row in known(shown_home) if row["owner"] == cast.owner}
    page = cast["sales"].get("/customers")
    assert set(ids_in(page)) <= own
    rows = Rows(named(None), cast.owner, personal=True)
    assert set(listed(rows, "")) == own
    other = next(row["customer_id"] for row in known(shown_home) if row["customer_id"] not in own)
    assert ids_in(cast["sales"].get(f"/customers?q={other}")) == []
    assert ids_in(cast["sales"].get("/customers", {"filter": f"customer_id = '{other}'"})) == []


def test_the_table_of_a_large_run_gives_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and laid-out table agree, for those who see everything and for those who do not."""
    questions = ("", "sort=owner", "q=tea", f"filter={quote('p_alive < 50% and purchases > 1')}&tier=small&sort=-name")
    owner = next(row["owner"] for row in known(home) if row["owner"])
    seen_by = [Rows(named(None), who, personal) for who in (None, owner) for personal in (True, False)]
    from_files = [[listed(rows, one) for one in questions] for rows in seen_by]
    path = store.make(named(None))
    assert store.relation(seen_by[0])[1] == "rowid"
    assert [[listed(rows, one) for one in questions] for rows in seen_by] == from_files
    assert all(store.row_of(rows, from_files[2][0][0]) for rows in seen_by)
    stranger = next(row["customer_id"] for row in known(home) if row["owner"] != owner)
    assert store.row_of(seen_by[2], stranger) == {}
    seen_by[0].ask(f"detach list_{path.stem}")


# --- the builder ---


def test_rows_become_a_filter_and_come_back(shown_home: Path, cast: Cast) -> None:
    query = "f=tier&o==&v=VIP&f=last_purchase&o=>=&v=2025-01-01&f=p_alive&o=<&v=90%25&f=owner&o=filled&v=&f=&o==&v="
    page = cast["viewer"].get(f"/customers?{query}")
    assert page.status_code == 302
    text = parse_qs(urlsplit(page["Location"]).query)["filter"][0]
    assert text == "tier = 'VIP' and last_purchase >= 2025-01-01 and p_alive < 0.9 and not (owner is empty)"
    fields = fields_of(everybody())
    rows = builder.rows_of(text, fields)
    assert rows is not None
    assert builder.written(rows, fields) == text
    assert cast["viewer"].get(page["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (builder.Row("value", ">=", "much"), "write a number"),
        (builder.Row("value", ">=", "2,5"), "write a number"),  # half the world means two and a half
        (builder.Row("last_purchase", ">=", "yesterday"), "write a day"),
        (builder.Row("tier", "=", ""), "write a text"),
        (builder.Row("tier", "has", "x"), "does not fit"),
        (builder.Row("potential", "=", "perhaps"), "yes or no"),
    ],
)
def test_a_row_that_cannot_be_meant_is_told(shown_home: Path, row: builder.Row, said: str) -> None:
    with pytest.raises(KezhiError, match=said):
        builder.written([row], fields_of(everybody()))


@pytest.mark.parametrize(
    "text", ["value > 1 or value < 0", "value > forecast_value", "not (tier = 'vip')", "not value in (1, 2)"]
)
def test_what_rows_cannot_say_stays_text(shown_home: Path, text: str) -> None:
    assert builder.rows_of(text, fields_of(everybody())) is None


def test_a_row_offers_what_fits_its_field(shown_home: Path, cast: Cast) -> None:
    page = cast["viewer"].get("/customer-lists/condition?f=tier").content.decode()
    assert 'value="contains"' in page
    assert '<option value="VIP">' in page
    assert 'type="date"' in cast["viewer"].get("/customer-lists/condition?f=last_purchase").content.decode()


# --- what is kept ---


def test_a_view_is_found_again_by_its_maker_only(shown_home: Path, cast: Cast) -> None:
    sent = {"list": "sort=region&columns=region&q=x", "name": "Mine", "for_everybody": "on"}
    assert cast["viewer"].post("/customer-lists/view", sent).status_code == 302
    assert [one.for_everybody for one in View.objects.all()] == [False]  # whoever may not act keeps it to themselves
    assert ">Mine<" in cast["viewer"].get("/customers").content.decode()
    assert ">Mine<" not in cast["analyst"].get("/customers").content.decode()
    number = View.objects.get().pk
    assert cast["analyst"].post(f"/customer-lists/view/{number}/drop", {"list": ""}).status_code == 404
    cast["viewer"].post(f"/customer-lists/view/{number}/drop", {"list": ""})
    assert not View.objects.exists()
    assert [one.action for one in Event.objects.filter(action__startswith="view_").order_by("id")] == [
        "view_saved",
        "view_deleted",
    ]


def test_a_view_for_everybody(shown_home: Path, cast: Cast) -> None:
    cast["marketer"].post("/customer-lists/view", {"list": "tier=vip", "name": "Ours", "for_everybody": "on"})
    assert "Ours" in cast["viewer"].get("/customers").content.decode()
    cast["marketer"].post("/customer-lists/view", {"list": "", "name": " "})
    assert View.objects.count() == 1


def test_a_list_becomes_a_segment(home: Path, cast: Cast) -> None:
    sent = {"list": f"tier=vip&filter={quote('value > 5')}&q=tea", "name": "Best"}
    assert cast["viewer"].post("/customer-lists/segment", sent).status_code == 403
    cast["marketer"].post("/customer-lists/segment", sent)
    assert "Best = \"value > 5.0 and tier = 'vip'\"" in (home / "kezhi.toml").read_text(encoding="utf-8")
    page = cast["marketer"].get("/customers").content.decode()
    assert 'href="/customers?segment=Best"' in page
    refused = cast["marketer"].post("/customer-lists/segment", {"list": "q=tea", "name": "All"}, follow=True)
    assert "nothing to save" in refused.content.decode()


# --- export ---


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written in this process, which saves the start of another."""
    monkeypatch.setattr(exports, "elsewhere", exports.write)


def sent(form: str, query: str = "", **more: str) -> dict[str, str]:
    return {"list": query, "format": form, "purpose": "a letter", **more}


def test_an_export_is_the_list_without_those_who_want_to_be_left_alone(shown_home: Path, cast: Cast) -> None:
    query = "sort=region&columns=region,value&tier=small"
    answer = cast["administrator"].post("/customer-lists/export", sent("parquet", query))
    table = pq.read_table(pa.BufferReader(b"".join(answer.streaming_content)))
    assert table.column_names == ["customer_id", "name", "region", "value"]
    people = [row for row in known(shown_home) if row["tier"] == "small"]
    free = [row for row in people if not row["excluded"] and row["consent"] is not False]
    assert len(free) < len(people)
    assert table["customer_id"].to_pylist() == ordered(free, "region", falling=False)
    told = Event.objects.get(action="list_exported").told
    assert told["customers"] == len(free)
    assert told["left_out"]["excluded"] + told["left_out"]["refused"] == len(people) - len(free)
    assert told["purpose"] == "a letter"
    assert not list((shown_home / "web" / "exports").iterdir())


@pytest.mark.usefixtures("at_once")
def test_contacts_are_exported_only_to_those_who_may_see_them(shown_home: Path, cast: Cast) -> None:
    asked = sent("csv", "columns=tier&sort=customer_id&q=C00000", contact="on")
    told = {role: b"".join(cast[role].post("/customer-lists/export", asked).streaming_content) for role in
            ("marketer", "analyst")}  # fmt: skip
    assert "Phone" in told["marketer"].decode("utf-8-sig").splitlines()[0]
    assert told["analyst"].decode("utf-8-sig").splitlines()[0] == '"Customer id","Tier"'


def test_who_may_not_export_cannot(shown_home: Path, cast: Cast) -> None:
    for role in ("viewer", "sales"):
        assert cast[role].post("/customer-lists/export", sent("csv")).status_code == 403
    refused = cast["analyst"].post("/customer-lists/export", {"list": "", "format": "csv"}, follow=True)
    assert "Say what the list is for" in refused.content.decode()
    assert cast["analyst"].post("/customer-lists/export", sent("exe")).status_code == 404


@pytest.mark.usefixtures("at_once")
def test_a_salesperson_who_may_export_gets_their_own(shown_home: Path, cast: Cast) -> None:
    from kezhi_web.people.models import Person

    client = cast["sales"]
    Person.objects.filter(user__username="sales").update(may_export=True)
    answer = client.post("/customer-lists/export", sent("parquet", "columns=owner"))
    table = pq.read_table(pa.BufferReader(b"".join(answer.streaming_content)))
    assert set(table["owner"].to_pylist()) == {cast.owner}


# --- the address ---


def test_an_address_says_the_list_and_nothing_usual(shown_home: Path) -> None:
    fields = fields_of(everybody())
    query = "q=a+b&filter=value+%3E+1&tier=vip&tier=large&sort=name&columns=name%2Ctier&run=x"
    assert read(QueryDict(query), fields).address() == query
    assert read(QueryDict("sort=-forecast_value&sort="), fields).address() == ""
    assert rule_of(read(QueryDict("q=x"), fields)) == "all"


def test_a_table_that_is_gone_is_let_go(home: Path) -> None:
    """The engine does not hold on to the table of content that was replaced since."""
    rows = everybody()
    old = store.make(rows.run)
    assert store.relation(rows)[1] == "rowid"
    old.unlink()
    (rows.run.folder / "manifest.json").touch()
    newer = Rows(named(None), None, personal=True)
    store.make(newer.run)
    store.relation(newer)
    held = {row["database_name"] for row in rows.ask("select database_name from duckdb_databases()")}
    assert f"list_{old.stem}" not in held
    assert f"list_{store.path_of(newer.run).stem}" in held
