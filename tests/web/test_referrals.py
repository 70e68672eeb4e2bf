"""Who sent whom: one level at a time, however long the chain."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from casting import Cast
from kezhi import referral_scenario
from kezhi_web.referrals.trees import PAGE, UP

CHAIN = 1000


def newest(home: Path) -> Path:
    """The folder of the newest run."""
    return home / "runs" / (home / "runs" / "latest").read_text(encoding="utf-8").strip()


def members(home: Path) -> list[dict[str, Any]]:
    """referrals.parquet."""
    return pq.read_table(newest(home) / "referrals.parquet").to_pylist()


def text(page: Any) -> str:
    """A page's markup."""
    return str(page.content.decode())


def written(home: Path, name: str, rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> None:
    """A table of the run in place of the one that is there."""
    path = newest(home) / f"{name}.parquet"
    made = pa.Table.from_pylist(rows, schema)
    path.unlink(missing_ok=True)
    pq.write_table(made, path)


@pytest.fixture(autouse=True)
def _no_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report's section is tested where it is made; here it would be made once more."""
    monkeypatch.setattr("kezhi_web.referrals.views.part", lambda *_, **__: None)


@pytest.fixture
def chained(home: Path) -> Path:
    """A company in which customer C0000 sent C0001, who sent C0002, and so on, a thousand times."""
    zero = {name: Decimal(0) for name in pq.read_schema(newest(home) / "referrals.parquet").names[6:]}
    rows = [
        zero
        | {
            "customer_id": f"C{number:04}",
            "referrer_id": f"C{number - 1:04}" if number else None,
            "root_id": "C0000",
            "generation": number,
            "referrals": int(number < CHAIN - 1),
            "descendants": CHAIN - 1 - number,
            "value": Decimal(number),
        }
        for number in range(CHAIN)
    ]
    written(home, "referrals", rows, pq.read_schema(newest(home) / "referrals.parquet"))
    return home


def test_the_largest_branches(shown_home: Path, cast: Cast) -> None:
    """As sorting by hand has them, with own value and branch."""
    page = cast["analyst"].get("/referrals")
    rows = sorted(
        (row for row in members(shown_home) if row["referrals"]),
        key=lambda row: (-row["all_value"], row["customer_id"]),
    )
    assert [one["customer_id"] for one in page.context["largest"]] == [row["customer_id"] for row in rows[:20]]
    assert page.context["largest"][0]["branch"] == rows[0]["value"] + rows[0]["all_value"]
    assert page.context["periods"][-1]["cumulative_value"] == sum(row["value"] for row in page.context["periods"])


def test_a_tree(shown_home: Path, cast: Cast) -> None:
    """Whom somebody sent, and who sent these, agree."""
    top = max(members(shown_home), key=lambda row: row["referrals"])
    page = cast["marketer"].get(f"/referrals/of/{top['customer_id']}")
    sent = {row["customer_id"] for row in members(shown_home) if row["referrer_id"] == top["customer_id"]}
    assert {one["customer_id"] for one in page.context["sent"].rows} == sent
    below = cast["marketer"].get(f"/referrals/of/{sent.pop()}")
    assert below.context["line"][-1]["customer_id"] == top["customer_id"]
    part = cast["marketer"].get(f"/referrals/under/{top['customer_id']}")
    assert "<html" not in text(part)


def test_searching(shown_home: Path, cast: Cast) -> None:
    """By id or name; names only help those who may see them."""
    names = dict(
        zip(*(pq.read_table(newest(shown_home) / "customers.parquet").column(name).to_pylist()
              for name in ("customer_id", "name")), strict=True)
    )  # fmt: skip
    one = next(row["customer_id"] for row in members(shown_home) if names[row["customer_id"]])
    assert cast["marketer"].get("/referrals", {"q": one}).context["found"][0]["customer_id"] == one
    by_name = cast["marketer"].get("/referrals", {"q": names[one].lower()}).context["found"]
    assert one in {row["customer_id"] for row in by_name}
    assert cast["analyst"].get("/referrals", {"q": names[one]}).context["found"] == []
    assert "has sent anybody" in text(cast["marketer"].get("/referrals", {"q": "x' or 1=1"}))


def test_a_chain_of_a_thousand(chained: Path, cast: Cast) -> None:
    """Shows a few levels above, one below, and how many lie between."""
    page = cast["analyst"].get("/referrals/of/C0500")
    assert page.status_code == 200
    assert [one["customer_id"] for one in page.context["line"]] == [f"C{n:04}" for n in range(500 - UP, 500)]
    assert page.context["hidden"] == 500 - UP
    assert [one["customer_id"] for one in page.context["sent"].rows] == ["C0501"]
    assert len(page.content) < 20_000
    first = cast["analyst"].get("/referrals/of/C0000")
    assert first.context["line"] == []


def test_many_sent_by_one(chained: Path, cast: Cast) -> None:
    """A page at a time."""
    rows = members(chained)
    for row in rows[1:]:
        row |= {"referrer_id": "C0000", "generation": 1, "referrals": 0, "descendants": 0}
    written(chained, "referrals", rows, pq.read_schema(newest(chained) / "referrals.parquet"))
    page = cast["analyst"].get("/referrals/of/C0000")
    sent = page.context["sent"]
    assert (len(sent.rows), sent.number, sent.more) == (PAGE, CHAIN - 1, 2)
    assert sent.rows[0]["customer_id"] == "C0999"
    last = cast["analyst"].get(f"/referrals/of/C0000?page={CHAIN // PAGE}").context["sent"]
    assert last.more == 0


def test_rings_are_said(home: Path, cast: Cast) -> None:
    """The customer of a ring, and the list of them."""
    one, other = (row["customer_id"] for row in members(home)[:2])
    written(home, "referral_problems", [
        {"customer_id": one, "referrer_id": other, "problem": "cycle"},
        {"customer_id": other, "referrer_id": one, "problem": "cycle"},
    ])  # fmt: skip
    assert "in a ring" in text(cast["analyst"].get(f"/referrals/of/{one}"))
    page = cast["analyst"].get("/referrals/problems")
    assert [row["customer_id"] for row, _ in page.context["listed"]] == sorted((one, other))


def test_the_scenario(shown_home: Path, cast: Cast) -> None:
    """As the library has it; rate 0 leaves what the first customer brings."""
    run = newest(shown_home)
    usual = cast["viewer"].get("/referrals/scenario").context["found"]
    assert usual.periods == referral_scenario(run, horizon=12).periods
    none = cast["viewer"].get("/referrals/scenario?rate=0&value=10&horizon=5").context["found"]
    assert none.periods[-1].cumulative == 50
    assert "is no number" in text(cast["viewer"].get("/referrals/scenario?rate=often"))
    assert 'role="alert"' in text(cast["viewer"].get("/referrals/scenario?horizon=10000"))


def test_period_by_period(home: Path, cast: Cast) -> None:
    """The first two years of the worked case (W01) as a run writes them: the curve begins below zero."""
    rows = [
        {"customer_id": None, "period": None, "own_amount": own, "referred_amount": sent, "amount": own + sent,
         "cost": 0, "expense": cost, "value": own + sent - cost, "cumulative_value": total}
        for own, sent, cost, total in ((800, 0, 850, -50), (750, 800, 100, 1400))
    ]  # fmt: skip
    written(home, "referral_periods", rows, pa.schema([
        ("customer_id", pa.string()), ("period", pa.date32()), *((name, pa.int64()) for name in list(rows[0])[2:])
    ]))  # fmt: skip
    page = cast["viewer"].get("/referrals")
    assert [row["cumulative_value"] for row in page.context["periods"]] == [-50, 1400]
    assert "−50" in text(page)


def test_without_referrals(home: Path, cast: Cast) -> None:
    """How to begin; who has entered nothing yet is told of no mistake."""
    (newest(home) / "referrals.parquet").unlink()
    worth = newest(home) / "worth.json"
    facts = json.loads(worth.read_text(encoding="utf-8"))
    worth.write_text(json.dumps({name: said for name, said in facts.items() if name != "referrals"}), encoding="utf-8")
    assert "says nothing of referrals" in text(cast["viewer"].get("/referrals"))
    first = text(cast["viewer"].get("/referrals/scenario"))
    assert "says nothing of referrals yet" in first
    assert 'role="alert"' not in first
    assert cast["viewer"].get("/referrals/scenario?rate=0.5&value=10").context["found"] is not None
    shutil.rmtree(home / "web", ignore_errors=True)


def test_rights(shown_home: Path, cast: Cast) -> None:
    """The company's figures are not for a salesperson; who is nobody is not found."""
    one = members(shown_home)[0]["customer_id"]
    for page in ("/referrals", f"/referrals/of/{one}", f"/referrals/under/{one}", "/referrals/scenario",
                 "/referrals/problems"):  # fmt: skip
        assert cast["sales"].get(page).status_code == 403
        assert cast.stranger.get(page).status_code == 302
    assert cast["viewer"].get("/referrals/of/NOBODY").status_code == 404
    assert cast["viewer"].get("/referrals/under/NOBODY").status_code == 404
