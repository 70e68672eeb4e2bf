"""Control groups drawn beforehand."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import kezhi
from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.sources import read_table

IDS = [f"C{number:03d}" for number in range(200)]


def arms(table: Any) -> dict[str, str]:
    return {row["customer_id"]: row["arm"] for row in table.to_pylist()}


def test_the_share_is_met_and_the_draw_repeats() -> None:
    drawn = kezhi.draw_control(IDS, action="voucher", on="2025-07-01", share=0.3)
    assert drawn.column_names == ["customer_id", "date", "action", "arm"]
    assert drawn["customer_id"].to_pylist() == IDS
    assert set(drawn["date"].to_pylist()) == {date(2025, 7, 1)}
    assert Counter(arms(drawn).values()) == {"treated": 140, "control": 60}
    again = kezhi.draw_control([*reversed(IDS), *IDS[:50]], action="voucher", on="2025-07-01", share=0.3)
    assert again.equals(drawn)  # neither order nor repetition matters
    for other in ({"action": "call"}, {"action": "voucher", "seed": 7}):
        assert arms(kezhi.draw_control(IDS, on="2025-07-01", share=0.3, **other)) != arms(drawn)


def test_the_lot_looks_at_nothing() -> None:
    """Neither the order of the ids nor another draw tells who is drawn: by lot the counts differ by about 16."""
    ids = [f"{number:04d}" for number in range(4000)]
    one, other = (arms(kezhi.draw_control(ids, action="a", on="2025-07-01", share=0.5, seed=seed)) for seed in (1, 2))
    control = {who for who, arm in one.items() if arm == "control"}
    assert len(control) == 2000
    assert abs(sum(who in control for who in ids[:2000]) - 1000) < 64
    assert abs(sum(other[who] == "control" for who in control) - 1000) < 64


def test_what_was_drawn_can_be_imported(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("customer,name\nA,Anna\nB,Bea\nC,Cy\n", encoding="utf-8")
    drawn = kezhi.draw_control(tmp_path / "list.csv", action=" gift ", on="2025-07-01", share=0.01)
    assert Counter(arms(drawn).values()) == {"treated": 2, "control": 1}  # at least one
    reading = read_table(engine, "actions", [drawn], today=date(2025, 8, 1))
    assert reading.report.quarantined == 0
    assert {row["action"] for row in engine.fetch(reading.accepted).to_pylist()} == {"gift"}


@pytest.mark.parametrize(
    ("given", "said"),
    [({"share": 0}, "between 0 and 1"), ({"share": 1.0}, "between 0 and 1"), ({"action": " "}, "Name the action"),
     ({"customers": ["A", "A"]}, "two different")],
)  # fmt: skip
def test_draws_that_cannot_be_made(given: dict[str, Any], said: str) -> None:
    with pytest.raises(KezhiError, match=said):
        kezhi.draw_control(**({"customers": IDS, "action": "a", "on": "2025-07-01"} | given))
