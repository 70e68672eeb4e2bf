"""Pictures of every page of a served company, in both languages, wide and narrow.

    python tests/web/screenshots.py FOLDER [--address http://127.0.0.1:8000] [--user administrator] [--dark] [--webp]

The pictures of the documentation, and the page that shows them all, once for each language on `kezhi demo` in it:
docs/assets/web --webp --language en --page docs/web/pictures.en.md
Not collected by pytest. Prints what the browser complains of, and pages that are wider than the window.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from browsing import PASSWORD, Visit, opened, visit

WIDTHS = (1440, 390)
QUALITY = 70  # of a compressed picture, of 100
LANGUAGES = ("en", "zh")
HEADING = {
    "en": "# Every page in pictures\n\nThe demo company, in a wide window and on a phone.\n",
    "zh": "# 全部页面截图\n\n示例公司，宽屏与手机各一张。\n",
}
WIDTH_IN_WORDS = {"en": ("in a wide window", "on a phone"), "zh": ("宽屏", "手机")}
# what the menu does not lead to: a page to begin with, and the link on it
DEEPER: tuple[tuple[str, str, str], ...] = (
    ("customer", "/customers", "table.list tbody th a, table.list tbody td a"),
    ("alert", "/alerts", ".call-why a[href*='/alerts/of/']"),
    ("alerts-closed", "/alerts", ".tabs a[href*='state=closed']"),
    ("correction-new", "/corrections", "a.button.main"),
    ("lifetime", "/what-if", "a[href$='/lifetime']"),
    ("segment", "/segments", "a[href*='/segments/one']"),
    ("segment-edit", "/segments", "a[href*='/segments/edit']"),
    ("imports", "/data", "a[href$='/data/imports']"),
    ("import", "/data/imports", "td a[href*='/data/imports/']"),
    ("quality", "/data", "a[href$='/data/quality']"),
    ("templates", "/data", ".tabs a[href$='/data/templates']"),
    ("run", "/runs", "a[href*='/runs/of/']"),
    ("run-compare", "/runs", "a[href$='/runs/compare']"),
    ("job", "/runs", "a[href*='/jobs/']"),
    ("person", "/people", "tbody a"),
    ("person-add", "/people", "a[href$='/people/add']"),
    ("audit", "/people", ".tabs a[href$='/people/log']"),
    ("account", "/people", "a.person-name"),
)


def addresses(one: Visit) -> dict[str, str]:
    """Name -> address of every page: those of the menu, the parts of each, and what they lead to."""
    one.go("/")
    found = {name.strip("/") or "overview": name for name in _links(one, "nav.places .group:not(.person) a")}
    for name, page in list(found.items()):
        one.go(page)
        for number, part in enumerate(_links(one, "main > nav.tabs a[href*='?']"), 1):
            if part != page and number > 1 and name not in ("alerts", "recorded"):
                found[f"{name}-{number}"] = part if part.startswith("/") else f"{page}{part}"
    for name, page, link in DEEPER:
        one.go(page)
        hrefs = _links(one, link)
        if hrefs:
            found[name] = hrefs[0] if hrefs[0].startswith("/") else f"{page}{hrefs[0]}"
        else:
            print(f"no {name} here")
    return found


def _links(one: Visit, selector: str) -> list[str]:
    found: list[str] = one.page.eval_on_selector_all(selector, "found => found.map(one => one.getAttribute('href'))")
    return found


def photograph(browser: Any, asked: argparse.Namespace) -> None:
    """Every page into the folder as NAME-LANGUAGE-WIDTH.png."""
    pages: dict[str, str] = {}
    for language in asked.language:
        titles: dict[str, str] = {}
        one = visit(browser, asked.address, language=language)
        if asked.dark:
            one.page.emulate_media(color_scheme="dark")
        for width in WIDTHS:
            one.page.set_viewport_size({"width": width, "height": 900})
            one.go("/login")
            _take(one, asked, f"login-{language}-{width}")
        titles["login"] = _title(one)
        one.sign_in(asked.user, asked.password)
        pages = pages or addresses(one)
        for name, address in pages.items():
            if asked.only and name not in asked.only:
                continue
            one.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            one.go(address)
            titles[name] = _title(one)
            for width in WIDTHS:
                one.page.set_viewport_size({"width": width, "height": 900})
                one.page.wait_for_timeout(250)  # figures follow the window
                needed = one.page.evaluate("document.documentElement.scrollWidth")
                if needed > width:
                    print(f"{name} ({language}) is {needed} wide at {width}")
                _take(one, asked, f"{name}-{language}-{width}")
            for wrong in one.wrong:
                print(f"{name} ({language}): {wrong}")
            one.wrong.clear()
        one.context.close()
        if asked.page:
            asked.page.write_text(shown(titles, language), encoding="utf-8")


def _title(one: Visit) -> str:
    parts = [str(one.page.title()).split(" · ")[0], *one.page.locator("main nav.tabs [aria-current]").all_inner_texts()]
    return ": ".join(dict.fromkeys(part.strip() for part in parts))


def shown(titles: dict[str, str], language: str) -> str:
    """The page of the documentation that shows them all."""
    parts = [HEADING[language]]
    for name, title in titles.items():
        parts.append(f"## {title}\n")
        for width, words in zip(WIDTHS, WIDTH_IN_WORDS[language], strict=True):
            picture = f"../assets/web/{name}-{language}-{width}.webp"
            parts.append(f"![{title}, {words}]({picture}){{ loading=lazy }}\n")
    return "\n".join(parts)


def _take(one: Visit, asked: argparse.Namespace, name: str) -> None:
    """The whole page as PNG; or what stands in the window, compressed."""
    if not asked.webp:
        one.page.screenshot(path=asked.folder / f"{name}.png", full_page=True)
        return
    session = one.context.new_cdp_session(one.page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    session.detach()
    (asked.folder / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))


def main() -> None:
    """Read what was asked, and do it."""
    asking = argparse.ArgumentParser(description=__doc__)
    asking.add_argument("folder", type=Path)
    asking.add_argument("--address", default="http://127.0.0.1:8000")
    asking.add_argument("--user", default="administrator")
    asking.add_argument("--password", default=PASSWORD)
    asking.add_argument("--dark", action="store_true", help="as at night")
    asking.add_argument("--webp", action="store_true", help="compressed, only what stands in the window")
    asking.add_argument("--language", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    asking.add_argument("--page", type=Path, help="write the page that shows the pictures of one language")
    asking.add_argument("--only", nargs="*", help="names of pages")
    asked = asking.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with opened() as browser:
        photograph(browser, asked)


if __name__ == "__main__":
    main()
