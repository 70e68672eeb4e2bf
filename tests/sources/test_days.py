"""Days in all the forms that people write."""

from __future__ import annotations

from datetime import date

import pytest

from kezhi.language import KezhiError
from kezhi.sources import days

FOURTH_OF_MARCH = [
    "2025-03-04", "2025/3/4", "2025.3.4", "20250304", "2025年3月4日", "2025年03月04日", "2025年 3月 4日",
    "4-Mar-2025", "04-Mar-25", "Mar 4 2025", "March 4, 2025", "4 March 2025", "4th Mar 2025",
    "Tue, 4 Mar 2025 10:11:12 GMT", "Mar 4, 2025, 10:11 PM", "04/03/2025", "4.3.2025", "4/3/25 8:26",
    "04-03-2025",
    "2025-03-04T23:30:00+08:00", "2025-03-04T23:30:00.123Z", "2025-03-04 10:00:00 +0800", "2025/3/4 9:05",
    "2025年3月4日 9时5分", "2025年3月4日9:05", "2025-3-4 下午 3:05", "20250304101112", "20250304 101112",
    "45720", "45720.5", "1741046400", "1741046400000", "２０２５－０３－０４", '="2025-03-04"', "'2025-03-04",
]  # fmt: skip
NO_DAYS = [
    "2025-02-30", "2025-13-01", "31/02/2025", "hello", "2025-03-04xyz", "99999999", "0", "infinity", "epoch",
    "10:11",
    "1/2", "2025-03", "March", "10000000000000000000", "4/3/2025/1", "-45720",
]  # fmt: skip


def test_every_usual_form_is_read(evaluate):
    found = evaluate(lambda text: days.read_day(days.tidy(text), "dmy"), FOURTH_OF_MARCH)
    assert dict(zip(FOURTH_OF_MARCH, found, strict=True)) == dict.fromkeys(FOURTH_OF_MARCH, date(2025, 3, 4))


def test_what_is_no_day_stays_unread(evaluate):
    found = evaluate(lambda text: days.read_day(days.tidy(text), "dmy"), NO_DAYS)
    assert dict(zip(NO_DAYS, found, strict=True)) == dict.fromkeys(NO_DAYS)


def test_month_first_turns_day_and_month(evaluate):
    assert evaluate(lambda t: days.read_day(days.tidy(t), "mdy"), ["04/03/2025"]) == [date(2025, 4, 3)]


def read_dates(source, *cells: str, **mapping: str) -> list[date]:
    text = "customer,date,amount\n" + "".join(f'c{place:03},"{cell}",1\n' for place, cell in enumerate(cells))
    rows = source.rows(source.read(text, mapping=mapping))
    return [row["date"] for row in sorted(rows, key=lambda row: row["customer_id"])]


def test_one_day_above_twelve_settles_the_whole_column(source):
    assert read_dates(source, "03/04/2025", "25/04/2025") == [date(2025, 4, 3), date(2025, 4, 25)]
    assert read_dates(source, "03/04/2025", "04/25/2025") == [date(2025, 3, 4), date(2025, 4, 25)]


def test_equal_day_and_month_are_clear(source):
    assert read_dates(source, "03/03/2025", "2025-03-04") == [date(2025, 3, 3), date(2025, 3, 4)]


def test_an_undecided_column_is_refused_and_the_user_decides(source):
    with pytest.raises(KezhiError, match="--map date_order=dmy") as caught:
        read_dates(source, "03/04/2025", "05/06/2025")
    assert "日" in caught.value.text.zh
    assert "date_order" in caught.value.text.zh
    assert read_dates(source, "03/04/2025", date_order="dmy") == [date(2025, 4, 3)]
    assert read_dates(source, "03/04/2025", date_order="mdy") == [date(2025, 3, 4)]


def test_a_column_that_proves_both_is_refused(source):
    with pytest.raises(KezhiError, match=r"1 dates that must be day first and 1 that must be month first"):
        read_dates(source, "25/04/2025", "04/25/2025")
    assert read_dates(source, "25/04/2025", "04/25/2025", date_order="dmy") == [date(2025, 4, 25)]
