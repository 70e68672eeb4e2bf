"""What reading found: plain values that go into the manifest and onto the screen."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kezhi.language import Text
from kezhi.sources.tables import TABLES


@dataclass(frozen=True)
class InputFile:
    """One file (or frame) that was read; `layout` is the delimiter or the sheet."""

    name: str
    sha256: str | None
    bytes: int | None
    rows: int
    format: str
    encoding: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class ColumnMatch:
    """Which column became which field, and how that was found out."""

    field: str
    column: str
    how: str  # "name", "content", "map", "constant" or "preset NAME"

    def as_dict(self) -> dict[str, str]:
        """As the manifest has it."""
        return {"field": self.field, "column": self.column, "how": self.how}


@dataclass(frozen=True)
class KindCount:
    """How many accepted rows are sales, returns, cancellations or zero, and their sum."""

    kind: str
    rows: int
    amount: Decimal

    def as_dict(self) -> dict[str, Any]:
        """As the manifest has it; money is text so that no digit is lost."""
        return {"kind": self.kind, "rows": self.rows, "amount": str(self.amount)}


@dataclass(frozen=True)
class RuleCount:
    """How many rows a rule rejected, how many of them were returns, and the sum of what could be read."""

    rule: str
    text: Text
    rows: int
    returns: int
    amount: Decimal | None

    def as_dict(self) -> dict[str, Any]:
        """As the manifest has it."""
        amount = None if self.amount is None else str(self.amount)
        counts = {"rows": self.rows, "returns": self.returns, "amount": amount}
        return {"rule": self.rule, **self.text.as_dict(), **counts}


@dataclass(frozen=True)
class Remark:
    """Something worth knowing that rejected no row."""

    code: str
    text: Text

    def as_dict(self) -> dict[str, str]:
        """As the manifest has it."""
        return {"code": self.code, **self.text.as_dict()}


@dataclass(frozen=True)
class ReadingReport:
    """Everything there is to say about one reading; accepted + quarantined = read."""

    table: str
    files: tuple[InputFile, ...]
    columns: tuple[ColumnMatch, ...]
    extra: tuple[str, ...]
    preset: str | None
    read: int
    accepted: int
    quarantined: int
    kinds: tuple[KindCount, ...]
    rules: tuple[RuleCount, ...]
    warnings: tuple[Remark, ...]
    currency: str | None

    def inputs(self) -> list[dict[str, Any]]:
        """The manifest's "inputs" entries, one per file."""
        columns = [match.as_dict() for match in self.columns]
        return [{"table": self.table, **_file_entry(file), "columns": columns} for file in self.files]

    def rows(self) -> dict[str, Any]:
        """The manifest's "rows" entry of this table."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "kinds": [kind.as_dict() for kind in self.kinds],
            "rules": [rule.as_dict() for rule in self.rules],
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "table": self.table,
            "title": TABLES[self.table].title.as_dict(),
            "inputs": self.inputs(),
            "rows": self.rows(),
            "extra": list(self.extra),
            "preset": self.preset,
            "currency": self.currency,
            "warnings": [warning.as_dict() for warning in self.warnings],
        }


def _file_entry(file: InputFile) -> dict[str, Any]:
    return {
        "file": file.name, "sha256": file.sha256, "bytes": file.bytes, "format": file.format,
        "encoding": file.encoding, "layout": file.layout, "rows": file.rows,
    }  # fmt: skip
