"""Log lines without what they could tell of customers: no id, search, name or content of a file.

An address may hold an id or a search, a value in a message a name, an exception's message a cell of a table. So a line
says where (the pattern of an address: /customers/<customer_id>), which error (its class) and in which line of the
program; values that are not numbers stay out. Whatever a person must read was shown to them on the page.
"""

from __future__ import annotations

import logging
import re
import traceback
from types import TracebackType
from typing import Any

from django.urls import resolve

HIDDEN = "…"
_ADDRESS = re.compile(r"(?<![\w.:])/[^\s\"'<>|,;)]*")
_QUERY = re.compile(r"\?\S+")
_REQUEST_LINE = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\S*)(?: (HTTP/[\d.]+))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class WithoutCustomers(logging.Formatter):
    """Formats a record; the record itself stays as it is."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the places in the program where an exception went through."""
        shown = logging.makeLogRecord(record.__dict__)
        shown.msg, shown.args = message_of(record), ()
        shown.exc_info, shown.exc_text, shown.stack_info = None, None, None
        line = super().format(shown)
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}\n{trace_of(error)}"


def message_of(record: logging.LogRecord) -> str:
    """The message with what its author wrote, and of the values only those that tell nothing of a customer."""
    template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if not record.args:
        return plain(template)
    values: Any = record.args
    digits = record.name == "django.server"  # which gives status and length as text
    kept: Any
    if isinstance(values, dict):
        kept = {name: value_of(one, digits=digits) for name, one in values.items()}
    else:
        kept = tuple(value_of(one, digits=digits) for one in values)
    try:
        said = template % kept
    except (TypeError, ValueError):  # a number's place that got a text
        said = template
    return _CONTROL.sub(" ", said)


def value_of(value: Any, *, digits: bool = False) -> Any:
    """Numbers as they are, addresses as their pattern, errors as their class; other values are hidden."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException | type):
        return (value if isinstance(value, type) else type(value)).__name__
    if isinstance(value, str):
        return _text_of(value, digits=digits)
    return HIDDEN


def _text_of(value: str, *, digits: bool) -> str:
    request_line = _REQUEST_LINE.fullmatch(value)
    if request_line:
        verb, path, version = request_line.groups()
        return " ".join(filter(None, (verb, pattern_of(path), version)))
    if value.startswith("/"):
        return pattern_of(value)
    return value if value in _KNOWN_WORDS or (digits and value.isdigit()) else HIDDEN


# what Django itself says about an answer
_KNOWN_WORDS = frozenset(
    (
        *("Bad Request", "Unauthorized", "Forbidden", "Not Found", "Method Not Allowed", "Request Entity Too Large"),
        *("Internal Server Error", "Service Unavailable", "Too Many Requests", "Gone", "GET", "HEAD", "POST", "PUT"),
        *("PATCH", "DELETE", "OPTIONS", "CSRF cookie not set.", "CSRF token missing."),
    )
)


def plain(text: str) -> str:
    """A finished sentence without what stands in its addresses."""
    said = _ADDRESS.sub(lambda found: pattern_of(found[0]), _QUERY.sub("?" + HIDDEN, text))
    return _CONTROL.sub(" ", said)


def pattern_of(address: str) -> str:
    """/customers/C17?search=Li as /customers/<customer_id>."""
    path = address.partition("?")[0]
    if path.startswith("/static/"):
        return path
    try:
        return "/" + resolve(path).route
    except Exception:  # no such address, or the routes cannot be loaded: a log line must not fail over that
        return "/" + HIDDEN


def trace_of(error: BaseException) -> str:
    """Where an exception came from, with its causes: classes, files and lines, never what it said."""
    lines: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        lines[:0] = [*_places(cause.__traceback__), f"{type(cause).__module__}.{type(cause).__name__} ({HIDDEN})"]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(lines)


def _places(trace: TracebackType | None) -> list[str]:
    return [f"  {place.filename}:{place.lineno} in {place.name}" for place in traceback.extract_tb(trace)]
