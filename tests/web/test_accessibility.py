"""Every page for everybody: by keyboard, with weak eyes, on a phone, at night, in either language. See checks.js."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from browsing import Served, Visit, needs_browser, visit
from kezhi_web.places import PLACES

pytestmark = needs_browser

CHECK = (Path(__file__).with_name("checks.js")).read_text(encoding="utf-8")
WIDTHS = (1440, 390)
TABS = 30  # elements of a page's content that the keyboard is led through
MENU = [place.page for _, places in PLACES for place in places]
BESIDE = [
    "account",
    "audit",
    "correction-new",
    "imports",
    "lifetime",
    "person-add",
    "quality",
    "run-compare",
    "templates",
]
# a page that has an address only together with what it shows: where a link to it stands
LINKED = {
    "customer": ("customers", "table.list tbody a"),
    "alert": ("alerts", ".call-why a[href*='/alerts/of/']"),
    "closed alerts": ("alerts", ".tabs a[href*=closed]"),
    "run": ("runs", "a[href*='/runs/of/']"),
    "import": ("imports", "td a[href*='/data/imports/']"),
    "person": ("people", "tbody a"),
    "new segment": ("segments", "a[href*='/segments/edit']"),
}
JOB = "insert into runs_job (id, kind, asked, by, state, share, told, result, cancel, tries, asked_at) values " + (
    """(901, 'run', '{}', 'analyst', 'failed', 0.4, '{"en": "The disk is full.", "zh": "磁盘已满。"}', '{}', 0, 1, """
    "datetime('now'))"  # those of long ago are forgotten
)


@pytest.fixture(scope="module")
def job(pages: Served) -> str:
    """The address of a job that failed."""
    with sqlite3.connect(pages.workspace / "web" / "kezhi.sqlite3", timeout=20) as database:
        database.execute(JOB)
    database.close()
    return "/jobs/901"


@pytest.fixture(scope="module")
def windows(chromium: Any, pages: Served, job: str) -> Iterator[dict[str, Visit]]:
    """A window of the administrator for each language."""
    made = {language: visit(chromium, pages.address, language=language) for language in ("en", "zh")}
    for one in made.values():
        one.sign_in("administrator")
    yield made
    for one in made.values():
        one.context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", [*MENU, *BESIDE, *LINKED, "job"])
def test_page_for_everybody(windows: dict[str, Visit], job: str, name: str, language: str) -> None:
    """Light and dark, wide and narrow, with everything unfolded; and by keyboard."""
    one = windows[language]
    one.go(job if name == "job" else _address(one, name))
    keyboard = _by_keyboard(one) if language == "en" else []
    assert not [*keyboard, *_everywhere(one, language)]
    one.check()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_login_for_everybody(chromium: Any, pages: Served, language: str) -> None:
    """The first page that anybody sees."""
    one = visit(chromium, pages.address, language=language)
    one.go("/login")
    assert not _everywhere(one, language)
    one.check()
    one.context.close()


def test_menu_of_a_phone(windows: dict[str, Visit]) -> None:
    """It is folded, says so, unfolds by keyboard, and leads on."""
    one = windows["en"]
    one.page.set_viewport_size({"width": 390, "height": 900})
    one.go(reverse("alerts"))
    button, customers = (
        one.page.locator("button.menu"),
        one.page.locator(f"nav.places a[href='{reverse('customers')}']"),
    )
    assert button.get_attribute("aria-expanded") == "false"
    assert not customers.is_visible()
    button.focus()
    one.page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert not _found(one, "en", 390)
    customers.click()
    one.settle()
    assert one.page.url.endswith(reverse("customers"))
    one.page.set_viewport_size({"width": 1440, "height": 900})
    one.check()


def _address(one: Visit, name: str) -> str:
    if name not in LINKED:
        return reverse(name)
    page, link = LINKED[name]
    one.page.goto(one.address + reverse(page))
    return str(one.page.locator(link).first.evaluate("one => one.pathname + one.search"))


def _everywhere(one: Visit, language: str) -> list[str]:
    """What is wrong by day and by night, in both widths; each fault once."""
    one.page.evaluate("for (const one of document.querySelectorAll('details')) { one.name = ''; one.open = true }")
    found: dict[str, None] = {}
    for scheme, width in (("light", WIDTHS[0]), ("dark", WIDTHS[0]), ("light", WIDTHS[1])):
        one.page.set_viewport_size({"width": width, "height": 900})
        one.page.emulate_media(color_scheme=scheme)
        one.page.wait_for_function(DRAWN)
        found |= dict.fromkeys(f"{fault} ({scheme}, {width})" for fault in _found(one, language, width))
    one.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    one.page.emulate_media(color_scheme="light")
    return list(found)


def _found(one: Visit, language: str, width: int) -> list[str]:
    faults = one.page.evaluate(CHECK, {"language": language, "width": width})
    return [f"{fault['kind']}: {fault['where']}: {fault['told']}" for fault in faults]


# figures follow the window a moment later
DRAWN = """() => [...document.querySelectorAll(".js-plotly-plot .main-svg")].every(
  (one) => !one.checkVisibility() || one.getBoundingClientRect().width <= one.closest(".figure").clientWidth + 1)"""
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  // the button within a field of a day or time draws its own
  const marked = ring || (one.matches("[type=date], [type=time]") && !one.matches(":focus-visible"));
  const order = [...document.querySelectorAll("*")].indexOf(one);
  const there = box.width > 0 && box.right > 0, main = Boolean(one.closest("main"));
  return {order, main, body: one === document.body, marked, there, told: one.outerHTML.slice(0, 120)};
}"""


def _by_keyboard(one: Visit) -> list[str]:
    """The first Tab offers a leap to the content; from there on every stop is marked, and they come in order."""
    press = one.page.keyboard.press
    press("Tab")
    first = one.page.evaluate(FOCUSED)
    if "skip" not in first["told"] or not first["there"]:
        return [f"the first stop is no visible link to the content: {first['told']}"]
    press("Enter")
    wrong, before, stops = [], -1, 0
    for _ in range(TABS):
        press("Tab")
        at = one.page.evaluate(FOCUSED)
        if at["body"] or not at["main"]:
            break
        stops += 1
        if not (at["marked"] and at["there"]):
            wrong.append(f"focus is not seen: {at['told']}")
        if at["order"] < before:
            wrong.append(f"the order of stops jumps back: {at['told']}")
        before = at["order"]
    return wrong if stops else ["no stop in the content"]


GOOD = """<!doctype html><html lang="{language}"><head><title>t</title>
<style>body {{ color: #222; background: #fff }}</style></head>
<body><main><h1>{words}</h1><p>{words}</p><label for="a">{words}</label><input id="a">
<table><tr><th scope="col">{words}</th></tr><tr><td>Any words of any data</td></tr></table>
<a href="/x">{words}</a>{fault}</main></body></html>"""
FAULTS = [
    ("overflow", '<div style="width: 3000px">w</div>'),
    ("label", "<input name=b>"),
    ("label", "<select><option>a</option></select>"),
    ("label", "<label for=c></label><textarea id=c></textarea>"),
    ("name", '<img src="data:,">'),
    ("name", '<div class="figure">w</div>'),
    ("name", "<svg><path d='M0 0'/></svg>"),
    ("text", '<a href="/y"><span></span></a>'),
    ("text", "<button></button>"),
    ("heading", "<h1>w</h1>"),
    ("heading", "<h3>w</h3>"),
    ("id", '<p id="a">w</p>'),
    ("id", '<p aria-labelledby="nowhere">w</p>'),
    ("table", "<table><tr><td>w</td></tr></table>"),
    ("table", "<table><tr><th>w</th></tr></table>"),
    ("focus", '<p tabindex="3">w</p>'),
    ("contrast", '<p style="color: #888">w</p>'),
    ("contrast", '<p style="color: rgba(0, 0, 0, 0.4)">w</p>'),
    ("contrast", '<p style="opacity: 0.5">w</p>'),
    ("contrast", '<div style="background: #000"><p style="color: #555">w</p></div>'),
    ("contrast", '<p style="color: #aaa; font-size: 30px">w</p>'),
    ("contrast", '<label>w<input value="w" style="color: #999"></label>'),
    ("contrast", '<p style="background: color-mix(in srgb, #000 60%, transparent)">w</p>'),
]


@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_a_planted_fault_is_found(windows: dict[str, Visit], kind: str, fault: str) -> None:
    """That and nothing else."""
    assert {one["kind"] for one in _planted(windows["en"], "en", "Some plain words here", fault)} == {kind}


@pytest.mark.parametrize(
    ("language", "words", "fault"),
    [
        ("zh", "几个词", "<p>nobody has translated this</p>"),
        ("zh", "几个词", '<button title="nobody has translated this">按钮</button>'),
        ("en", "Some plain words here", "<p>没有翻译</p>"),
    ],
)
def test_another_language_is_found(windows: dict[str, Visit], language: str, words: str, fault: str) -> None:
    """Where it is neither data nor said to be another language."""
    assert {one["kind"] for one in _planted(windows["en"], language, words, fault)} == {"language"}
    there = fault.replace("<p>", '<p lang="fr">').replace("<button", '<button lang="fr"')
    assert not _planted(windows["en"], language, words, there)
    assert not _planted(windows["en"], language, words, f"<code>{fault}</code>")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_found_where_all_is_well(windows: dict[str, Visit], language: str) -> None:
    """Large text may be paler, and what is not seen is not judged."""
    fine = '<p style="color: #888; font-size: 30px">w</p><p style="color: #fff; display: none">w</p>'
    fine += '<img alt="" src="data:,">'
    assert _planted(windows["en"], language, {"en": "Some plain words here", "zh": "几个词"}[language], fine) == []


def _planted(one: Visit, language: str, words: str, fault: str) -> Any:
    page = one.context.new_page()
    page.set_content(GOOD.format(language=language, words=words, fault=fault))
    found = page.evaluate(CHECK, {"language": language, "width": 1440})
    page.close()
    one.wrong.clear()
    return found
