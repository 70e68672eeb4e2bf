"""Files before they are opened: which are meant, what they are made of, in which encoding they are."""

from __future__ import annotations

import codecs
import glob
import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kezhi.language import KezhiError, Text

NO_TABLE = Text(
    "There is no table at {path}; give a CSV, Excel or Parquet file, or a folder of them.",
    "{path} 处没有表格；请给出 CSV、Excel 或 Parquet 文件，或其所在文件夹。",
)
_BLOCK = 1 << 20
_HEAD = 1 << 18
_MAGIC = {
    b"PAR1": "parquet",
    b"PK\x03\x04": "xlsx",
    b"\xd0\xcf\x11\xe0": "xls",
    b"\x1f\x8b": "gzip",
    b"%PDF": "pdf",
}
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_FAMILIES = {".csv", ".tsv", ".txt", ".tab", ".xlsx", ".xlsm", ".xls", ".parquet", ".pq"}


@dataclass(frozen=True)
class Inspection:
    """What one pass over a file's bytes tells."""

    path: Path
    sha256: str
    bytes: int
    format: str  # "text", "parquet", "xlsx" or "xls"
    encoding: str | None = None
    lone_returns: bool = False  # some line ends in a carriage return alone, or line ends are mixed


def expand(path: str | Path) -> list[Path]:
    """The files a path, a folder or a pattern stands for, in the order of their names."""
    given = Path(path).expanduser()
    if given.is_dir():
        found = [inner for inner in sorted(given.rglob("*")) if inner.suffix.lower() in _FAMILIES and inner.is_file()]
        found = [inner for inner in found if not inner.name.startswith((".", "~$"))]
    elif given.is_file():
        found = [given]
    else:
        found = [Path(name) for name in sorted(glob.glob(str(given), recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not found:
        raise KezhiError(NO_TABLE.fill(path=path))
    return found


def is_parquet(path: str | Path) -> bool:
    """Are all files that this stands for Parquet, by their first bytes?"""
    return all(_begins(file) == b"PAR1" for file in expand(path))


def _begins(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(4)
    except OSError:
        return b""  # said later, by who opens it


def inspect(path: Path) -> Inspection:
    """Read the bytes once: fingerprint, format and encoding."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise _refuse(path, "cannot be opened ({reason})", "无法打开({reason})", reason=error.strerror) from None
    if not head.strip():
        raise _refuse(path, "is empty; export it again", "是空文件；请重新导出")
    form = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "text")
    if form in ("gzip", "pdf"):
        raise _refuse(path, "is a {form} file; give the table itself", "是 {form} 文件；请提供表格文件", form=form)
    if form != "text":
        return Inspection(path, _fingerprint(_blocks(path)), path.stat().st_size, form)
    return _inspect_text(path, head)


def _inspect_text(path: Path, head: bytes) -> Inspection:
    if head.lstrip()[:200].lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise _refuse(
            path,
            "is a web page under another name; open it in Excel and save it as .xlsx",
            "实际是网页文件；请用 Excel 打开并另存为 .xlsx",
        )
    marked = next((name for bom, name in _BOMS.items() if head.startswith(bom)), None)
    probe = _Probe(marked or "utf-8")
    sha256 = _fingerprint(probe.watch(_blocks(path)))
    encoding = probe.encoding if probe.decodes else _guess_encoding(path, head, binary=probe.binary)
    if probe.binary and encoding != "utf-16":
        raise _refuse_unreadable(path)
    lone = marked != "utf-16" and probe.line_ends_differ
    return Inspection(path, sha256, path.stat().st_size, "text", encoding, lone)


class _Probe:
    """Watches a file go by: does it decode, has it binary bytes, how do its lines end?"""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.decodes = True
        self.binary = False
        self._returns = self._pairs = self._feeds = 0
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def watch(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the blocks on unchanged."""
        last = b""
        for block in blocks:
            self._look(block, final=False)
            self._pairs += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            last = block[-1:]
            yield block
        self._look(b"", final=True)

    def _look(self, block: bytes, *, final: bool) -> None:
        self.binary = self.binary or b"\x00" in block
        self._returns += block.count(b"\r")
        self._feeds += block.count(b"\n")
        if self.decodes:
            try:
                self._decoder.decode(block, final)
            except UnicodeDecodeError:
                self.decodes = False

    @property
    def line_ends_differ(self) -> bool:
        """Lone carriage returns, or two kinds of line end in one file."""
        return self._returns > self._pairs or 0 < self._pairs < self._feeds


def _guess_encoding(path: Path, head: bytes, *, binary: bool) -> str:
    """GB18030 if the text then reads as common Chinese, else what charset-normalizer finds."""
    if not binary:
        text = head.decode("gb18030", errors="ignore")
        foreign = [letter for letter in text if ord(letter) > 127 and unicodedata.category(letter)[0] not in "SPZ"]
        common = sum(_is_common_chinese(letter) for letter in foreign)
        if common >= 0.8 * len(foreign) and _decodes(path, "gb18030"):
            return "gb18030"
        found = _ask_normalizer(head)
        if found and _decodes(path, found):
            return found
    raise _refuse_unreadable(path)


def _ask_normalizer(head: bytes) -> str | None:
    from charset_normalizer import from_bytes

    codes = ["cp1252", "cp1250", "cp1251", "big5", "shift_jis", "euc_kr"]
    found = list(from_bytes(head.rpartition(b"\n")[0] or head, cp_isolation=codes, threshold=0.2))
    ranked = sorted(found, key=lambda match: (round(match.chaos, 2), -match.coherence, codes.index(match.encoding)))
    return ranked[0].encoding if ranked else None


def _is_common_chinese(letter: str) -> bool:
    try:
        return len(letter.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _fingerprint(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def as_utf8(inspection: Inspection, scratch: Path) -> Path:
    """The file itself, or a copy of it in UTF-8 with one kind of line end where the engine needs that."""
    if inspection.encoding in ("utf-8", "utf-8-sig") and not inspection.lone_returns:
        return inspection.path
    target = scratch / f"{inspection.sha256}.csv"
    assert inspection.encoding
    with (
        inspection.path.open(encoding=inspection.encoding, newline=None) as source,
        target.open("w", encoding="utf-8", newline="\n") as copy,
    ):
        while block := source.read(_BLOCK):
            copy.write(block)
    return target


def head_lines(path: Path) -> list[str]:
    """The first lines of a UTF-8 file, whole ones only."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        text = stream.read(_HEAD)
        more = bool(stream.read(1))
    lines = text.splitlines(keepends=True)
    return lines[:-1] if more and len(lines) > 1 else lines


def _refuse(path: Path, en: str, zh: str, **values: object) -> KezhiError:
    return KezhiError(Text("{name} " + en + ".", "{name} " + zh + "。").fill(name=path.name, **values))


def _refuse_unreadable(path: Path) -> KezhiError:
    return _refuse(
        path,
        "is neither Excel nor Parquet nor text in a known encoding; save it as CSV in UTF-8",
        "既不是 Excel 或 Parquet,也不是已知编码的文本；请另存为 UTF-8 编码的 CSV",
    )
