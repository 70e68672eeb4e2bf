"""A setting that cannot be used is named, with what is wrong with it, in both languages."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from kezhi.language import KezhiError
from kezhi.settings import read_settings, understood


@pytest.mark.parametrize(
    ("given", "said", "chinese"),
    [
        ({"horizon": 0}, "The setting horizon cannot be used: it cannot be below 1.", "不能小于 1"),
        ({"near_loss": 1.5}, "The setting near_loss cannot be used: it cannot be above 1", "不能大于 1"),
        ({"near_loss": "x"}, "near_loss cannot be used: its value is of the wrong kind", "值的类型或写法不对"),
        ({"period": "day"}, "The setting period cannot be used: it must be 'month', 'quarter' or 'year'.", "只能是"),
        ({"uplift": {"perods": 3}}, "The setting uplift.perods cannot be used: there is no such setting.", "没有"),
        (
            {"clusters": {"number": 1}},
            "The setting clusters.number cannot be used: it cannot be below 2.",
            "不能小于 2",
        ),
        (
            {"tiers": {"low_margin": float("inf")}},
            "tiers.low_margin cannot be used: it must be a finite number.",
            "有限",
        ),
        ({"segments": {"x": "a ="}}, "The segment 'x' cannot be used.", "x"),
    ],
)
def test_a_wrong_setting_is_one_sentence(given: dict[str, Any], said: str, chinese: str) -> None:
    with pytest.raises(KezhiError) as refused:
        read_settings(given)
    assert said in refused.value.text.en
    assert chinese in refused.value.text.zh


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"horizont": 4, "horizon": 5}, ["horizont"]),
        ({"alerts": {"cals": 9, "calls": 12}}, ["alerts.cals"]),
        ({"alerts": {"calls": "many", "cals": 9}, "horizon": 0}, ["alerts.calls", "alerts.cals", "horizon"]),
        ({"alerts": {"lost": 0.9, "calls": 3}}, ["alerts.lost"]),
        ({"segments": {"a": "x >", "b": "y <", "c": "purchases > 1"}}, ["segments.a", "segments.b"]),
        ({"points": {"bought": {"wieght": 1, "points": 5}}}, ["points.bought.wieght"]),
        ({"unheard": {"of": 1}, "tiers": 5, "memory_limit": "much"}, ["unheard", "tiers", "memory_limit"]),
        ({"horizon": 5, "alerts": {"calls": 12}}, []),
    ],
)
def test_what_can_be_used_of_a_file_and_what_cannot(values: dict[str, Any], places: list[str]) -> None:
    """As little as possible is left out, and what is left can be used as it is."""
    settings, refused = understood(values)
    assert [one.place for one in refused] == places
    rest = deepcopy(values)
    for one in refused:
        table: Any = rest
        for name in one.keys[:-1]:
            table = table[name]
        assert table.pop(one.keys[-1]) == one.value
    assert read_settings(rest) == settings
