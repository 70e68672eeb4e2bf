"""What the company asks its customers: the dimensions and the scale of its surveys so far, or the usual four."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.worth.reputation import ASKED
from kezhi_web.capture.kinds import DIMENSIONS_IN_BOOK, QUALITY
from kezhi_web.shown import Rows
from kezhi_web.shown.rows import literal
from kezhi_web.shown.run import workspace

SCALES = (5, 7, 10, 100)
MOST = 12
RECORDED = "recorded-"


@dataclass(frozen=True)
class Survey:
    """dimensions: their names in the book. scale: the highest score; the lowest is 1, or 0 where scores go to 100."""

    dimensions: tuple[str, ...] = QUALITY
    scale: int = 5

    @property
    def lowest(self) -> int:
        """The lowest score."""
        return 1 if self.scale < 100 else 0


def survey_of(rows: Rows) -> Survey:
    """As the book has it; answers that were recorded here count like all others."""
    files = workspace().book_files("surveys")
    if not files:
        return Survey()
    paths = ", ".join(literal(str(path)) for path in files)
    source = f"read_parquet([{paths}], union_by_name = true)"
    columns = {row["column_name"] for row in rows.ask(f"describe select * from {source}")}
    if not {"dimension", "score"} <= columns:
        return Survey()
    left_out = ", ".join(literal(word) for word in ASKED)
    found = rows.ask(
        f"select dimension, count(*) as answers, max(score) as highest from {source} where score is not null "
        f"and dimension is not null and lower(trim(dimension)) not in ({left_out}) "
        f"group by 1 order by answers desc, 1 limit {MOST}"
    )
    if not found:
        return Survey()
    highest = max(row["highest"] for row in found)
    scale = next((top for top in SCALES if highest <= top), SCALES[-1])
    return Survey(_in_order([row["dimension"] for row in found]), scale)


def _in_order(names: list[str]) -> tuple[str, ...]:
    """The usual four in their usual order first, by their codes; the company's own behind them, by frequency."""
    codes = {word: code for code, text in DIMENSIONS_IN_BOOK.items() for word in (text.en, text.zh)}
    known = [codes.get(name, name) for name in names]
    first = [code for code in QUALITY if code in known]
    return (*first, *(name for name in dict.fromkeys(known) if name not in first))
