"""Contract: the page in both languages and every condition is whole, closed to the outside and safe."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import build, numbers, sentences, write_html
from kezhi.reports.customer_value import Basis, SharePoint, ValueReport
from kezhi.reports.flags import FLAGS, flag
from kezhi.reports.glossary import GLOSSARY
from kezhi.reports.page import render

Make = Callable[..., Path]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"old": True},
    {"cost": False, "backtest": False},
    {"cost": False, "expense": False, "unfinished": False},
    {"customers": 1, "bare": True, "currency": None},
    {"method": "transition", "hostile": True, "currency": "CNY"},
]
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Checks that elements close in order and collects what a browser would load and show."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.loads += [str(value) for key, value in attrs if key in {"src", "href", "srcset", "data", "action"}]
        self.handlers += [key for key, _ in attrs if key.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@functools.cache
def drawn(engine: Engine, run: Path, language: Language) -> tuple[str, Reader]:
    """A page and what a browser makes of it; drawn once for each run and language."""
    page = render(build(engine, run), language)
    reader = Reader()
    reader.feed(page)
    reader.close()
    return page, reader


def report_of(engine: Engine, make_run: Make, **condition: Any) -> ValueReport:
    return build(engine, make_run(**condition))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_page_is_whole_and_loads_nothing(
    engine: Engine, make_run: Make, condition: dict[str, Any], language: Language
) -> None:
    page, reader = drawn(engine, make_run(**condition), language)
    assert reader.open == []
    assert [load for load in reader.loads if not load.startswith("#")] == []
    assert reader.handlers == []
    assert "link" not in reader.seen
    assert reader.seen.count("script") == 2
    style = page[page.index("<style>") : page.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert len(page.encode()) < 6_000_000
    assert not re.search(r"\bnan\b|\bNone\b|\bnull\b|Decimal\(|\{\w+\}", reader.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_speaks_one_language(engine: Engine, make_run: Make, language: Language) -> None:
    _, reader = drawn(engine, make_run(customers=1, bare=True, currency=None), language)
    chinese = re.sub("深圳华强电子有限公司", "", reader.text)
    if language == "en":
        assert not re.search(r"[\u4e00-\u9fff]", chinese)
    else:
        assert not re.search(r"\b(the|of|and|is|to|customers|value)\b", chinese)


def test_only_its_own_scripts_may_run(engine: Engine, make_run: Make) -> None:
    page, reader = drawn(engine, make_run(), "en")
    assert len(reader.scripts) == 2
    for script in reader.scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_data_never_becomes_markup(engine: Engine, make_run: Make, language: Language) -> None:
    page, reader = drawn(engine, make_run(method="transition", hostile=True, currency="CNY"), language)
    assert "img" not in reader.seen
    assert "<script>alert" not in page
    assert "</script><img src=http://x.test/y>" in reader.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_totals_of_the_manifest_are_on_the_page(engine: Engine, make_run: Make, language: Language) -> None:
    report = report_of(engine, make_run)
    text = drawn(engine, make_run(), language)[1].text
    total = report.totals
    for figure in (total.amount, total.cost, total.expense, total.value):
        assert numbers.grouped(figure, 2) in text
    assert "541,909" in text
    assert "135,080" in text


def test_shown_periods_add_up_to_the_total(engine: Engine, make_run: Make) -> None:
    report = report_of(engine, make_run)
    page, _ = drawn(engine, make_run(), "en")
    table = page[page.index('id="periods"') : page.index("</tbody>", page.index('id="periods"'))]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    heads, *past, total = [[re.sub("<[^>]+>", "", cell) for cell in row] for row in cells]
    for name in ("Purchase amount", "Product cost", "Relationship expense", "Value", "Purchases"):
        column = [float(row[heads.index(name)].replace(",", "").replace("−", "-")) for row in (*past, total)]
        assert sum(column[:-1]) == pytest.approx(column[-1], abs=0.051)
    assert numbers.grouped(report.totals.cost, 2) == total[heads.index("Product cost")]


@pytest.mark.parametrize(("language", "word"), [("en", "Product cost is not known"), ("zh", "产品成本未知")])
def test_what_is_left_out_is_said(engine: Engine, make_run: Make, language: Language, word: str) -> None:
    assert word in drawn(engine, make_run(cost=False, backtest=False), language)[1].text
    assert word not in drawn(engine, make_run(), language)[1].text


@pytest.mark.parametrize(
    ("basis", "formula"),
    [
        (Basis(True, True, True, True), "value = purchases − product cost − relationship expense"),
        (Basis(False, True, True, True), "value = purchases − relationship expense"),
        (Basis(True, False, True, True), "value = purchases − product cost"),
        (Basis(True, True, False, True), "value = purchases − relationship expense"),
        (Basis(True, True, True, False), "value = purchases − product cost"),
        (Basis(False, False, True, True), "value = purchases"),
    ],
)
def test_formula_says_what_is_deducted(basis: Basis, formula: str) -> None:
    assert sentences.formula(basis).en == formula
    complete = formula.count("−") == 2
    label = sentences.basis_label(basis)
    assert (label is None) == complete
    assert label is None or label.en.endswith(f"So here {formula}.")


def test_trust_in_plain_words(engine: Engine, make_run: Make) -> None:
    report = report_of(engine, make_run)
    lead = sentences.trusted(report, "en")
    assert lead.figure == "8% too low"
    assert lead.sentence == (
        "Made 3 months earlier, the same method would have predicted purchases of £1.20 million; £1.31 million came."
    )
    assert "Simply repeating the last periods would have been 18% too high." in lead.notes
    assert "Customer by customer, our figures came 26% closer than repeating." in lead.notes
    assert sentences.trusted(report, "zh").sentence == (
        "若在 3 个月之前用同一方法预测，购买金额应为 120 万英镑，实际为 131 万英镑。"
    )
    untested = sentences.trusted(report_of(engine, make_run, cost=False, backtest=False), "en")
    assert untested.figure == "not tested"


def test_losers_are_named_where_the_curve_rises_above_the_whole(engine: Engine, make_run: Make) -> None:
    report = report_of(engine, make_run)
    assert sentences.concentrated(report, "en").notes == ()
    above = dataclasses.replace(report, concentration=(SharePoint(0.6, 1.3), SharePoint(1.0, 1.0)))
    assert "130%" in sentences.concentrated(above, "en").notes[0]


def test_high_or_low() -> None:
    assert sentences.high_or_low(0.001).en == "on target"
    assert sentences.high_or_low(0.25).zh == "偏高 25%"


def _texts() -> list[Text]:
    flags = [text for known in FLAGS.values() for text in (known.title, known.advice)]
    terms = [text for term in GLOSSARY for text in (term.term, term.meaning)]
    return [*flags, *terms, *sentences.METHODS.values(), *sentences.TABLES.values()]


@pytest.mark.parametrize("text", _texts(), ids=lambda text: text.en)
def test_every_text_is_in_both_languages(text: Text) -> None:
    assert re.search("[A-Za-z]", text.en)
    assert re.search("[\u4e00-\u9fff]", text.zh)
    assert set(re.findall(r"\{\w+\}", text.en)) == set(re.findall(r"\{\w+\}", text.zh))


def test_an_unknown_flag_is_shown_not_hidden() -> None:
    assert flag("brand_new").title.en == "brand new"


def test_writing_replaces_at_once_and_repeats_itself(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    report = report_of(engine, make_run)
    page = tmp_path / "report.html"
    page.write_text("old", encoding="utf-8")
    write_html(report, page, "zh")
    first = page.read_bytes()
    write_html(report, page, "zh")
    assert page.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(("mae", "said"), [(420.9, "as close as"), (310.2, "26% closer"), (842.0, "100% larger")])
def test_the_naive_forecast_is_never_flattered(engine: Engine, make_run: Make, mae: float, said: str) -> None:
    report = report_of(engine, make_run)
    backtest = report.models.backtest
    assert backtest is not None
    ours, *others = backtest.scores
    changed = dataclasses.replace(backtest, scores=(dataclasses.replace(ours, mae=mae), *others))
    models = dataclasses.replace(report.models, backtest=changed)
    assert said in sentences.trusted(dataclasses.replace(report, models=models), "en").notes[-1]


def test_without_deductions_purchases_are_not_said_twice(engine: Engine, make_run: Make) -> None:
    report = report_of(engine, make_run, cost=False, expense=False, unfinished=False)
    assert "purchases" not in sentences.outlook(report, "en").sentence
    assert "from purchases of" in sentences.outlook(report_of(engine, make_run), "en").sentence


@pytest.mark.parametrize(("upper", "warned"), [(1.05, True), (1.5, False)])
def test_an_interval_that_the_test_broke_is_called_too_narrow(
    engine: Engine, make_run: Make, upper: float, warned: bool
) -> None:
    report = report_of(engine, make_run)
    value = float(report.outlook.account.value)
    outlook = dataclasses.replace(report.outlook, lower=value / upper, upper=value * upper)
    notes = sentences.outlook(dataclasses.replace(report, outlook=outlook), "en").notes
    assert any("wider" in note for note in notes) == warned
