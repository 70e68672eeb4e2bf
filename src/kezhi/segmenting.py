"""Segments of a run: saved ones and any filter, who is in them and who they are; saving and dropping them."""

from __future__ import annotations

import difflib
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.corrections.log import alone
from kezhi.engine import Engine, open_engine
from kezhi.filters import Filter, Vocabulary, condition, parse
from kezhi.language import KezhiError, Text
from kezhi.one_customer import Place, place_of
from kezhi.segments.fields import fields
from kezhi.segments.nobody import explained
from kezhi.segments.over_index import gathered, profile
from kezhi.segments.rules import Rule, cells, compared_by, describe, mark, told, usable
from kezhi.segments.vocabulary import settings_of, title, vocabulary
from kezhi.settings import RefusedError, Settings, understood
from kezhi.settings.segments import ALL, check_name, same
from kezhi.workspace import Workspace

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

NO_SUCH = Text("There is no segment {name!r}{near}", "没有名为 {name!r} 的分群{near}")
NEAR = Text("; did you mean {name!r}?", "；您是否指 {name!r}？")
THERE_ARE = Text("; there are: {names}.", "；已保存的有：{names}。")
NONE_THERE = Text(
    "; none is saved. A filter looks like this: idle_periods >= 2 and value > 1000",
    "；尚未保存任何分群。条件的写法例如：idle_periods >= 2 and value > 1000",
)
NEITHER = Text("There is no segment of this name{near} {reason}", "没有这个名称的分群{near}{reason}")
NO_WORKSPACE = Text(
    "Segments are saved in a workspace's kezhi.toml, and {folder} is no folder.",
    "分群保存在工作区的 kezhi.toml 中，而 {folder} 不是文件夹。",
)
NO_TOML = Text("kezhi.toml cannot be read: {reason}.", "kezhi.toml 无法读取：{reason}。")
SETTINGS = "kezhi.toml"
_PLAIN = re.compile(r"[\w\s·.&/-]+")  # a name rather than a filter, which has signs
# What to begin with where nothing is saved; each is offered where the run has its fields.
SUGGESTED: tuple[tuple[Text, str], ...] = (
    (Text("VIP gone quiet", "沉寂的 VIP 客户"), "tier = 'vip' and idle_periods >= 2"),
    (Text("One purchase, not long ago", "近期首购客户"), "purchases = 1 and idle_periods <= 2"),
    (Text("More to come than there was", "成长中的客户"), "forecast_value > value and forecast_value > 0"),
    (Text("Good customers in doubt", "可能流失的好客户"), "value > 0 and p_alive < 50% and purchases >= 3"),
)


@dataclass(frozen=True)
class Asked:
    """A run's customers, open to be asked: `rows` with all fields, how these are called, and the saved segments.

    columns: those of customers.parquet among the fields.
    """

    engine: Engine
    place: Place
    rows: ir.Table
    words: Vocabulary
    settings: Settings
    segments: Mapping[str, str]
    columns: tuple[str, ...]

    def resolved(self, query: str) -> tuple[str | None, str | None]:
        """A query as the name of a saved segment, if it is one, and its filter; both None for everybody."""
        if same(query) in ALL:
            return None, None
        name = _named(query, self.segments)
        return (name, self.segments[name]) if name is not None else (None, query)

    def read(self, query: str) -> Filter | None:
        """What a query says; a name that is nearly a segment's is answered with that."""
        _, rule = self.resolved(query)
        if rule is None:
            return None
        try:
            filtered = parse(rule)
            condition(filtered, self.rows, self.words)
        except KezhiError as error:
            if _PLAIN.fullmatch(query):
                raise no_such(query, self.segments) from None
            near = _near(query, self.segments)
            if near is None:
                raise
            ends = NEAR.fill(name=near)
            reason = error.text
            raise KezhiError(
                Text(
                    NEITHER.en.format(near=ends.en, reason=reason.en), NEITHER.zh.format(near=ends.zh, reason=reason.zh)
                )
            ) from None
        return filtered

    def chosen(self, query: str) -> ir.Table:
        """The rows that a query chooses."""
        filtered = self.read(query)
        return self.rows if filtered is None else self.rows.filter(condition(filtered, self.rows, self.words))


@contextmanager
def opened(run_or_workspace: object, run: str | None = None) -> Iterator[Asked]:
    """A run's customers, and the segments of its workspace as they are saved now."""
    place = place_of(run_or_workspace, run)
    made_with = settings_of(place.run)
    segments = place.workspace.usable_settings().segments if place.workspace else made_with.segments
    with open_engine() as engine:
        rows = fields(engine, place.run)
        known = engine.read_parquet(place.run / "customers.parquet")
        yield Asked(engine, place, rows, vocabulary(known, made_with), made_with, segments, known.columns)


def segment(run_or_workspace: object, query: str, *, run: str | None = None) -> pa.Table:
    """The customers that a filter or a saved segment chooses, with all their fields, by forecast value.

    run_or_workspace: a workspace's folder (its newest run, or the one that `run` names), a run's folder, or what
    `analyse` returned. query: a filter such as "tier = 'vip' and idle_periods >= 2", a saved segment's name, or "all".
    Raises KezhiError with the place of a mistake. Nobody is left out who is blacklisted: see `export`.
    """
    with opened(run_or_workspace, run) as asked:
        return asked.engine.fetch(in_order(asked.chosen(query)))


def in_order(rows: ir.Table) -> ir.Table:
    """The most valuable first."""
    import ibis

    return rows.order_by(ibis.desc("forecast_value"), "customer_id")


def saved_segments(run_or_workspace: object, *, run: str | None = None) -> dict[str, Any]:
    """The saved segments counted on a run: customers, worth, profile, overlaps; `left_out` says which cannot be.

    As the topic `segments` of worth.json, without who came and went.
    """
    with opened(run_or_workspace, run) as asked:
        return _counted(asked, asked.segments)


def suggestions(run_or_workspace: object, *, run: str | None = None) -> dict[str, Any]:
    """Segments to begin with, where this run has what they ask for; names in the language of this process."""
    with opened(run_or_workspace, run) as asked:
        return _counted(asked, {str(name): rule for name, rule in SUGGESTED})


def _counted(asked: Asked, chosen: Mapping[str, str]) -> dict[str, Any]:
    rules, wrong = usable(asked.rows, asked.words, chosen)
    told_of = describe(asked.engine, mark(asked.engine, asked.rows, asked.words, rules, asked.columns))
    left_out = [{"name": name, "reason": text.as_dict()} for name, (_, text) in wrong.items()]
    return {**told_of, "left_out": left_out}


def segment_profile(run_or_workspace: object, query: str, *, run: str | None = None) -> dict[str, Any]:
    """One segment, or what any filter chooses: counts, worth, and its whole profile against the rest.

    `profile` holds every value of every field of few values; `telling` marks what is more than chance, the strongest
    first. `why_empty` says which text no customer has, where nobody is chosen.
    """
    with opened(run_or_workspace, run) as asked:
        filtered = asked.read(query)
        name, rule = asked.resolved(query)
        if filtered is None or rule is None:
            name, rule, filtered = ALL[0], "not customer_id is empty", parse("not customer_id is empty")
        marked = mark(asked.engine, asked.rows, asked.words, [Rule(name or rule, rule, filtered)], asked.columns)
        whole = describe(asked.engine, marked)
        [one] = whole["segments"]
        counts = gathered((field, value, bool(mask), n) for mask, field, value, n in cells(asked.engine, marked))
        found = profile(counts, marked.asked[0], marked.groups)
        empty = None if one["customers"] else explained(asked.engine, asked.rows, filtered, asked.words)
        return {
            **one,
            "of": whole["customers"],
            "profile": [told(cell) for cell in found],
            "why_empty": empty.as_dict() if empty else None,
        }


def segment_fields(run_or_workspace: object, *, run: str | None = None) -> list[dict[str, Any]]:
    """Every field that a filter may ask for: field, title in both languages, kind, its values where they are few."""
    with opened(run_or_workspace, run) as asked:
        rows = asked.rows
        few = [name for name in compared_by(asked.engine, rows) if rows[name].type().is_string()]
        return [
            {
                "field": name,
                "title": title(name).as_dict(),
                "kind": _kind(rows[name].type()),
                "values": _values(asked.engine, rows, name) if name in few else [],
            }
            for name in rows.columns
        ]


def _kind(kind: Any) -> str:
    if kind.is_array():
        return "codes"
    if kind.is_boolean():
        return "true or false"
    return "number" if kind.is_numeric() else "date" if kind.is_temporal() else "text"


def _values(engine: Engine, rows: ir.Table, name: str) -> list[str]:
    known = rows.filter(rows[name].notnull() & (rows[name] != "")).select(name).distinct()
    found: list[str] = engine.fetch(known.order_by(name))[name].to_pylist()
    return found


def no_such(name: str, names: Mapping[str, str]) -> KezhiError:
    """The answer to the name of a segment that is not saved: the nearest, or those there are."""
    near = _near(name, names)
    ends = NEAR.fill(name=near) if near else THERE_ARE.fill(names=", ".join(names)) if names else NONE_THERE
    return KezhiError(
        Text(NO_SUCH.en.format(name=name[:80], near=ends.en), NO_SUCH.zh.format(name=name[:80], near=ends.zh))
    )


def _named(query: str, names: Mapping[str, str]) -> str | None:
    known = {same(name): name for name in names}
    return known.get(same(query))


def _near(query: str, names: Mapping[str, str]) -> str | None:
    known = {same(name): name for name in names}
    near = difflib.get_close_matches(same(query)[:80], known, 1)
    return known[near[0]] if near else None


# --- saving and dropping ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saved:
    """What was saved or dropped; `before`: the filter that stood there, None where there was none."""

    name: str
    rule: str
    before: str | None
    file: Path


def save_segment(workspace: str | Path, name: str, rule: str) -> Saved:
    """Write a segment into the workspace's kezhi.toml, in place of one of the same name; the rest stays as it is.

    Comments and order are kept, the file is replaced in one step. Where there is a run, the filter must fit its
    fields. Raises KezhiError for a bad name or filter.
    """
    check_name(name)
    place = _workspace(workspace)
    parse(rule)
    if place.latest_run() is not None:
        with opened(place.folder) as asked:
            condition(parse(rule), asked.rows, asked.words)
    with changing(place) as document:
        table = _table(document)
        old = _named(name, table)
        before = None if old is None else str(table[old])
        table[old or name] = rule
    return Saved(old or name, rule, before, place.folder / SETTINGS)


def drop_segment(workspace: str | Path, name: str) -> Saved:
    """Take a segment out of the workspace's kezhi.toml; raises KezhiError where there is none of that name."""
    place = _workspace(workspace)
    with changing(place) as document:
        table = _table(document)
        old = _named(name, table)
        if old is None:
            raise no_such(name, table)
        rule = str(table[old])
        del table[old]
    return Saved(old, rule, rule, place.folder / SETTINGS)


def _workspace(folder: str | Path) -> Workspace:
    place = Workspace(Path(folder))
    if not place.folder.is_dir():
        raise KezhiError(NO_WORKSPACE.fill(folder=folder))
    return place


@contextmanager
def changing(place: Workspace) -> Iterator[Any]:
    """kezhi.toml as a document to be changed within the block; comments and order stay, and nobody else writes it.

    Raises RefusedError, and leaves the file as it was, for what kezhi does not take. What somebody wrote there by hand
    and kezhi does not take either is no reason to refuse: it stays until somebody mends it.
    """
    import tomlkit

    with alone(place.folder, "settings.lock", place.folder / SETTINGS):
        document = settings_document(place)
        before = tomlkit.dumps(document)
        yield document
        after = tomlkit.dumps(document)
        if after != before:
            _refuse_worse(before, after)
            _replace(place.folder / SETTINGS, after)


def settings_document(place: Workspace) -> Any:
    """kezhi.toml as it is written, an empty document where there is none; raises KezhiError for what is no TOML."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = place.folder / SETTINGS
    if not path.exists():
        return tomlkit.document()
    try:
        return tomlkit.parse(path.read_bytes().decode("utf-8"))
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise KezhiError(NO_TOML.fill(reason=error)) from None


def _table(document: Any) -> Any:
    import tomlkit

    if "segments" not in document:
        document["segments"] = tomlkit.table()
    if not isinstance(document["segments"], Mapping):
        raise RefusedError(understood({"segments": document["segments"].unwrap()})[1][0])
    return document["segments"]


def _refuse_worse(before: str, after: str) -> None:
    """Raise for what kezhi does not take and what did not stand there before."""
    known = [(one.keys, one.value) for one in understood(tomllib.loads(before))[1]]
    for one in understood(tomllib.loads(after))[1]:
        if (one.keys, one.value) not in known:
            raise RefusedError(one)


def _replace(path: Path, text: str) -> None:
    """Replace a file in one step."""
    path = path.resolve()  # a link stays one
    beside = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.write_bytes(text.encode("utf-8"))
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
