"""What people think of customers, beside what is computed: scores of the key factors with author and date.

They are rows of `assessments.csv` in the workspace, a file that a person can read and mend; runs never change it.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

from kezhi.language import KezhiError, Text
from kezhi.settings.scoring import FACTORS

FILE = "assessments.csv"
HIGHEST = 10.0

BAD_FACTOR = Text(
    "There is no factor {factor}; choose one of {known}.", "没有名为 {factor} 的因素；请从以下选择：{known}。"
)
BAD_SCORE = Text("A score goes from 0 to 10, not {score}.", "评分应在 0 到 10 之间，而不是 {score}。")
NO_AUTHOR = Text("Say who gives the score: --by NAME.", "请写明评分人：--by 姓名。")
BAD_ROW = Text(
    "Row {row} of {file} cannot be read; it needs customer_id, factor, score (0 to 10), author, date (2025-12-31) "
    "and note.",
    "{file} 第 {row} 行无法读取；需要 customer_id、factor、score（0 到 10）、author、date（2025-12-31）和 note。",
)


@dataclass(frozen=True)
class Assessment:
    """One person's score of one factor of one customer."""

    customer_id: str
    factor: str
    score: float
    author: str
    date: date
    note: str = ""


def assess(
    workspace: str | Path,
    customer_id: str,
    factor: str,
    score: float,
    *,
    author: str,
    note: str = "",
    on: date | None = None,
) -> Assessment:
    """Keep a person's score of a customer, 0 to 10, beside the runs; earlier scores stay in the file.

    Raises KezhiError for an unknown factor, a score out of range or a missing author.
    """
    if factor not in FACTORS:
        raise KezhiError(BAD_FACTOR.fill(factor=factor, known=", ".join(FACTORS)))
    if not 0 <= score <= HIGHEST:
        raise KezhiError(BAD_SCORE.fill(score=score))
    if not author.strip():
        raise KezhiError(NO_AUTHOR)
    made = Assessment(customer_id, factor, float(score), author.strip(), on or date.today(), note)  # noqa: DTZ011
    path = Path(workspace) / FILE
    new = not path.exists()
    # Excel needs the mark at the beginning to read the file as UTF-8
    with path.open("a", encoding="utf-8-sig" if new else "utf-8", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(field.name for field in fields(Assessment))
        writer.writerow(asdict(made).values())
    return made


def assessments(workspace: str | Path, customer_id: str | None = None) -> tuple[Assessment, ...]:
    """All that was kept, of one customer or of all, in the order of the file; the last one of a factor counts."""
    path = Path(workspace) / FILE
    if not path.exists():
        return ()
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = [_read(path, number, row) for number, row in enumerate(csv.DictReader(file), 2)]
    return tuple(one for one in found if customer_id in (None, one.customer_id))


def _read(path: Path, number: int, row: dict[str, str | None]) -> Assessment:
    try:
        factor, score = row["factor"] or "", float(row["score"] or "")
        customer, author = row["customer_id"], row["author"]
        if not customer or not author or factor not in FACTORS or not 0 <= score <= HIGHEST:
            raise ValueError
        return Assessment(customer, factor, score, author, date.fromisoformat(row["date"] or ""), row.get("note") or "")
    except (KeyError, ValueError):
        raise KezhiError(BAD_ROW.fill(row=number, file=path.name)) from None
