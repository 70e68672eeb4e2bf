"""One customer's page: the same facts as kezhi.customer, counts of the book, and who may see what."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from casting import Cast
from kezhi.engine import open_engine
from kezhi.intake import current_rows, import_table
from kezhi.reports.numbers import rounded
from kezhi.workspace import Workspace
from kezhi_web.customers import store
from kezhi_web.customers.book import BookOf
from kezhi_web.customers.charts import curve_of
from kezhi_web.customers.one import Account
from kezhi_web.customers.opinion import factors_of
from kezhi_web.customers.reasons import steps_of, written
from kezhi_web.customers.timeline import DAYS, TITLES, timeline_of
from kezhi_web.people.models import Event
from kezhi_web.shown import Rows
from kezhi_web.shown.run import named

pytestmark = pytest.mark.django_db


def newest(company: Path) -> Path:
    return company / "runs" / (company / "runs" / "latest").read_text(encoding="utf-8").strip()


def table(company: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(newest(company) / f"{name}.parquet").to_pylist()
    return found


def best(company: Path) -> str:
    """Somebody with orders, expenses and all the rest."""
    return max(table(company, "customers"), key=lambda row: row["purchases"])["customer_id"]


def account(customer_id: str, *, owner: str | None = None, personal: bool = True) -> Account:
    return Account(Rows(named(None), owner, personal), customer_id)


def numbers(text: str) -> list[Decimal]:
    """The numbers in a sentence; per cent as shares."""
    found = re.findall(r"(\N{MINUS SIGN}?[\d,]+(?:\.\d+)?)(%?)", text)
    return [
        Decimal(one.replace(",", "").replace("\N{MINUS SIGN}", "-")) / (100 if percent else 1) for one, percent in found
    ]


def test_it_shows_who_what_and_why(shown_home: Path, cast: Cast) -> None:
    customer_id = best(shown_home)
    page = cast["administrator"].get(f"/customers/{customer_id}")
    assert page.status_code == 200
    said = unescape(page.content.decode())
    person = next(row for row in table(shown_home, "customers") if row["customer_id"] == customer_id)
    assert person["name"] in said
    for heading in (
        "Value so far",
        "Why this forecast",
        "What happened",
        "Standing at each run",
        "Points",
        "Referrals",
    ):
        assert heading in said
    assert f"{person['value']:,.2f}".replace("-", "\N{MINUS SIGN}") in said


def test_it_is_the_same_as_the_library_says(shown_home: Path) -> None:
    """Every fact, with and without personal data, of several customers, against kezhi.customer."""
    people = sorted(table(shown_home, "customers"), key=lambda row: row["purchases"])
    for person, private in ((people[0], True), (people[-1], True), (people[-1], False)):
        wanted = kezhi.customer(person["customer_id"], shown_home, private=private, last=1000)
        found = account(person["customer_id"], personal=private)
        hidden = set() if private else {"name"}
        assert {k: v for k, v in found.worth.items() if k not in hidden} == {
            k: v for k, v in wanted.worth.items() if k not in hidden
        }
        assert found.facts == {k: v for k, v in wanted.facts.items() if k not in hidden}
        assert found.forecast == list(wanted.forecast)
        assert {k: v for k, v in found.ranking.items() if k not in hidden} == {
            k: v for k, v in wanted.ranking.items() if k not in hidden
        }
        assert found.standings() == list(wanted.standings)
        assert found.alerts == list(wanted.alerts)
        assert found.segments == list(wanted.segments)
        assert [one for _, one in factors_of(found)[0]] == list(wanted.factors)
        assert sorted(map(str, found.needs)) == sorted(map(str, wanted.needs))
        assert wanted.sheet is not None
        assert [(one.term, one.quantity, one.points) for one in found.points] == [
            (one.term, one.quantity, one.points) for one in wanted.sheet.parts
        ]
        for block in wanted.blocks:
            count, rows = found.book.newest(block.table, DAYS[block.table], 1000)
            assert count == block.count
            assert sorted(map(str, rows)) == sorted(
                str({k: v for k, v in row.items() if k not in hidden}) for row in block.rows
            )


def test_counts_are_those_of_the_book(shown_home: Path) -> None:
    """V10: every block's count equals the rows that the database holds of the customer."""
    customer_id = best(shown_home)
    counted = {one.code: one for one in timeline_of(account(customer_id)).kinds}
    with open_engine() as engine:
        for name in ("orders", "opportunities", "suggestions", "contacts", "surveys", "receivables", "expenses"):
            rows = current_rows(engine, Workspace(shown_home), name)
            held = engine.row(rows.filter(rows.customer_id == customer_id).aggregate(n=lambda t: t.count()))["n"]
            assert (counted[name].lines if name == "orders" else counted[name].count) == held, name


def test_a_later_import_counts_as_it_does_in_the_book(home: Path) -> None:
    """Lines that are brought again replace the earlier ones, a new column stays, as in kezhi's own reading."""
    customer_id = best(home)
    with open_engine() as engine:
        place = Workspace(home)
        first = current_rows(engine, place, "orders")
        line = engine.fetch(first.filter(first.customer_id == customer_id).limit(1)).to_pylist()[0]
        again = {
            "customer_id": customer_id,
            "date": line["date"],
            "order_id": line["order_id"],
            "amount": 7.5,
            "sort": 1,
        }
        person = {"customer_id": customer_id, "name": "New Name", "region": "Moon"}
        day = named(None).as_of
        import_table(engine, place, "orders", [pa.Table.from_pylist([again])], None, day)
        import_table(engine, place, "customers", [pa.Table.from_pylist([person])], None, day)
        found = current_rows(engine, place, "orders")
        wanted = engine.fetch(found.filter(found.customer_id == customer_id)).to_pylist()
    book = BookOf(Rows(named(None), None, personal=True), customer_id)
    count, rows = book.newest("orders", "date", 10_000)
    assert count == len(wanted)
    assert sorted(map(str, rows)) == sorted(map(str, wanted))
    assert book.facts()["region"] == "Moon"


def test_every_number_can_be_reckoned_again(shown_home: Path) -> None:
    """Purchases x amount, amount x margin, less expense: with the very numbers that the sentences hold."""
    reckoned = 0
    for person in table(shown_home, "customers")[::9]:
        for step in steps_of(account(person["customer_id"])):
            for said in step.sentences:
                if "=" not in said.en:
                    continue
                equation = said.en.split(": ")[-1].rstrip(".")
                left, right = equation.split(" = ")
                [result] = numbers(right)
                digits = len(right.partition(".")[2])
                if "×" in left:
                    one, other = numbers(left)
                    value = one * other
                else:
                    one, other = (numbers(part)[0] for part in re.split(rf" {chr(0x2212)} ", left))
                    value = one - other
                assert abs(value - result) <= Decimal("0.5").scaleb(-digits), equation
                reckoned += 1
            assert numbers(step.shown["value"])[0] == round(
                step.row["value"], len(step.shown["value"].partition(".")[2])
            )
    assert reckoned > 50


def test_all_figures_can_be_reckoned_again() -> None:
    """Also where a run rounded the cost by itself, and of amounts so small that two decimals say nothing."""
    dice = random.Random(7)
    for _ in range(600):
        count, mean, margin = dice.lognormvariate(-1, 2), dice.lognormvariate(4, 2), dice.uniform(-0.2, 1)
        exact = count * mean
        amount, cost, expense = (round(Decimal(one), 4) for one in (exact, exact * (1 - margin), exact * 0.03))
        row = {"expected_purchases": count, "mean_amount": round(mean, 6), "amount": amount, "margin": margin}
        row |= {"cost": cost, "expense": expense, "value": amount - cost - expense}
        said = {name: numbers(text)[0] for name, text in written(row).items() if text != "–"}
        digits = -said["value"].as_tuple().exponent
        for one, other, product in (
            (said["expected_purchases"], said["mean_amount"], said["bought"]),
            (said["amount"], said["margin"], said["gross"]),
        ):
            assert rounded(one * other, digits) == product, row
        assert said["gross"] - said["expense"] == said["value"]
        assert said["value"] == rounded(row["value"], digits)


def test_what_is_not_known_is_not_taken_off(home: Path, cast: Cast) -> None:
    """A company with orders only: no row of costs, no word of gross profit, and why."""
    manifest = newest(home) / "manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8")) | {"cost_known": False, "expense_known": False}
    manifest.unlink()
    manifest.write_text(json.dumps(told), encoding="utf-8")
    customer_id = best(home)
    forecast = pq.read_table(newest(home) / "forecast.parquet")
    for name in ("cost", "expense"):
        none = pa.array([Decimal(0)] * forecast.num_rows, forecast.schema.field(name).type)
        forecast = forecast.set_column(forecast.schema.get_field_index(name), name, none)
    (newest(home) / "forecast.parquet").unlink()
    pq.write_table(forecast, newest(home) / "forecast.parquet")
    page = unescape(cast["viewer"].get(f"/customers/{customer_id}").content.decode())
    assert "Product cost is not known." in page
    assert "No relationship expense is known" in page
    assert "Value over time" in page
    assert "gross profit" not in page.split('id="timeline"')[0].lower().split("<h1>")[1]


def test_the_curve_ends_at_what_they_are_worth(shown_home: Path) -> None:
    """Periods add up to value so far, and with the forecast to both together; none is left out."""
    for person in table(shown_home, "customers")[::20]:
        points = curve_of(account(person["customer_id"]))
        past = [one for one in points if not one.ahead]
        assert past[-1].total == person["value"]
        assert points[-1].total == person["value"] + person["forecast_value"]
        months = [one.first.year * 12 + one.first.month for one in points]
        assert months == list(range(months[0], months[0] + len(months)))


def test_the_timeline_is_complete_and_newest_first(shown_home: Path) -> None:
    found = account(best(shown_home))
    whole, page = [], 1
    while True:
        one = timeline_of(found, "", page)
        whole += one.entries
        if not one.more:
            break
        page += 1
    days = [entry.day for entry in whole if entry.day]
    assert days == sorted(days, reverse=True)
    assert len(whole) == one.count
    only = timeline_of(found, "contacts")
    assert {entry.kind for entry in only.entries} <= {"contacts"}
    assert only.count == one.count


def test_a_correction_is_told_beside_what_was_computed(home: Path, cast: Cast) -> None:
    customer_id = best(home)
    before = account(customer_id).worth["forecast_value"]
    kezhi.correct(home, "amount", "*2", customer=customer_id, why="a new contract", by="Ms Li")
    page = unescape(cast["analyst"].get(f"/customers/{customer_id}").content.decode())
    assert "Corrections in force" in page
    assert "corrected by management" in page
    assert f"computed {before:,.2f}" in page
    assert "Management corrected the purchase amount from" in page
    entries = timeline_of(account(customer_id), "corrections").entries
    assert [(one.title, "a new contract" in one.detail) for one in entries] == [("purchase amount +100%", True)]


def test_an_alert_leads_to_where_it_is_worked_on(shown_home: Path, cast: Cast) -> None:
    row = next(one for one in table(shown_home, "alerts") if one["state"] == "open")
    page = cast["marketer"].get(f"/customers/{row['customer_id']}").content.decode()
    link = f"/alerts/of/{row['opened_on'].isoformat()}/{row['cause']}/{row['customer_id']}"
    assert f'href="{link}"' in page
    assert cast["marketer"].get(link).status_code == 200


# --- who may see what ---


def test_a_stranger_is_asked_to_sign_in(shown_home: Path, cast: Cast) -> None:
    assert cast.stranger.get(f"/customers/{best(shown_home)}").status_code == 302


def test_nobody_of_that_id(shown_home: Path, cast: Cast) -> None:
    for wrong in ("nobody", "a/b", "..%2f", "客户 1"):
        assert cast["viewer"].get(f"/customers/{wrong}").status_code == 404


def test_a_salesperson_sees_their_own_only(shown_home: Path, cast: Cast) -> None:
    owners = {row["customer_id"]: row["owner"] for row in table(shown_home, "attributes")}
    own = next(one for one, owner in owners.items() if owner == cast.owner)
    other = next(one for one, owner in owners.items() if owner and owner != cast.owner)
    assert cast["sales"].get(f"/customers/{own}").status_code == 200
    for part in ("", "?part=timeline", "?part=points", "?part=neighbours", "?part=standings"):
        assert cast["sales"].get(f"/customers/{other}{part}").status_code == 404


def test_whom_they_sent_is_hidden_from_those_who_may_not_see_them(shown_home: Path) -> None:
    people = table(shown_home, "attributes")
    owners = {row["customer_id"]: row["owner"] for row in people}
    sent = next(row for row in people if row["referrer_id"] and owners.get(row["referrer_id"]) != row["owner"])
    seen = account(sent["referrer_id"]).book.newest("referrals", "acquired_on", 1000)[1]
    assert sent["customer_id"] in {row["customer_id"] for row in seen}
    owner = owners[sent["referrer_id"]] or "nobody"
    hidden = account(sent["referrer_id"], owner=owner).book.newest("referrals", "acquired_on", 1000)[1]
    assert sent["customer_id"] not in {row["customer_id"] for row in hidden}


def test_names_and_phones_only_with_the_right_and_noted_once(shown_home: Path, cast: Cast) -> None:
    with open_engine() as engine:
        people = engine.fetch(current_rows(engine, Workspace(shown_home), "customers")).to_pylist()
    known = {row["customer_id"] for row in table(shown_home, "customers")}
    person = next(row for row in people if row["phone"] and row["name"] and row["customer_id"] in known)
    address = f"/customers/{person['customer_id']}"
    for part in ("", "?part=timeline", "?part=points", "?part=standings"):
        page = cast["viewer"].get(address + part).content.decode()
        assert unescape(page).count(person["name"]) + page.count(person["phone"]) == 0
    assert not Event.objects.filter(action="personal_seen").exists()
    for _ in range(2):
        assert person["phone"] in unescape(cast["marketer"].get(address).content.decode())
    assert [one.told for one in Event.objects.filter(action="personal_seen")] == [
        {"customer_id": person["customer_id"]}
    ]


# --- parts and addresses ---


def test_the_parts_come_by_themselves(shown_home: Path, cast: Cast) -> None:
    customer_id = best(shown_home)
    points = cast["analyst"].get(f"/customers/{customer_id}?part=points").content.decode()
    assert "<html" not in points
    assert "records" in points
    orders = cast["analyst"].get(f"/customers/{customer_id}?part=timeline&kind=orders").content.decode()
    assert "<html" not in orders
    assert "Order " in orders
    for wrong in ("page=0", "page=x", "page=99999999999", "kind=nonsense", "page=-1"):
        assert cast["analyst"].get(f"/customers/{customer_id}?part=timeline&{wrong}").status_code == 200


def test_a_large_company_asks_for_the_slow_parts_by_themselves(
    shown_home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "is_large", lambda run: True)
    page = cast["analyst"].get(f"/customers/{best(shown_home)}")
    assert page.status_code == 200
    assert "part=timeline" in page.content.decode()


def test_one_walks_through_the_list_one_came_from(shown_home: Path, cast: Cast) -> None:
    listed = [row["customer_id"] for row in sorted(table(shown_home, "customers"), key=lambda row: row["customer_id"])]
    page = cast["viewer"].get(f"/customers/{listed[3]}?part=neighbours&list=sort%3Dcustomer_id").content.decode()
    assert f'rel="prev" href="/customers/{listed[2]}?list=sort%3Dcustomer_id"' in page
    assert f'rel="next" href="/customers/{listed[4]}?list=sort%3Dcustomer_id"' in page
    first = cast["viewer"].get(f"/customers/{listed[0]}?part=neighbours&list=sort%3Dcustomer_id").content.decode()
    assert 'rel="prev"' not in first


def test_ids_of_any_letters_have_a_page(home: Path, cast: Cast) -> None:
    """Slashes, blanks, signs and Chinese stand in the address as they are meant."""
    strange = "分店/A 1?x#y&'\"%2F+\nover two lines"
    run = newest(home)
    customer_id = best(home)
    for name in ("customers", "forecast", "periods", "attributes"):
        held = pq.read_table(run / f"{name}.parquet")
        ids = pa.array([strange if one == customer_id else one for one in held["customer_id"].to_pylist()])
        (run / f"{name}.parquet").unlink()
        pq.write_table(
            held.set_column(held.schema.get_field_index("customer_id"), "customer_id", ids), run / f"{name}.parquet"
        )
    (run / "manifest.json").touch()
    page = cast["administrator"].get("/customers?sort=-purchases")
    link = unescape(re.findall(r'<a href="(/customers/[^"]+)"', page.content.decode())[0])
    found = cast["administrator"].get(link)
    assert found.status_code == 200
    assert strange in unescape(found.content.decode())


def test_an_earlier_run_is_shown_as_it_was(shown_home: Path, cast: Cast) -> None:
    first = sorted(path.name for path in (shown_home / "runs").iterdir() if path.is_dir())[0]
    customer_id = best(shown_home)
    page = cast["viewer"].get(f"/customers/{customer_id}?run={first}").content.decode()
    assert "up to 30 Jun 2025" in page


def test_blocks_without_data_say_what_to_do(home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    # in a copy: which columns there are is kept for the run
    monkeypatch.setattr(Rows, "columns", lambda self, name, asked=Rows.columns: asked(self, name) if name in (
        "customers", "forecast", "periods") else ())  # fmt: skip
    monkeypatch.setattr(BookOf, "columns", lambda self, name: ())
    page = cast["viewer"].get(f"/customers/{best(home)}").content.decode()
    for said in ("The book is not at hand", "No points are counted", "No referral is known", "Nothing is predicted"):
        assert said in page


def test_every_kind_has_words() -> None:
    assert all(title.en and title.zh for title in TITLES.values())
