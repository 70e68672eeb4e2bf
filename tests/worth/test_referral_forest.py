"""The forest of referrals: pointer doubling inside the engine against a plain walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kezhi.engine import Engine
from kezhi.settings import Referrals
from kezhi.worth.forest import MEASURES, Forest, branches, grow

AS_OF = date(2024, 12, 31)
MONEY = pa.decimal128(28, 4)
Links = Mapping[str, str | None]


def company(
    engine: Engine,
    links: Links | Sequence[tuple[str, str | None]],
    amounts: Mapping[str, int],
    days: Mapping[str, date] | None = None,
    **credit: Any,
) -> Any:
    """Just as much of a `Work` as the forest asks for; who has no amount never bought."""
    pairs = list(links.items()) if isinstance(links, Mapping) else list(links)
    table = {"customer_id": [one for one, _ in pairs], "referrer_id": pa.array([to for _, to in pairs], pa.string())}
    if days is not None:
        table["acquired_on"] = pa.array([days.get(one) for one, _ in pairs], pa.date32())
    ids = sorted(amounts)
    money = {
        name: pa.array([Decimal(amounts[one] * factor) for one in ids], MONEY)
        for name, factor in zip(MEASURES, (1, -2, 3), strict=True)
    }
    first = pa.array([None] * len(ids), pa.date32())
    columns = {"customer": pa.array(range(len(ids)), pa.int32()), "customer_id": pa.array(ids, pa.string())}
    customers = engine.table(pa.table({**columns, "first_purchase": first, **money}))
    return SimpleNamespace(
        engine=engine,
        as_of=AS_OF,
        book=SimpleNamespace(customers=engine.table(pa.table(table))),
        ledger=SimpleNamespace(people=customers.select("customer", "customer_id")),
        customers=customers,
        figures=customers,
        settings=SimpleNamespace(referrals=Referrals(**credit)),
    )


def members(engine: Engine, forest: Forest) -> dict[str, dict[str, Any]]:
    rows = engine.fetch(forest.members).to_pylist()
    found = {row["customer_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def walked(links: Links, amounts: Mapping[str, int], decay: float) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """The slow way: from each customer up, with a list of who was met; from each customer down, recursively."""
    known = set(links) | set(amounts)
    parent = {one: to for one, to in links.items() if to is not None and to in known and to != one}
    circular = set()
    for one, to in parent.items():
        at: str | None = to
        met = {one}
        while at is not None and at not in met:
            met.add(at)
            at = parent.get(at)
        circular |= {one} if at == one else set()
    parent = {one: to for one, to in parent.items() if one not in circular}
    children: dict[str, list[str]] = {}
    for one, to in parent.items():
        children.setdefault(to, []).append(one)

    def below(one: str, distance: int = 1) -> list[tuple[str, int]]:
        return [pair for kid in children.get(one, []) for pair in ((kid, distance), *below(kid, distance + 1))]

    found = {}
    for one in {*parent, *parent.values()}:
        up = [one]
        while up[-1] in parent:
            up.append(parent[up[-1]])
        under = below(one)
        found[one] = {
            "referrer_id": parent.get(one),
            "root_id": up[-1],
            "generation": len(up) - 1,
            "referrals": len(children.get(one, [])),
            "descendants": len(under),
            "amount": amounts.get(one, 0),
            "first_amount": sum(amounts.get(kid, 0) for kid, distance in under if distance == 1),
            "all_amount": sum(amounts.get(kid, 0) for kid, _ in under),
            "faded": sum(amounts.get(kid, 0) * decay ** (distance - 1) for kid, distance in under),
        }
    return found, circular


names = st.sampled_from([f"c{n:02d}" for n in range(14)])
forests = st.dictionaries(names, st.one_of(st.none(), names, st.just("stranger")), max_size=14)
many = st.lists(
    st.tuples(forests, st.dictionaries(names, st.integers(-50, 900), max_size=14)), min_size=10, max_size=40
)
slow = settings(
    max_examples=3,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@slow
@given(many)
def test_every_forest_agrees_with_a_walk(engine: Engine, several: list[tuple[Links, Mapping[str, int]]]) -> None:
    """Many small forests at once, side by side in one company: the engine is asked as often for one as for forty."""
    links: dict[str, str | None] = {"x": None}
    amounts: dict[str, int] = {}
    for n, (some, money) in enumerate(several):
        links |= {f"{n} {one}": None if to is None else f"{n} {to}" for one, to in some.items()}
        amounts |= {f"{n} {one}": amount for one, amount in money.items()}
    expected, circular = walked(links, amounts, 0.5)
    forest = grow(company(engine, links, amounts, credit="decay", decay=0.5))
    if forest is None:
        assert not [to for to in links.values() if to is not None]
        return
    found = members(engine, forest)
    # who only lost a link in a cycle stays in it alone
    assert set(expected) <= set(found) <= set(expected) | circular
    for one, row in expected.items():
        wanted = {name: row[name] for name in row if name != "faded"}
        assert {name: found[one][name] for name in wanted} == wanted
        assert float(found[one]["credited_amount"]) == pytest.approx(row["faded"], abs=1e-4)
        assert found[one]["all_value"] == -2 * row["all_amount"]
        assert found[one]["all_forecast_value"] == 3 * row["all_amount"]
    assert forest.counts.get("cycle", 0) == len(circular)
    assert forest.counts.get("self", 0) == sum(one == to for one, to in links.items())
    known = set(links) | set(amounts)
    assert forest.counts.get("unknown", 0) == sum(to is not None and to not in known for to in links.values())


def test_a_chain_of_a_thousand(engine: Engine) -> None:
    ids = [f"c{n:04d}" for n in range(1001)]
    forest = grow(company(engine, dict(zip(ids[1:], ids, strict=False)), dict.fromkeys(ids, 7)))
    assert forest is not None
    found = members(engine, forest)
    assert len(forest.leaps) == 10  # as many as 1000 has binary digits, not a thousand
    for n, one in enumerate(ids):
        assert found[one]["generation"] == n
        assert found[one]["root_id"] == ids[0]
        assert found[one]["descendants"] == 1000 - n
        assert found[one]["all_amount"] == 7 * (1000 - n)
    node = found[ids[100]]["node"]
    below = engine.fetch(branches(engine, forest, forest.members.filter(forest.members.node == node))).to_pylist()
    assert sorted(row["distance"] for row in below) == list(range(901))
    assert len({row["node"] for row in below}) == 901


def test_a_star_of_ten_thousand(engine: Engine) -> None:
    ids = [f"c{n:05d}" for n in range(1, 10_001)]
    forest = grow(company(engine, dict.fromkeys(ids, "hub"), dict.fromkeys([*ids, "hub"], 2)))
    assert forest is not None
    hub = members(engine, forest)["hub"]
    assert (hub["referrals"], hub["descendants"], hub["generation"]) == (10_000, 10_000, 0)
    assert hub["first_amount"] == hub["all_amount"] == 20_000


def test_who_hangs_on_a_cycle_keeps_their_link(engine: Engine) -> None:
    """A long tail on a small ring: as soon as one looked, only the ring itself must lose its links."""
    tail = {f"t{n:02d}": f"t{n - 1:02d}" if n else "r0" for n in range(40)}
    ring = {"r0": "r1", "r1": "r2", "r2": "r0"}
    forest = grow(company(engine, tail | ring, dict.fromkeys([*tail, *ring], 1)))
    assert forest is not None
    found = members(engine, forest)
    assert forest.counts == {"cycle": 3}
    assert found["t39"]["generation"] == 40
    assert found["t39"]["root_id"] == "r0"
    assert found["r0"]["referrer_id"] is None
    assert found["r0"]["descendants"] == 40


def test_decay_lies_between_the_first_degree_and_all(engine: Engine) -> None:
    links = {"b": "a", "c": "b", "d": "c"}
    amounts = {"a": 1000, "b": 100, "c": 10, "d": 1}
    found = {}
    for decay in (0.0, 1.0):  # 0.5 is compared with a walk above
        forest = grow(company(engine, links, amounts, credit="decay", decay=decay))
        assert forest is not None
        found[decay] = members(engine, forest)["a"]
    assert found[0.0]["credited_amount"] == found[0.0]["first_amount"] == 100
    assert found[1.0]["credited_amount"] == found[1.0]["all_amount"] == 111


def test_who_became_a_customer_before_their_referrer_is_reported_and_keeps_the_link(engine: Engine) -> None:
    day = date(2024, 3, 1)
    days = {"a": day, "b": day - timedelta(days=1), "c": day}
    forest = grow(company(engine, {"a": None, "b": "a", "c": "a"}, {"a": 1, "b": 1, "c": 1}, days))
    assert forest is not None
    assert forest.counts == {"late": 1}
    assert members(engine, forest)["a"]["referrals"] == 2
    assert engine.fetch(forest.problems).to_pylist() == [{"customer_id": "b", "referrer_id": "a", "problem": "late"}]


def test_two_referrers_of_one_customer_are_reported_and_the_first_by_name_counts(engine: Engine) -> None:
    forest = grow(company(engine, [("b", "z"), ("b", "a"), ("a", None), ("z", None)], {"a": 1, "b": 5, "z": 1}))
    assert forest is not None
    assert forest.counts == {"several": 1}
    assert members(engine, forest)["b"]["referrer_id"] == "a"


def test_what_is_registered_after_as_of_changes_nothing(engine: Engine) -> None:
    past, later = date(2024, 1, 1), AS_OF + timedelta(days=1)
    links = {"a": None, "b": "a", "c": "later"}
    days = {"a": past, "b": past, "c": past}
    before = grow(company(engine, links, {"a": 1, "b": 2, "c": 4}, days))
    more = links | {"later": "a", "new": "b"}
    after = grow(company(engine, more, {"a": 1, "b": 2, "c": 4}, days | {"later": later, "new": later}))
    assert before is not None
    assert after is not None
    assert members(engine, before) == members(engine, after)
    assert before.counts == after.counts == {"unknown": 1}


def test_the_order_of_the_rows_changes_nothing(engine: Engine) -> None:
    links = [(f"c{n}", f"c{n // 3}") for n in range(1, 60)] + [("c0", None)]
    amounts = {f"c{n}": n * 31 % 17 for n in range(60)}
    one, other = (grow(company(engine, rows, amounts, credit="decay", decay=0.3)) for rows in (links, links[::-1]))
    assert one is not None
    assert other is not None
    assert members(engine, one) == members(engine, other)


@pytest.mark.parametrize("links", [{}, {"a": None}, {"a": None, "b": None}])
def test_without_a_referrer_there_is_no_forest(engine: Engine, links: Links) -> None:
    assert grow(company(engine, links or {"x": None}, {"a": 1})) is None


def test_links_that_are_all_wrong_leave_an_empty_forest(engine: Engine) -> None:
    forest = grow(company(engine, {"a": "a", "b": "stranger"}, {"a": 1}))
    assert forest is not None
    assert members(engine, forest) == {}
    assert forest.counts == {"self": 1, "unknown": 1}
