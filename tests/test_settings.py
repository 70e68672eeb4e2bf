"""A setting that cannot be used is named, with what is wrong with it, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from kezhi.language import KezhiError
from kezhi.settings import read_settings


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
