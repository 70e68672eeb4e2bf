"""Reading files: formats, encodings, recognition, accounts, and an answer to every mistake."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kezhi.language import KezhiError
from kezhi.sources import TABLES, parse_mapping, template

LOG = [
    ("客户编号", "日期", "金额", "订单编号", "数量"),
    ("C1", "2025-03-04", "12.50", "A1", "2"),
    ("C2", "2025-03-05", "7", "A2", "1"),
    ("C1", "2025-03-06", "-5.25", "A3", "-1"),
]


def text_of(rows, delimiter=",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def content(source, *inputs, **options) -> list[tuple[object, ...]]:
    rows = source.rows(source.read(*inputs, **options))
    fields = ("customer_id", "date", "amount", "order_id", "quantity")
    return sorted(tuple(row.get(field) for field in fields) for row in rows)


EXPECTED = [
    ("C1", date(2025, 3, 4), Decimal("12.5000"), "A1", 2.0),
    ("C1", date(2025, 3, 6), Decimal("-5.2500"), "A3", -1.0),
    ("C2", date(2025, 3, 5), Decimal("7.0000"), "A2", 1.0),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le-bom"])
def test_encodings_agree(source, encoding):
    text = text_of(LOG)
    data = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)
    assert content(source, data) == EXPECTED


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_delimiters_agree(source, delimiter):
    assert content(source, text_of(LOG, delimiter)) == EXPECTED


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_agree(source, ends):
    assert content(source, text_of(LOG).replace("\n", ends).encode()) == EXPECTED
    mixed = text_of(LOG).replace("\n", ends, 2).encode()
    assert content(source, mixed) == EXPECTED


def test_gb18030_with_signs_that_gbk_does_not_have(source):
    data = "会员名,付款时间,实付金额\n甲,2025-03-04,¥1\n乙,2025-03-05,¥2\n".encode("gb18030")
    reading = source.read(data)
    assert {row["customer_id"] for row in source.rows(reading)} == {"甲", "乙"}
    assert (reading.report.files[0].encoding, reading.report.currency) == ("gb18030", "CNY")


def test_western_code_page(source):
    data = "customer,date,amount\nJosé,2025-03-04,£1\nZoë,2025-03-05,£2\n".encode("cp1252")
    reading = source.read(data)
    assert {row["customer_id"] for row in source.rows(reading)} == {"José", "Zoë"}
    assert reading.report.currency == "GBP"


def excel(path, rows):
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("说明")
        sheet = book.add_worksheet("订单")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for place, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(place, column, datetime.combine(cell, datetime.min.time()), day)
                else:
                    sheet.write(place, column, cell)
    return path


def typed(rows):
    return [(c, date.fromisoformat(d), float(a), o, int(q)) for c, d, a, o, q in rows]


def test_every_format_gives_the_same_rows(source, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq
    import xlwt

    columns = dict(zip(LOG[0], zip(*typed(LOG[1:]), strict=True), strict=True))
    table = pa.table({name: list(cells) for name, cells in columns.items()})
    pq.write_table(table, tmp_path / "log.parquet")
    excel(tmp_path / "log.xlsx", [("订单导出",), (), LOG[0], *typed(LOG[1:])])
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for place, row in enumerate(LOG):
        for column, cell in enumerate(row):
            sheet.write(place, column, cell)
    book.save(str(tmp_path / "log.xls"))
    for name in ("log.parquet", "log.xlsx", "log.xls"):
        assert content(source, tmp_path / name) == EXPECTED, name


def test_sheets_that_are_like_the_one_read_are_named(source, tmp_path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "year.xlsx") as book:
        book.add_worksheet("cover").write(0, 0, "Orders of the year")
        for month in ("January", "February"):
            sheet = book.add_worksheet(month)
            sheet.write_row(0, 0, LOG[0])
            sheet.write_row(1, 0, LOG[1])
        book.add_worksheet("customers").write_row(0, 0, (LOG[0][0], "phone"))
    reading = source.read(tmp_path / "year.xlsx")
    assert len(source.rows(reading)) == 1
    [note] = [one.text for one in reading.report.warnings if one.code == "other_sheets"]
    assert "“January” was read" in note.en
    assert "not read: February. " in note.en


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars", "duckdb", "ibis", "lazy"])
def test_frames_are_read_and_left_alone(source, kind):
    import pyarrow as pa

    columns = dict(zip(LOG[0], zip(*typed(LOG[1:]), strict=True), strict=True))
    table = pa.table({name: list(cells) for name, cells in columns.items()})
    frame = table
    if kind == "pandas":
        frame = table.to_pandas()
    elif kind in ("polars", "lazy"):
        polars = pytest.importorskip("polars")
        frame = polars.from_arrow(table)
        frame = frame.lazy() if kind == "lazy" else frame
    elif kind == "duckdb":
        import duckdb

        frame = duckdb.connect().from_arrow(table)
    elif kind == "ibis":
        import ibis

        frame = ibis.memtable(table)
    before = list(frame.columns) if kind == "pandas" else None
    assert content(source, frame) == EXPECTED
    assert before is None or list(frame.columns) == before


def test_a_folder_of_files_with_columns_in_another_order(source, tmp_path):
    source.write(text_of(LOG[:2]), "a.csv")
    source.write(text_of([tuple(reversed(row)) for row in (LOG[0], *LOG[2:])], "\t"), "b.tsv")
    source.write(text_of(LOG[:2]), "copy.csv")
    for given_ in (tmp_path, str(tmp_path / "*.[ct]sv")):
        reading = source.read(given_)
        assert content(source, given_) == EXPECTED
        assert [file.name for file in reading.report.files] == ["a.csv", "b.tsv"]
        assert [warning.code for warning in reading.report.warnings] == ["same_file_twice"]


def test_titles_above_the_header_and_blank_lines(source):
    text = "2025年订单导出,,,,\n导出人:管理员\n\n" + text_of(LOG) + "\n,,,,\n"
    reading = source.read(text)
    assert (reading.report.read, reading.report.accepted) == (3, 3)
    assert content(source, text) == EXPECTED


def test_broken_lines_are_counted_and_placed(source):
    reading = source.read("customer,date,amount\na,2025-03-04,1\nb,2025-03-04\nc,2025-03-04,1,2\nd,x,1\n")
    assert (reading.report.read, reading.report.accepted, reading.report.quarantined) == (4, 1, 3)
    assert [(row["row"], row["rule"]) for row in source.bad(reading) if row["rule"] == "malformed_row"] == [
        (3, "malformed_row"), (4, "malformed_row"),
    ]  # fmt: skip
    assert [(row["row"], row["seen"]) for row in source.bad(reading) if row["rule"] == "unreadable_date"] == [(5, "x")]


def test_rows_are_numbered_as_in_the_file_whatever_is_broken_above(source):
    lines = ["customer,date,amount"]
    lines += ["a,2025-03-04,1,2" if number % 3 == 0 else f"b,2025-03-04,x{number}" for number in range(2, 20)]
    bad = source.bad(source.read("\n".join(lines) + "\n"))
    assert [row["row"] for row in bad] == list(range(2, 20))
    assert all(row["seen"] == f"x{row['row']}" for row in bad if row["rule"] == "unreadable_amount")


def test_each_rule_is_counted_with_returns_and_amount(source):
    text = (
        "customer,date,amount,order_id\na,2025-03-04,10,1\n,2025-03-04,-3,2\n,2025-03-04,5,3\nb,2027-01-01,1,4\n"
        "b,1900-01-01,1,5\nb,,1,6\nb,someday,1,7\nb,2025-03-04,x,8\nb,2025-03-04,,9\na,2025-03-05,-4,C12\n"
        "a,2025-03-05,-2,13\na,2025-03-05,0,14\n"
    )
    report = source.read(text).report
    assert {rule.rule: (rule.rows, rule.returns) for rule in report.rules} == {
        "missing_customer": (2, 1), "missing_date": (1, 0), "unreadable_date": (1, 0),
        "impossible_date": (1, 0),
        "future_date": (1, 0), "missing_amount": (1, 0), "unreadable_amount": (1, 0),
    }  # fmt: skip
    assert {kind.kind: (kind.rows, kind.amount) for kind in report.kinds} == {
        "sale": (1, Decimal(10)), "cancellation": (1, Decimal(-4)), "return": (1, Decimal(-2)),
        "zero": (1, Decimal(0)),
    }  # fmt: skip
    assert report.rows()["rules"][0]["amount"] == "2.0000"
    assert json.loads(json.dumps(report.as_dict(), ensure_ascii=False))["rows"]["read"] == 12


def test_unreadable_cells_of_optional_columns_are_left_empty_and_counted(source):
    reading = source.read("customer,date,amount,quantity\na,2025-03-04,1,many\nb,2025-03-04,1,2\n")
    assert [row["quantity"] for row in source.rows(reading)] == [None, 2.0]
    assert "1 cells of quantity" in reading.report.warnings[0].text.en


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("CustomerID,InvoiceDate,Total", ("CustomerID", "InvoiceDate", "Total")),
        ("user_id,created_at,revenue", ("user_id", "created_at", "revenue")),
        ("会员名,付款时间,实付金额", ("会员名", "付款时间", "实付金额")),
        ("email,Order Date,Amount (USD)", ("email", "Order Date", "Amount (USD)")),
        ("手机号,下单时间,消费金额(元)", ("手机号", "下单时间", "消费金额(元)")),
        ("id,date,total", ("id", "date", "total")),
        ("buyer,when,paid", ("buyer", "when", "paid")),
    ],
)
def test_ordinary_headers_are_recognised(source, header, found):
    report = source.read(f"{header}\na,2025-03-04,1.50\na,2025-03-05,2.25\nb,2025-03-05,3.75\n").report
    assert tuple(match.column for match in report.columns[:3]) == found


def test_what_is_already_known_is_not_guessed_again(source):
    text = "order_date,date,total,amount,customer_id,email\nx,2025-03-04,y,2,a,b@example.com\n"
    report = source.read(text).report
    assert {match.field: match.column for match in report.columns} == {
        "customer_id": "customer_id", "date": "date", "amount": "amount"
    }  # fmt: skip
    assert set(report.extra) == {"order_date", "total", "email"}


def test_of_two_names_the_one_whose_cells_can_be_read(source):
    report = source.read("customer,date,net amount,total\na,2025-03-04,none given,3\nb,2025-03-04,tbd,4\n").report
    assert {match.field: match.column for match in report.columns}["amount"] == "total"


def test_amount_is_quantity_times_price_where_there_is_none(source):
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    reading = source.read(
        header + "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,UK\n"
        "C536379,D,Discount,-1,12/13/2010 9:41,27.50,14527,UK\n"
    )
    rows = {row["customer_id"]: row for row in source.rows(reading)}
    assert (rows["17850"]["amount"], rows["17850"]["date"]) == (Decimal("15.3000"), date(2010, 12, 1))
    assert rows["17850"]["product_id"] == "85123A"
    assert [kind.kind for kind in reading.report.kinds] == ["sale", "cancellation"]
    assert [warning.code for warning in reading.report.warnings] == ["amount_computed"]


def test_repeated_rows_are_kept_and_counted(source):
    report = source.read("customer,date,amount\n" + "a,2025-03-04,1\n" * 3 + "b,2025-03-04,1\n").report
    assert (report.accepted, [warning.code for warning in report.warnings]) == (4, ["repeated_rows"])
    assert "2 rows" in report.warnings[0].text.en


def test_line_cost_from_unit_cost(source):
    reading = source.read("customer,date,amount,quantity,进价\na,2025-03-04,30,3,4.1\n")
    assert source.rows(reading)[0]["cost"] == Decimal("12.3000")


def test_mapping(source):
    text = "who,when,what\na,2025-03-04,5\n"
    mapping = parse_mapping(["customer_id=who", "date=when", "amount==1", "currency==CNY"])
    reading = source.read(text, mapping=mapping)
    row = source.rows(reading)[0]
    assert (row["amount"], row["currency"], row["what"]) == (Decimal(1), "CNY", "5")
    assert {match.field: match.how for match in reading.report.columns} == {
        "customer_id": "map", "date": "map", "amount": "constant", "currency": "constant"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("customer", "field=column"),
        ("client=x", "no field client"),
        ("date_order=ymd", "date_order=dmy"),
        ("=x", "field=column"),
    ],
)
def test_a_wrong_mapping_is_answered(pair, says):
    with pytest.raises(KezhiError, match=says):
        parse_mapping([pair])


MISTAKES = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n \n", "is empty"),
    "header only": (b"customer,date,amount\n", "no rows"),
    "binary": (bytes(range(256)) * 50, "known encoding"),
    "zeros": (b"\x00" * 1000, "known encoding"),
    "no header": (b"a@example.com,2025-03-04,5\nb@example.com,2025-03-05,6\n", "starts with data"),
    "web page": (b"<html><table><tr><td>x</td></tr></table></html>\n", "web page"),
    "gzip": (b"\x1f\x8b\x08\x00abc\n", "gzip"),
    "broken parquet": (b"PAR1abc\n", "Parquet"),
    "broken excel": (b"PK\x03\x04abc\n", "Excel"),
    "wide": (
        ",".join(f"c{i}" for i in range(10_000)).encode() + b"\n" + b"1," * 9_999 + b"1\n",
        "10000 columns",
    ),
    "no amount": (b"customer,date\na,2025-03-04\n", "--map amount==1"),
    "no customer": (b"date,amount\n2025-03-04,1\n", "--map customer_id=COLUMN"),
    "no date": (b"customer,amount\na,1\n", "--map date=COLUMN"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_met_with_one_sentence(source, mistake):
    data, says = MISTAKES[mistake]
    with pytest.raises(KezhiError, match=says) as caught:
        source.read(data)
    assert "example.com" not in str(caught.value)
    assert caught.value.text.zh != caught.value.text.en


def test_no_such_file(source, tmp_path):
    with pytest.raises(KezhiError, match="no table at"):
        source.read(str(tmp_path / "nothing.csv"))
    with pytest.raises(KezhiError, match="Nothing to read"):
        source.read()
    with pytest.raises(KezhiError, match="is no table"):
        source.read(object())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_templates_read_back_in_both_languages(source, table, language):
    reading = source.read(template(table, language), table=table)
    assert reading.report.quarantined == 0
    assert reading.report.accepted == len(template(table, language).splitlines()) - 1
    assert {match.field for match in reading.report.columns} == {field.name for field in TABLES[table].fields}


def test_repeated_headings_differ_only_by_case(source):
    reading = source.read("customer,Date,date,amount,Amount\na,2025-03-04,x,1,2\n")
    assert reading.report.accepted == 1


def test_shuffling_rows_changes_nothing(source):
    rows = [(f"C{i % 7}", f"2025-03-{i % 28 + 1:02}", f"{i}.25", f"A{i}", str(i % 3)) for i in range(60)]
    shuffled = random.Random(4).sample(rows, len(rows))
    assert content(source, text_of([LOG[0], *rows])) == content(source, text_of([LOG[0], *shuffled]))


CELL = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "Zs"), include_characters='",;\n\t=+'), max_size=8
)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12))
def test_accepted_and_quarantined_are_all_rows(source, rows):
    """Whatever is in the cells, every row that is not blank is accounted for."""
    written = [row for row in rows if any(cell.strip() for cell in row)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("customer_id", "date", "amount"), *rows])
    if not written:
        with pytest.raises(KezhiError, match="no rows"):
            source.read(text.getvalue())
        return
    report = source.read(text.getvalue(), mapping={"date_order": "dmy"}).report
    assert report.read == report.accepted + report.quarantined == len(written)


@pytest.mark.parametrize(
    ("name", "read", "quarantined"),
    [
        ("online_retail", 541_909, 135_080),
        ("cdnow_full", 69_659, 0),
        ("apparel", 3_187, 0),
        ("retail_transactions", 125_000, 0),
    ],
)
def test_public_logs_need_no_mapping(source, public_log, name, read, quarantined):
    report = source.read(public_log(name)).report
    assert (report.read, report.quarantined) == (read, quarantined)
    if name == "online_retail":
        assert {kind.kind: kind.rows for kind in report.kinds} == {
            "sale": 397_884,
            "cancellation": 8_905,
            "zero": 40,
        }
