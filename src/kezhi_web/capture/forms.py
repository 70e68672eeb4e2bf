"""The forms, one for each kind of entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazy

from kezhi.language import Text
from kezhi_web.capture import kinds
from kezhi_web.capture.surveys import Survey
from kezhi_web.words import say

said = lazy(say, str)
OLDEST = timedelta(days=3660)
LARGEST = Decimal("1e12")

LATER = Text("This day has not come yet.", "日期不能晚于今天。")
EARLIER = Text("This day is more than ten years ago.", "日期早于十年前。")
NO_SCORE = Text("Give at least one score.", "请至少填写一项评分。")
NEVER_ENDS = Text("It is expected to close before it was opened.", "预计成交日期早于创建日期。")
NOBODY = Text("There is no customer with this number.", "没有这个编号的客户。")
ITSELF = Text("A customer cannot recommend itself.", "客户不能推荐自己。")


def _choices(words: Mapping[str, Text], empty: Text | None = None) -> list[tuple[str, Any]]:
    first = [("", said(empty) if empty else "–")] if empty is not None else []
    return [*first, *((code, said(text)) for code, text in words.items())]


def _day(label: Text, *, required: bool = True) -> forms.DateField:
    return forms.DateField(
        label=said(label),
        required=required,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
    )


def _text(label: Text, *, required: bool = False, rows: int = 2) -> forms.CharField:
    return forms.CharField(
        label=said(label), required=required, max_length=2000, widget=forms.Textarea(attrs={"rows": rows})
    )


NOT_SAID = Text("not said", "未填写")


class Recorded(forms.Form):
    """What all forms share: the day on which it happened."""

    date = _day(Text("Day", "日期"))

    def clean_date(self) -> date:
        """Today or earlier."""
        day: date = self.cleaned_data["date"]
        if day > timezone.localdate():
            raise forms.ValidationError(say(LATER))
        if day < timezone.localdate() - OLDEST:
            raise forms.ValidationError(say(EARLIER))
        return day

    def row(self) -> dict[str, Any]:
        """The fields as plain values; what is empty is left out."""
        return {name: _plain(value) for name, value in self.cleaned_data.items() if value not in (None, "")}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


class Contact(Recorded):
    """A call, a visit, a message."""

    channel = forms.ChoiceField(label=said(Text("How", "方式")), choices=_choices(kinds.CHANNELS))
    direction = forms.ChoiceField(label=said(Text("Who began", "方向")), choices=_choices(kinds.DIRECTIONS))
    outcome = forms.ChoiceField(
        label=said(Text("Outcome", "结果")), choices=_choices(kinds.OUTCOMES, NOT_SAID), required=False
    )
    note = _text(Text("What it was about", "内容"))


class Suggestion(Recorded):
    """What a customer suggested."""

    grade = forms.ChoiceField(label=said(Text("Value", "等级")), choices=_choices(kinds.GRADES))
    text = _text(Text("What was suggested", "建议内容"), required=True)
    product_id = forms.CharField(label=said(Text("Product number", "商品编号")), required=False, max_length=200)
    taken_up = forms.BooleanField(label=said(Text("Was taken up", "已采纳")), required=False)


class Opportunity(Recorded):
    """A possible sale."""

    date = _day(Text("Opened on", "创建日期"))
    amount = forms.DecimalField(
        label=said(Text("Possible amount", "预计金额")), min_value=0, max_value=LARGEST, decimal_places=2
    )
    stage = forms.ChoiceField(label=said(Text("Stage", "阶段")), choices=_choices(kinds.STAGES))
    probability = forms.DecimalField(
        label=said(Text("Chance in %", "可能性 %")), min_value=0, max_value=100, decimal_places=1, required=False
    )
    expected_on = _day(Text("Expected to close on", "预计成交日期"), required=False)

    def clean(self) -> dict[str, Any]:
        """It closes after it was opened."""
        found = super().clean() or {}
        opened, closes = found.get("date"), found.get("expected_on")
        if opened and closes and closes < opened:
            self.add_error("expected_on", say(NEVER_ENDS))
        return found


class Referral(forms.Form):
    """Who sent whom; `exists` says whether a customer is known."""

    way = forms.ChoiceField(label=said(Text("Which way", "推荐方向")), choices=_choices(kinds.DIRECTIONS_OF_REFERRAL))
    other = forms.CharField(label=said(Text("Number of the other customer", "对方的客户编号")), max_length=300)

    def __init__(self, *args: Any, customer: str = "", exists: Any = None, **given: Any) -> None:
        super().__init__(*args, **given)
        self._customer, self._exists = customer, exists

    def clean_other(self) -> str:
        """A customer that is there, and another one."""
        other: str = self.cleaned_data["other"].strip()
        if other == self._customer:
            raise forms.ValidationError(say(ITSELF))
        if self._exists is not None and not self._exists(other):
            raise forms.ValidationError(say(NOBODY))
        return other

    def row(self) -> dict[str, Any]:
        """The two fields."""
        return dict(self.cleaned_data)


class Note(Recorded):
    """Anything worth knowing of a customer."""

    note = _text(Text("Note", "备注"), required=True, rows=3)


class Answers(Recorded):
    """A customer's answers: one field for each dimension of the company's survey."""

    def __init__(self, *args: Any, survey: Survey, **given: Any) -> None:
        super().__init__(*args, **given)
        for number, dimension in enumerate(survey.dimensions):
            text = kinds.DIMENSIONS.get(dimension, Text(dimension, dimension))
            label = Text(
                f"{text.en}, {survey.lowest} to {survey.scale}", f"{text.zh}（{survey.lowest} 到 {survey.scale}）"
            )
            self.fields[f"score-{number}"] = _score(label, survey.lowest, survey.scale)
        self.fields["recommend"] = _score(kinds.DIMENSIONS[kinds.RECOMMEND], 0, 10)
        self.fields["comment"] = _text(Text("What was said besides", "补充意见"))
        self._survey = survey

    def clean(self) -> dict[str, Any]:
        """At least one answer."""
        found = super().clean() or {}
        if not any(
            name.startswith("score-") or name == "recommend" for name, value in found.items() if value is not None
        ):
            raise forms.ValidationError(say(NO_SCORE))
        return found

    def row(self) -> dict[str, Any]:
        """date, comment, and scores by dimension."""
        found = self.cleaned_data
        names = [
            *((f"score-{n}", one) for n, one in enumerate(self._survey.dimensions)),
            ("recommend", kinds.RECOMMEND),
        ]
        scores = {dimension: found[name] for name, dimension in names if found.get(name) is not None}
        return {"date": found["date"].isoformat(), "scores": scores} | (
            {"comment": found["comment"]} if found.get("comment") else {}
        )

    @staticmethod
    def initial_of(row: Mapping[str, Any], survey: Survey) -> dict[str, Any]:
        """A kept row as the form's values."""
        scores = row.get("scores", {})
        by_number = {f"score-{number}": scores.get(one) for number, one in enumerate(survey.dimensions)}
        return {**row, **by_number, "recommend": scores.get(kinds.RECOMMEND)}


def _score(label: Text, lowest: int, highest: int) -> forms.IntegerField:
    return forms.IntegerField(label=said(label), min_value=lowest, max_value=highest, required=False)


FORMS: dict[str, type[forms.Form]] = {
    "contacts": Contact,
    "suggestions": Suggestion,
    "surveys": Answers,
    "opportunities": Opportunity,
    "referrals": Referral,
    "notes": Note,
}
