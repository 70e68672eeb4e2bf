"""The checks every row passes before it enters the book; a row that fails is quarantined, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from kezhi.language import Text
from kezhi.sources.amounts import CODES
from kezhi.sources.days import FIRST
from kezhi.sources.tables import Field
from kezhi.sources.vocabulary import CONTROL, TREATED

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Cell:
    """One field of every row as the checks see it: is it empty, what was written, what was read from it."""

    field: Field
    missing: ir.BooleanValue
    text: ir.StringValue
    value: ir.Value
    too_large: ir.BooleanValue
    today: date
    marked: bool = False  # may the text carry a currency sign?


class Check:
    """A rule with its words in both languages; `applies` picks fields, `fails` is true for a bad row."""

    code: ClassVar[str]
    title: ClassVar[Text]
    sentence: ClassVar[Text]

    def applies(self, field: Field) -> bool:
        """Does this rule look at that field?"""
        raise NotImplementedError

    def fails(self, cell: Cell) -> ir.BooleanValue:
        """A boolean expression, never null, that is true where the rule is broken."""
        raise NotImplementedError


class ReaderCheck(Check):
    """A rule that the reader or a preset applies itself, before there are fields to look at."""

    def applies(self, field: Field) -> bool:  # noqa: ARG002  no field is its own
        return False

    def fails(self, cell: Cell) -> ir.BooleanValue:
        raise NotImplementedError("the reader applies this rule")


class MalformedRow(ReaderCheck):
    code = "malformed_row"
    title = Text("Broken line", "格式错误的行")
    sentence = Text(
        "The line has more or fewer cells than the header, or a quotation mark that never closes; "
        "mend the line in the file.",
        "该行的单元格多于或少于表头，或引号没有闭合；请在文件中修正该行。",
    )


class NotASale(ReaderCheck):
    code = "not_a_sale"
    title = Text("Not a sale", "不是成交")
    sentence = Text(
        "The status says that no sale took place (failed, unpaid, cancelled, closed or not won); "
        "nothing to do unless the status is wrong.",
        "状态表明没有成交（失败、未付款、已取消、已关闭或未赢单）；若状态无误则无需处理。",
    )


class _Missing(Check):
    def applies(self, field: Field) -> bool:
        return field.required and self.covers(field)

    def covers(self, field: Field) -> bool:
        """Among required fields, those this rule names."""
        raise NotImplementedError

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return cell.missing


class MissingCustomer(_Missing):
    code = "missing_customer"
    title = Text("No customer", "缺少客户")
    sentence = Text(
        "The row does not say which customer it belongs to; add the customer, or leave it out if the buyer is unknown.",
        "该行没有写明属于哪位客户；请补上客户，买家不明时可不处理。",
    )

    def covers(self, field: Field) -> bool:
        return field.name == "customer_id"


class MissingDate(_Missing):
    code = "missing_date"
    title = Text("No date", "缺少日期")
    sentence = Text("The row has no date; add the day of the purchase.", "该行没有日期；请补上购买日期。")

    def covers(self, field: Field) -> bool:
        return field.kind == "day"


class UnreadableDate(Check):
    code = "unreadable_date"
    title = Text("Unreadable date", "日期无法识别")
    sentence = Text(
        "The date cannot be read or is not in the calendar; write it as 2025-03-04.",
        "日期无法识别或日历中不存在；请写成 2025-03-04 的形式。",
    )

    def applies(self, field: Field) -> bool:
        return field.required and field.kind == "day"

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return ~cell.missing & cell.value.isnull()


class ImpossibleDate(UnreadableDate):
    code = "impossible_date"
    title = Text("Impossible date", "不可能的日期")
    sentence = Text(
        "The date lies before 1950; correct the year.",
        "日期早于 1950 年；请更正年份。",
    )

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return (cell.value < FIRST).fill_null(False)


class FutureDate(UnreadableDate):
    code = "future_date"
    title = Text("Date in the future", "未来的日期")
    sentence = Text(
        "The date lies after today; correct it, or read the file again when the day has come.",
        "日期晚于今天；请更正，或到期后再读入。",
    )

    def applies(self, field: Field) -> bool:
        return super().applies(field) and not field.future

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return (cell.value > cell.today).fill_null(False)


class MissingAmount(_Missing):
    code = "missing_amount"
    title = Text("No amount", "缺少金额")
    sentence = Text("The row has no amount; add it, 0 if nothing was paid.", "该行没有金额；请补上，未付款请填 0。")

    def covers(self, field: Field) -> bool:
        return field.kind == "money"


class UnreadableAmount(Check):
    code = "unreadable_amount"
    title = Text("Unreadable amount", "金额无法识别")
    sentence = Text(
        "The amount cannot be read as a number; write it as 1234.50.",
        "金额无法识别为数字；请写成 1234.50 的形式。",
    )

    def applies(self, field: Field) -> bool:
        return field.required and field.kind == "money"

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return ~cell.missing & cell.value.isnull() & ~cell.too_large.fill_null(False)


class TooLarge(UnreadableAmount):
    code = "too_large"
    title = Text("Amount too large", "金额过大")
    sentence = Text(
        "The amount is above 10 000 000 000 000 on one line; it is probably a number of another kind.",
        "单行金额超过 10 万亿；它可能不是金额。",
    )

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return cell.too_large.fill_null(False)


class UnknownCurrency(Check):
    code = "unknown_currency"
    title = Text("Unknown currency", "未知币种")
    sentence = Text(
        "The currency is not a known code or sign; write it as CNY, USD, EUR, ...",
        "币种不是已知的代码或符号；请写成 CNY、USD、EUR 等。",
    )

    def applies(self, field: Field) -> bool:
        return field.name == "currency"

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return cell.value.notnull() & ~cell.value.isin(CODES).fill_null(False)


class UnknownArm(Check):
    code = "unknown_arm"
    title = Text("Unknown group", "组别无法识别")
    sentence = Text(
        "The row does not say whether the customer was given the action; write treated or control.",
        "看不出该客户是否参加了行动；请写 treated（实验组）或 control（对照组）。",
    )

    def applies(self, field: Field) -> bool:
        return field.name == "arm"

    def fails(self, cell: Cell) -> ir.BooleanValue:
        word: ir.StringValue = cell.text.strip().lower()
        return ~cell.missing & ~word.isin((*TREATED, *CONTROL)).fill_null(False)


class MissingValue(_Missing):
    code = "missing_value"
    title = Text("Required value missing", "缺少必填值")
    sentence = Text(
        "A cell without which the row means nothing is empty; fill it in.",
        "必填的单元格为空；请补上。",
    )

    def covers(self, field: Field) -> bool:
        return field.kind not in ("day", "money") and field.name != "customer_id"


class UnreadableValue(Check):
    code = "unreadable_value"
    title = Text("Unreadable value", "值无法识别")
    sentence = Text(
        "A required number or period cannot be read; write numbers as 0.42 and periods as 2025-03.",
        "必填的数字或期无法识别；数字请写成 0.42，期请写成 2025-03。",
    )

    def applies(self, field: Field) -> bool:
        return field.required and field.kind in ("number", "period")

    def fails(self, cell: Cell) -> ir.BooleanValue:
        return ~cell.missing & cell.value.isnull()


CHECKS: dict[str, Check] = {
    check.code: check
    for check in (
        MalformedRow(), NotASale(), MissingCustomer(), MissingDate(), UnreadableDate(),
        ImpossibleDate(), FutureDate(),
        MissingAmount(), UnreadableAmount(), TooLarge(), UnknownCurrency(), UnknownArm(), MissingValue(),
        UnreadableValue(),
    )
}  # fmt: skip
"""Every rule by code, in the order in which they are tried; a row is rejected by the first that it breaks."""
