"""Files that come in by a form: each kind goes through, each disguise is refused with a sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile

from kezhi.language import KezhiError
from kezhi_web import uploads

CSV = b"order_id,customer_id,date,amount\n1,a,2025-01-02,10\n"


def workbook() -> bytes:
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        book.add_worksheet().write(0, 0, "customer_id")
    return made.getvalue()


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = io.BytesIO()
    pq.write_table(pa.table({"customer_id": ["a"]}), made)
    return made.getvalue()


def old_workbook() -> bytes:
    import xlwt

    made = io.BytesIO()
    book = xlwt.Workbook()
    book.add_sheet("one").write(0, 0, "customer_id")
    book.save(made)
    return made.getvalue()


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("orders.csv", CSV)
    return made.getvalue()


MADE: dict[str, bytes] = {
    "text": CSV,
    "xlsx": workbook(),
    "xls": old_workbook(),
    "parquet": parquet(),
    "zip": archive(),
    "gzip": b"\x1f\x8b\x08\x00" + b"x" * 20,
    "pdf": b"%PDF-1.7\n...",
    "page": b"\xef\xbb\xbf <!DOCTYPE html><table><tr><td>1</table>",
    "binary": b"\x7fELF\x02\x01\x01\x00\x00\x00",
}


def refused(name: str, content: bytes) -> str:
    with pytest.raises(KezhiError) as error:
        uploads.check(SimpleUploadedFile(name, content))
    assert error.value.text.zh != error.value.text.en
    return error.value.text.en


def test_the_kinds_are_told_apart_by_their_bytes() -> None:
    """Whatever the name says."""
    assert {kind: uploads.sniff(io.BytesIO(content)) for kind, content in MADE.items()} == {kind: kind for kind in MADE}


@pytest.mark.parametrize("suffix", uploads.KINDS)
def test_each_ending_takes_its_own_content_only(suffix: str) -> None:
    """Every ending against every content: one goes through, all others are told what was found."""
    for kind, content in MADE.items():
        name = f"orders{suffix.upper()}"
        if uploads.KINDS[suffix] == kind:
            assert uploads.check(SimpleUploadedFile(name, content)) == kind
        else:
            assert uploads.FOUND[kind].en in refused(name, content)


@pytest.mark.parametrize("text", ["编号,金额\n甲,1\n".encode("gb18030"), "编号,金额\n".encode("utf-16"), b"a;b\r1;2\r"])
def test_text_of_every_kind_is_text(text: bytes) -> None:
    """Chinese exports come in GBK, Excel's in UTF-16."""
    assert uploads.check(SimpleUploadedFile("orders.csv", text)) == "text"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("orders.exe", "not a table"),
        ("orders", "not a table"),
        ("orders.csv.html", "not a table"),
        ("orders.xlsm", "not a table"),
        ("orders.csv.gz", "unpack it"),
        ("orders.zip", "unpack it"),
    ],
)
def test_other_endings_are_refused(name: str, says: str) -> None:
    """With what may be given instead."""
    assert says in refused(name, CSV)


def test_nothing_and_an_empty_file() -> None:
    """Both are told apart."""
    with pytest.raises(KezhiError, match=r"Choose a file|请先选择"):
        uploads.check(None)
    assert "is empty" in refused("orders.csv", b"")


def test_a_parquet_file_that_was_cut_off_is_refused() -> None:
    """Its end says where its columns are."""
    assert "no table" in refused("orders.parquet", MADE["parquet"][:-3])
    assert "no table" in refused("orders.parquet", b"PAR1")


def test_size_is_limited(settings: Any) -> None:
    """To the byte, with both sizes in the sentence."""
    settings.UPLOAD_LIMIT = len(CSV)
    assert uploads.check(SimpleUploadedFile("orders.csv", CSV)) == "text"
    settings.UPLOAD_LIMIT = 2**20
    assert "2 MB; up to 1 MB" in refused("orders.csv", b"x" * 2 * 2**20)


def test_a_workbook_that_swells_is_not_opened(settings: Any) -> None:
    """A few thousand bytes may unpack to gigabytes."""
    settings.UPLOAD_LIMIT = 2**20
    made = io.BytesIO(MADE["xlsx"])
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet9.xml", b" " * 3 * 2**20)
    assert len(made.getvalue()) < settings.UPLOAD_LIMIT
    assert "when unpacked" in refused("orders.xlsx", made.getvalue())


def test_kept_files_are_whole_and_harmlessly_named(tmp_path: Path) -> None:
    """Also those that Django had put on disk; the upload can be read again afterwards."""
    upload = TemporaryUploadedFile("订单 2025.csv", "text/csv", len(CSV), None)
    upload.write(CSV)
    path = uploads.keep(upload, tmp_path / "new")
    assert path == tmp_path / "new" / "订单_2025.csv"
    assert path.read_bytes() == CSV
    with pytest.raises(KezhiError):
        uploads.keep(SimpleUploadedFile("orders.xls", CSV), tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    upload.close()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("..\\..\\kezhi.toml.csv", "kezhi.toml.csv"),
        ("-rf $(x); .CSV", "rf_x.csv"),
        ("...", "table"),
        (".csv", "csv"),
        ("a" * 300 + ".xlsx", "a" * 120 + ".xlsx"),
        ("a\x00b\n.csv", "a_b.csv"),
    ],
)
def test_names(given: str, kept: str) -> None:
    """No path, no control character, no leading dash, no endless name."""
    assert uploads.safe_name(given) == kept
