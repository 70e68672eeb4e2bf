"""Every command as a user runs it: exit codes, sentences, nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kezhi.cli import main
from kezhi.workspace import DEMO_MARK, make_demo_folder
from logs import order_log

HEADER = "customer_id,date,amount\n"
QUICK = 'model = "nbd"\nsenses = []\n'  # kezhi.toml of tests that look at the book, or at what is said of a run


def run(*arguments: object) -> int:
    """The exit code of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    rows = order_log(30, cost=False).to_pylist()
    lines = [f"{r['customer_id']},{r['date']},{r['amount']},{r['order_id']}" for r in rows]
    path.write_text("customer_id,date,amount,order_id\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_run_prints_the_account_the_value_table_and_the_report(
    orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", orders, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    for part in ("customer_id ← customer_id", "accepted + quarantined", "forecast in all", "report.html"):
        assert part in printed
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "manifest.json",
        "models.json",
        "customers.parquet",
        "periods.parquet",
        "forecast.parquet",
    } <= written
    assert {"report.html", "report.xlsx"} <= written


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder whose runs are quick."""
    place = tmp_path / "workspace"
    place.mkdir()
    (place / "kezhi.toml").write_text(QUICK, encoding="utf-8")
    return place


def test_run_speaks_chinese(orders: Path, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", orders, "--workspace", workspace, "--lang", "zh") == 0
    assert "预测价值最高的客户" in capsys.readouterr().out
    (report,) = workspace.glob("runs/*/report.html")
    assert 'lang="zh' in report.read_text(encoding="utf-8")


def test_json_is_one_object(orders: Path, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", orders, "--workspace", workspace, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["manifest"]["rows"]["orders"]["accepted"] > 0


def test_check_says_what_would_be_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + "a,2025-01-05,10\n,2025-01-06,20\na,2025-13-45,30\n", encoding="utf-8")
    assert run("check", path) == 1
    printed = capsys.readouterr().out
    assert "1 + 2" in printed
    assert "2025-13-45" in printed
    path.write_text(HEADER + "a,2025-01-05,10\n", encoding="utf-8")
    assert run("check", path, "--json") == 0


def test_importing_the_same_file_twice_changes_nothing(
    orders: Path, tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """D07."""
    book = workspace / "book" / "orders"
    assert run("import", "orders", orders, "--workspace", workspace) == 0
    before = {path.name: path.read_bytes() for path in book.iterdir()}
    assert run("import", "orders", orders, "--workspace", workspace) == 0
    assert {path.name: path.read_bytes() for path in book.iterdir()} == before
    assert "nothing changed" in capsys.readouterr().out
    assert run("run", "--workspace", workspace) == 0
    assert run("report", "--workspace", workspace, "--out", tmp_path / "r.xlsx", "--format", "xlsx") == 0


@pytest.mark.parametrize(
    ("first", "second", "amount"),
    [
        ("a,2025-01-05,10,1\na,2025-01-20,20,2", "a,2025-01-20,25,2\nb,2025-02-20,40,3", "75.0000"),
        ("a,2025-01-05,100,1", "a,2025-01-05,-20,1", "80.0000"),
        ("a,2025-01-05,100,1", "a,2025-03-05,-20,1", "80.0000"),
        ("a,2025-01-05,100,1", "b,2025-01-05,30,1", "130.0000"),
        ("a,2025-01-05,100,", "a,2025-01-05,30,", "130.0000"),
    ],
    ids=["corrected", "return on the same day", "return later", "same number in two shops", "no number"],
)
def test_a_later_import_replaces_what_it_repeats_and_nothing_else(
    first: str, second: str, amount: str, tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, rows in (("jan.csv", first), ("feb.csv", second), ("shop.csv", "c,2025-02-02,1,9")):
        (tmp_path / name).write_text(f"customer_id,date,amount,order_id\n{rows}\n", encoding="utf-8")
    assert run("import", "orders", tmp_path / "jan.csv", "--workspace", workspace) == 0
    assert run("import", "orders", tmp_path / "feb.csv", "--workspace", workspace) == 0
    capsys.readouterr()
    assert run("run", "--workspace", workspace, "--json") == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["totals"]["amount"] == amount


def test_a_file_without_order_numbers_leaves_the_rule_in_force(
    tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "a.csv": "customer_id,date,amount,order_id\na,2025-01-05,100,1\n",
        "b.csv": "customer_id,date,amount,order_id\na,2025-01-05,110,1\n",
        "c.csv": "customer_id,date,amount\nb,2025-01-07,5\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert run("import", "orders", tmp_path / name, "--workspace", workspace) == 0
    capsys.readouterr()
    assert run("run", "--workspace", workspace, "--json") == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["totals"]["amount"] == "115.0000"


@pytest.mark.parametrize("table", ["orders", "customers", "products", "expenses", "opportunities"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_template_can_be_imported(
    table: str, language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """D09: a template per source type ships with the product."""
    assert run("import", table, "--template", "--lang", language) == 0
    path = tmp_path / "template.csv"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert run("import", table, path, "--workspace", tmp_path) == 0


def test_models_lists_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "--json") == 0
    english = json.loads(capsys.readouterr().out)
    assert {"nbd", "gamma_gamma", "transition"} <= set(english)
    assert run("models", "--json", "--lang", "zh") == 0
    assert json.loads(capsys.readouterr().out) != english


def test_a_demo_company_is_made_and_valued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "--no-serve", "--out", tmp_path / "demo", "--customers", 60) == 0
    printed = capsys.readouterr().out
    assert "Customers with the highest forecast value" in printed
    assert "report.html" in printed
    make_demo_folder(tmp_path / "demo")  # a second demo begins with an empty folder
    assert [path.name for path in (tmp_path / "demo").iterdir()] == [DEMO_MARK]


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "empty"),
        (HEADER, "no rows"),
        (bytes(range(256)) * 40, "orders.csv"),
        ("customer_id,date\na,2025-01-05\n", "amount"),
        ("date,amount\n2025-01-05,10\n", "customer_id"),
        (HEADER + "a,03/04/2025,10\n", "day"),
        ("customer_id,date,amount,currency\na,2025-01-05,10,CNY\nb,2025-01-05,10,USD\n", "USD"),
        (HEADER + "a,nonsense,10\n", "can be used"),
        (HEADER + "a,2999-01-05,10\n", "can be used"),
        (HEADER + "a,1900-01-05,10\n", "can be used"),
        (",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join("1" * 10_000) + "\n", "columns"),
        (HEADER + 'a,2025-01-05,10\n"b,2025-01-06,10\nc,2025-01-07,10\nd,2025-01-08,10\n', "line 3"),
        ("customer_id,date,amount\n".encode("utf-16") + b"\x00\xff\xfe", "orders.csv"),
    ],
    ids=[
        "empty", "header only", "rubbish", "no amount", "no customer", "day or month", "two currencies",
        "no date", "future", "1900", "10 000 columns", "open quote", "broken encoding",
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    content: str | bytes, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "orders.csv", content)
    assert run("run", tmp_path / "orders.csv", "--out", tmp_path / "out") == 2
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("✗")]
    assert len(complaint) == 1
    assert sentence in complaint[0]
    assert "Traceback" not in complaint[0]
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_wrong_use_gets_a_sentence(tmp_path: Path, orders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", tmp_path / "no-such-file.csv", "--out", tmp_path / "out") == 2
    assert "no-such-file.csv" in capsys.readouterr().err
    assert run("run", orders) == 2
    assert "--out" in capsys.readouterr().err
    assert run("run", orders, "--out", tmp_path / "out", "--horizon", 99) == 2
    assert "horizon" in capsys.readouterr().err
    assert run("run", orders, "--out", tmp_path / "out", "--as-of", "yesterday") == 2
    assert "2025-12-31" in capsys.readouterr().err
    assert run("run", orders, "--out", tmp_path / "out", "--map", "amuont=x") == 2
    assert run("import", "nonsense", orders, "--workspace", tmp_path) == 2
    assert run("run", "--workspace", tmp_path / "nowhere") == 2
    assert run("report", "--workspace", tmp_path / "nowhere") == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("delay", [1.0, 2.5, 4.0])
def test_a_killed_run_leaves_nothing_that_looks_complete(delay: float, orders: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    code = "from kezhi.cli import main; main()"
    command = [sys.executable, "-c", code, "run", str(orders), "--workspace", str(tmp_path / "w")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    runs = tmp_path / "w" / "runs"
    for found in runs.glob("[!.]*/") if runs.exists() else []:
        assert {"manifest.json", "customers.parquet", "report.html"} <= {path.name for path in found.iterdir()}
    (tmp_path / "w" / "kezhi.toml").write_text(QUICK, encoding="utf-8")  # the killed one was no quick one
    assert run("run", orders, "--workspace", tmp_path / "w") == 0
