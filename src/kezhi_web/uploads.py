"""Files that come in by a form: how large, of which kind, and whether they are what their name says."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path, PurePath
from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from kezhi.language import KezhiError, Text

KINDS = {
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".xlsx": "xlsx",
    ".xls": "xls",
    ".parquet": "parquet",
}
ACCEPT = ",".join(KINDS)  # for <input type="file" accept="...">

NO_FILE = Text("Choose a file first.", "请先选择文件。")
EMPTY = Text("{name} is empty; export it again.", "{name} 是空文件；请重新导出。")
TOO_LARGE = Text(
    "{name} has {size} MB; up to {limit} MB can be uploaded. Divide it, save it as Parquet, or import it on the server "
    "with kezhi import.",
    "{name} 有 {size} MB；最多可上传 {limit} MB。请拆分、另存为 Parquet，或在服务器上用 kezhi import 导入。",
)
WRONG_KIND = Text(
    "{name} is not a table that can be read; give a CSV (.csv, .tsv, .txt), Excel (.xlsx, .xls) or Parquet (.parquet) "
    "file.",
    "{name} 不是可读取的表格；请提供 CSV（.csv、.tsv、.txt）、Excel（.xlsx、.xls）或 Parquet（.parquet）文件。",
)
PACKED = Text("{name} is packed; unpack it and upload the table itself.", "{name} 是压缩文件；请解压后上传表格本身。")
OTHERWISE = Text(
    "{name} is called {suffix}, but its content is {found}. Open it in Excel and save it as .xlsx, or give it the "
    "ending that fits.",
    "{name} 的扩展名是 {suffix}，内容却是{found}。请用 Excel 打开并另存为 .xlsx，或改成相符的扩展名。",
)
SWOLLEN = Text(
    "{name} would take {size} MB when unpacked; up to {limit} MB are read. Save it as CSV or Parquet, or divide it.",
    "{name} 解压后有 {size} MB；最多读取 {limit} MB。请另存为 CSV 或 Parquet，或拆分。",
)
FOUND = {
    "text": Text("text", "文本"),
    "page": Text("a web page", "网页"),
    "xlsx": Text("an Excel workbook (.xlsx)", "Excel 工作簿（.xlsx）"),
    "xls": Text("an old Excel workbook (.xls)", "旧版 Excel 工作簿（.xls）"),
    "parquet": Text("a Parquet file", "Parquet 文件"),
    "zip": Text("a ZIP archive", "ZIP 压缩包"),
    "gzip": Text("a gzip archive", "gzip 压缩包"),
    "pdf": Text("a PDF document", "PDF 文档"),
    "binary": Text("no table", "无法识别的数据"),
}

_HEAD = 1 << 18
_PACKED = (".gz", ".zip", ".7z", ".rar", ".bz2", ".xz", ".zst", ".tar", ".tgz")
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "xls",
    b"\x1f\x8b": "gzip",
    b"%PDF": "pdf",
}
_PAGES = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<svg", b"<script")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MEGABYTE = 2**20
_NAME = 120  # characters of a name that are kept


def check(upload: UploadedFile | None) -> str:
    """Is this a table that may come in? Returns "text", "xlsx", "xls" or "parquet".

    The name's ending must be allowed and the first bytes (for Parquet and Excel also the inside) must agree with it.
    Raises KezhiError with a sentence that says what to do.
    """
    if upload is None:
        raise KezhiError(NO_FILE)
    name, size = PurePath(upload.name or "").name, upload.size or 0
    suffix = PurePath(name).suffix.lower()
    if suffix in _PACKED:
        raise KezhiError(PACKED.fill(name=name))
    if suffix not in KINDS:
        raise KezhiError(WRONG_KIND.fill(name=name))
    if size > settings.UPLOAD_LIMIT:
        raise KezhiError(_sized(TOO_LARGE, name, size))
    if not size:
        raise KezhiError(EMPTY.fill(name=name))
    found = sniff(upload)
    if found != KINDS[suffix]:
        word = FOUND[found]
        raise KezhiError(
            Text(
                OTHERWISE.en.format(name=name, suffix=suffix, found=word.en),
                OTHERWISE.zh.format(name=name, suffix=suffix, found=word.zh),
            )
        )
    if found == "xlsx":
        _weigh(upload, name)
    return found


def sniff(file: IO[bytes] | UploadedFile) -> str:
    """What a file's bytes are, whatever its name says: a key of FOUND. The file is wound back."""
    try:
        file.seek(0)
        head = file.read(_HEAD)
        if head.startswith(b"PAR1"):
            file.seek(-4, os.SEEK_END)
            return "parquet" if len(head) > 4 and file.read(4) == b"PAR1" else "binary"
        form = next((form for magic, form in _MAGIC.items() if head.startswith(magic)), "")
        if form == "zip":
            return "xlsx" if "xl/workbook.xml" in _sizes(file) else "zip"
        return form or _sniff_text(head)
    finally:
        file.seek(0)


def keep(upload: UploadedFile, folder: Path) -> Path:
    """Check the file and write it into the folder under a harmless form of its name; on disk when this returns."""
    check(upload)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / safe_name(upload.name or "")
    with path.open("wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return path


def safe_name(name: str) -> str:
    """A file's name without a path and without what a file system or a shell could take for something else."""
    plain = PurePath(name.replace("\\", "/")).name
    stem, suffix = PurePath(plain).stem, PurePath(plain).suffix.lower()
    stem = re.sub(r"[^\w.-]+", "_", stem).strip("._-")[:_NAME]
    return f"{stem or 'table'}{suffix if suffix in KINDS else ''}"


def _sniff_text(head: bytes) -> str:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower().startswith(_PAGES):
        return "page"
    if b"\x00" in head and not head.startswith(_UTF_16):
        return "binary"
    return "text"


def _sizes(file: IO[bytes] | UploadedFile) -> dict[str, int]:
    """The members of a ZIP archive and how large they say to be unpacked; none where it is broken."""
    try:
        with zipfile.ZipFile(file) as archive:
            return {member.filename: member.file_size for member in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError):
        return {}


def _weigh(upload: UploadedFile, name: str) -> None:
    """A small workbook that would unpack to more than may be uploaded is not opened at all."""
    unpacked = sum(_sizes(upload).values())
    upload.seek(0)
    if unpacked > settings.UPLOAD_LIMIT:
        raise KezhiError(_sized(SWOLLEN, name, unpacked))


def _sized(sentence: Text, name: str, size: int) -> Text:
    return sentence.fill(name=name, size=f"{size / _MEGABYTE:,.0f}", limit=f"{settings.UPLOAD_LIMIT / _MEGABYTE:,.0f}")
