"""A very small HTML builder: text is escaped unless it was built here, so data can never become markup."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class Html(str):
    """Markup that this module built, and that therefore needs no escaping."""

    __slots__ = ()


Child = str | Html | None


def escaped(child: Child) -> Html:
    """Any text as harmless markup."""
    if child is None:
        return Html("")
    return child if isinstance(child, Html) else Html(html.escape(child))


def joined(children: Iterable[Child]) -> Html:
    """Pieces one after the other."""
    return Html("".join(escaped(child) for child in children))


def tag(name: str, *children: Child, **attributes: str | None) -> Html:
    """An element; `class_` becomes class, `data_x` becomes data-x, None leaves an attribute out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>{joined(children)}</{name}>")


def who(customer_id: str, name: str | None, before: str = "", *after: Child) -> Html:
    """A customer in a table: the name with the id beside it, or the id alone.

    The id stands in the markup too (`<data value="C7">`), so that whoever shows it can link it to the customer's page.
    """
    key = tag("span", f" {customer_id}", class_="id") if name and name != customer_id else None
    return tag("span", before, tag("data", name or customer_id, value=customer_id), key, *after, class_="who")


def bullets(items: Iterable[Child], class_: str | None = None) -> Html:
    """A list; nothing where there is nothing to list."""
    lines = [tag("li", item) for item in items]
    return tag("ul", *lines, class_=class_) if lines else Html("")


def folded(title: str, *children: Child, class_: str | None = None) -> Html:
    """Something one click away."""
    return tag("details", tag("summary", title), *children, class_=class_)


@dataclass(frozen=True)
class Row:
    """Cells of a table row, and what sets the row apart (total, unfinished, forecast)."""

    cells: Sequence[Child]
    kind: str | None = None


def table(heads: Sequence[str], rows: Iterable[Row], numeric: Iterable[int], caption: str | None = None) -> Html:
    """A table whose `numeric` columns are set right with figures of equal width."""
    right = set(numeric)
    rows = list(rows)
    assert all(len(row.cells) == len(heads) for row in rows), "every row has a cell for every head"
    header = tag("tr", *(tag("th", head, scope="col", class_=_side(i, right)) for i, head in enumerate(heads)))
    body = [_row(row, right) for row in rows]
    title = tag("caption", caption) if caption else None
    return tag("div", tag("table", title, tag("thead", header), tag("tbody", *body)), class_="scroll", tabindex="0")


def _row(row: Row, right: set[int]) -> Html:
    first, *rest = row.cells
    cells = [tag("th", first, scope="row", class_=_side(0, right))]
    cells += [tag("td", cell, class_=_side(i, right)) for i, cell in enumerate(rest, 1)]
    return tag("tr", *cells, class_=row.kind)


def _side(column: int, right: set[int]) -> str | None:
    return "n" if column in right else None
