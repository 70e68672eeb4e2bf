"""What people come for, walked in a real browser on a really served company, without one error in its console.

Each journey is a manager's, told in issue 7; `chromium` and `pages` are in conftest.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from browsing import Served, Visit, needs_browser, served, visit

pytestmark = needs_browser

OWN_PASSWORD = "some quiet words together"
HEADINGS = "订单编号,买家会员名,买家实际支付金额,订单付款时间,宝贝标题"


@contextmanager
def _window(chromium: Any, address: str, role: str = "", language: str = "en") -> Iterator[Visit]:
    """Somebody's window, signed in as a role; nothing in it may have gone wrong."""
    one = visit(chromium, address, language=language)
    try:
        if role:
            one.sign_in(role)
        yield one
        one.check()
    except Exception as error:
        error.add_note(f"{one.page.url} {one.wrong}\n{one.page.inner_text('body')[:1500]}")
        raise
    finally:
        one.context.close()


# --- 1. from the first upload to the first answer ---------------------------------------------------------


@pytest.fixture(scope="module")
def bare(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for a company that has nothing yet but a wish for the quickest model."""
    place = tmp_path_factory.mktemp("bare")
    company = place / "company"
    company.mkdir()
    (company / "kezhi.toml").write_text('model = "bg_nbd"\ncurrency = "CNY"\n', encoding="utf-8")
    with served(company, place / "log") as one:
        yield one


def orders(place: Path) -> tuple[Path, int, int, int]:
    """An export as a shop makes it, one line of it broken: the file, its rows, its customers and the sum of the rest.

    Customer number k buys every 20 + k days from the day k on, k = 1 to 60, for 100 + k each time.
    """
    lines, total = [], 0
    first, last = date(2024, 1, 1), date(2025, 6, 30)
    for customer in range(1, 61):
        day = first + timedelta(days=customer)
        while day <= last:
            amount = 100 + customer
            total += amount
            lines.append(f"T{len(lines):06},买家{customer:03},{amount}.00,{day} 10:00:00,茶叶")
            day += timedelta(days=20 + customer)
    lines.append(f"T{len(lines):06},买家001,很多,2025-06-30 10:00:00,茶叶")
    file = place / "订单导出.csv"
    file.write_bytes("\r\n".join([HEADINGS, *lines]).encode("gb18030"))
    return file, len(lines), 60, total


def test_from_the_first_upload_to_the_first_answer(chromium: Any, bare: Served, tmp_path: Path) -> None:
    """The first account, a file with Chinese headings, what becomes of its columns and rows, a run, the answer."""
    file, rows, customers, total = orders(tmp_path)
    with _window(chromium, bare.address, language="zh") as one:
        page = one.page
        one.go("/")
        assert page.url.endswith("/first"), "the first page makes the first account"
        page.fill("#id_code", bare.code)
        page.fill("#id_username", "王经理")
        page.fill("#id_new_password1", OWN_PASSWORD)
        page.fill("#id_new_password2", OWN_PASSWORD)
        page.click("main button.main")
        page.get_by_role("link", name="上传订单").click()
        page.set_input_files("#files", file)
        page.get_by_role("button", name="上传并核对").click()

        page.wait_for_selector("dl.facts")
        assert f"{rows:,} 行中有 {rows - 1:,} 行可以导入" in page.inner_text("h1")
        taken = {
            row.locator("th").inner_text(): row.locator("select option:checked").inner_text()
            for row in page.locator("tbody tr:has(select)").all()
        }
        assert list(taken) == HEADINGS.split(",")
        assert "保留但不使用" not in list(taken.values())[:4], taken
        assert f"第 {rows + 1} 行" in page.locator("table").last.inner_text(), "the broken line is named"
        page.get_by_role("button", name=re.compile("^导入 ")).click()

        page.get_by_role("button", name="立即运行").click()
        page.get_by_role("link", name="查看总览").click()  # there once the run has ended
        page.wait_for_selector(".figure .main-svg >> nth=0")
        assert page.locator(".leads .figure-word").count() == 4
        one.go("/customers")
        sums = page.inner_text(".list-sums")
        assert f"{customers} 位客户" in sums
        assert _money(sums.split("已有价值")[1].split("预测")[0]) == pytest.approx(total, rel=0.01)  # as a headline
        assert page.locator("table.list tbody tr").count() == min(customers, 50)


# --- 2. a VIP who falls, and the call ---------------------------------------------------------------------


def test_a_falling_vip_is_called(chromium: Any, pages: Served) -> None:
    """From the list of alerts to the one, closed with what came of it; the call stands on the customer's page."""
    said = "Was away in spring; orders again in July"
    with _window(chromium, pages.address, "marketer") as one:
        page = one.page
        one.go("/alerts")
        todo = _count(page.inner_text(".tabs a[aria-current]"))
        page.select_option("#f-cause", "tier_lost")
        page.wait_for_url("**cause=tier_lost**")
        falling = page.locator("li.call:has-text('VIP')").first
        customer = falling.locator(".call-who a").first
        name, there = customer.inner_text(), customer.get_attribute("href")
        falling.get_by_role("link", name="details").first.click()

        assert name in page.inner_text("main")
        page.select_option("#outcome", "will_order")
        page.select_option("#way", "phone")
        page.fill("#note", said)
        page.click("button[value=close]")
        page.wait_for_selector(".message")
        assert f"Will order – {said}" in page.inner_text("main")

        one.go("/alerts")
        assert _count(page.inner_text(".tabs a[aria-current]")) == todo - 1
        one.go("/alerts?state=closed")
        assert name in page.locator("section", has_text="Closed by people").inner_text()
        one.go(there)
        page.wait_for_selector("#timeline-list table")
        told = page.locator("#timeline-list tr", has_text=said)
        assert told.count() == 1
        assert "hone" in told.inner_text(), "how it was reached"


# --- 3. a corrected margin moves the total, and can be taken back -----------------------------------------


def test_a_corrected_margin_moves_the_total(chromium: Any, pages: Served) -> None:
    """For those whom a filter chooses: tried first, made with a reason, seen on every page, and taken back."""
    with _window(chromium, pages.address, "analyst") as one:
        page = one.page
        before = _forecast(one)
        one.go("/corrections")
        page.get_by_role("link", name="Correct figures").click()
        page.select_option("#figure", "margin")
        page.select_option("#how", "move")
        page.fill("#by", "-5")
        page.fill("#where", "purchases >= 2")
        page.get_by_role("button", name="Show the effect").click()

        page.wait_for_selector("#why")
        trial = page.url
        after, effect = _trial(one)
        assert effect < 0
        assert after - before == pytest.approx(effect, abs=0.02 * before)  # both are rounded for a headline
        assert _forecast(one) == before, "trying is not correcting"
        page.goto(trial)
        page.fill("#why", "The supplier is dearer from July on")
        page.get_by_role("button", name="Correct", exact=True).click()
        page.wait_for_selector(".message.success")
        assert _forecast(one) == after

        one.go("/corrections")
        line = page.locator("tr", has_text="The supplier is dearer from July on")
        assert "purchases >= 2" in line.inner_text()
        line.get_by_role("button", name="take back").click()
        page.fill("#why", "The supplier thought better of it")
        page.get_by_role("button", name="Take back").click()
        page.wait_for_selector(".message.success")
        assert _forecast(one) == before


def _forecast(one: Visit) -> float:
    """The company's forecast, which the list of customers and the page of corrections say alike."""
    one.go("/corrections")
    said = _money(one.page.inner_text(".lead:nth-child(1) .figure-word"))
    one.go("/customers")
    assert _money(one.page.inner_text(".list-sums > span:last-child strong")) == said
    return said


def _trial(one: Visit) -> tuple[float, float]:
    """The total as it would be, and its difference from now."""
    words = [one.page.inner_text(f".lead:nth-child({place}) .figure-word") for place in (1, 2)]
    return _money(words[0]), _money(words[1])


# --- 4. why is this number what it is ---------------------------------------------------------------------


def test_one_number_is_explained(chromium: Any, pages: Served) -> None:
    """From a number in the list to the factors that give it, and to the orders behind them."""
    with _window(chromium, pages.address, "analyst") as one:
        page = one.page
        one.go("/customers?sort=-forecast_value")
        heads = page.locator("table.list thead th").all_inner_texts()
        place = next(at for at, head in enumerate(heads) if "orecast" in head)
        row = page.locator("table.list tbody tr").first
        listed = _money(row.locator("th, td").nth(place).inner_text())
        customer = row.locator("a").first
        number = customer.inner_text().split()[-1]
        customer.click()

        page.wait_for_selector("#timeline-list")
        assert number in page.inner_text("h1")
        table = page.locator("#why table").first
        values = [_money(line.locator("td").nth(5).inner_text()) for line in table.locator("tr:not(.total)").all()[1:]]
        total = _money(table.locator("tr.total td").nth(5).inner_text())
        assert sum(values) == pytest.approx(total, abs=0.005 * len(values))
        assert total == pytest.approx(listed, abs=0.51)
        for value, words in zip(values, page.locator("#why details").all(), strict=True):
            words.evaluate("one => one.open = true")
            assert _reckoned(words.inner_text()) == pytest.approx(value, abs=0.011)

        bought = _count(page.locator("section.leads li", has_text="purchases").first.inner_text().split(",")[-1])
        page.locator("#timeline nav a", has_text="Orders").click()
        page.wait_for_selector("#timeline a[aria-current]:has-text('Orders')")
        assert _count(page.inner_text("#timeline a[aria-current]").split("Orders")[1]) >= bought
        first = page.locator("#timeline-list tbody tr").first
        assert re.match(r"\d{4}-\d{2}-\d{2}", first.locator("th").inner_text())


def _reckoned(words: str) -> float:
    """Every a × b = c and a − b = c in the sentences, reckoned again; the last result."""
    steps = re.findall(r"([\d,.]+)(%?) ([×−]) ([\d,.]+)(%?) = (−?[\d,.]+?)\.?(?=\s|$)", words)
    assert len(steps) >= 2, words
    for left, _, sign, right, share, result in steps:
        one, other = _money(left.rstrip(".")), _money(right.rstrip(".")) * (0.01 if share else 1)
        assert (one * other if sign == "×" else one - other) == pytest.approx(_money(result), abs=0.00501), words
    return _money(steps[-1][5])


# --- 5. a salesperson sees their own ----------------------------------------------------------------------


def test_a_salesperson_sees_only_their_own(chromium: Any, pages: Served, owner: str) -> None:
    """In the list, by searching, by address, and on the overview, whose sums are theirs."""
    run = pages.workspace / "runs" / (pages.workspace / "runs" / "latest").read_text(encoding="utf-8").strip()
    owners = {row["customer_id"]: row["owner"] for row in pq.read_table(run / "attributes.parquet").to_pylist()}
    customers = {row["customer_id"]: row for row in pq.read_table(run / "customers.parquet").to_pylist()}
    own = {number for number in customers if owners.get(number) == owner}
    foreign = max(customers.keys() - own, key=lambda number: customers[number]["value"])
    assert own
    with _window(chromium, pages.address, "sales") as one:
        page = one.page
        one.go("/")
        words = page.locator(".lead .figure-word").all_inner_texts()
        assert _count(words[0]) == len(own)
        for word, field in zip(words[1:], ("value", "forecast_value"), strict=True):
            assert _money(word) == pytest.approx(float(sum(customers[each][field] for each in own)), rel=0.01)
        page.locator("nav.places a", has_text="Customers").click()
        page.wait_for_selector("table.list")
        listed = {text.split()[-1] for text in page.locator("table.list tbody tr a").all_inner_texts()}
        assert listed == own

        page.fill("#q", foreign)
        page.locator("form.ask button.main").click()
        page.wait_for_url("**q=**")
        assert "No customer fits" in page.inner_text("main .empty")
        with one.refused(404):
            assert one.go(f"/customers/{foreign}").status == 404
        assert foreign not in page.inner_text("main")
        with one.refused(403):
            assert one.go("/tiers").status == 403
        assert page.locator("nav.places a", has_text="Tiers").count() == 0


# --- numbers as people read them --------------------------------------------------------------------------

UNITS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "万": 1e4, "亿": 1e8}


def _money(text: str) -> float:
    """▼ −1,234, £1.23 million, 123 万元."""
    found = re.search(r"^(.*?)(\d[\d,]*\.?\d*)\s*(thousand|million|billion|万|亿)?", text, re.DOTALL)
    assert found, text
    return float(found[2].replace(",", "")) * UNITS.get(found[3], 1.0) * (-1 if "−" in found[1] else 1)


def _count(text: str) -> int:
    found = re.search(r"\d[\d,]*", text)
    assert found, text
    return int(found[0].replace(",", ""))
