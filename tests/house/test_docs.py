"""The documentation is a contract: what a user may type or read is named in it, in both languages."""

from __future__ import annotations

import ast
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer.main

from house.pages import DOCS, LANGUAGES, ROOT, everything, names, page, rows, sections
from kezhi.analysis import WARNINGS, analyse, backtest
from kezhi.cli import app
from kezhi.models import MODELS
from kezhi.reports.flags import FLAGS
from kezhi.settings import Settings
from kezhi.sources import CHECKS, TABLES

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FILES = ("customers", "periods", "forecast", "current_period", "quarantine")
# columns that a run has only where the book holds more than orders; test_worth_pages sees them
SOMETIMES = {
    "customers": {
        "points",
        "referrals",
        "referred_value",
        "wide_value",
        "r_model",
        "f_model",
        "m_model",
        "rfm_segment_model",
        "need_type",
        "age_band",
        "value_layer",
        "cluster",
    }
}

in_both = pytest.mark.parametrize("language", LANGUAGES)


def options(command: str) -> set[str]:
    """Every option of a command as it is typed, without --help."""
    return {
        option
        for parameter in COMMANDS[command].params
        if parameter.param_type_name == "option"
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option != "--help"
    }


@pytest.fixture(scope="module")
def orders() -> pa.Table:
    """A tiny order log, with a row that is rejected."""
    begin = date(2024, 1, 5)
    days = [(f"C{customer}", begin + timedelta(days=7 * customer + 31 * visit)) for customer in range(12)
            for visit in range(3 + customer % 9)]  # fmt: skip
    return pa.table(
        {
            "customer_id": [customer for customer, _ in days] + [None],
            "date": [day for _, day in days] + [begin],
            "amount": [20.0 + number % 7 for number, _ in enumerate(days)] + [9.0],
            "cost": [11.0] * len(days) + [4.0],
        }
    )


@pytest.fixture(scope="module")
def run(orders: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has every file a run may have: a rejected row, and a last month cut short."""
    folder = tmp_path_factory.mktemp("documented") / "run"
    return analyse(orders, out=folder, model="transition", as_of=date(2024, 10, 10)).folder


@pytest.fixture(scope="module")
def tested(orders: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a backtest."""
    folder = tmp_path_factory.mktemp("documented") / "backtest"
    backtest(orders, split=date(2024, 7, 31), out=folder, model="auto")
    return folder


def below(text: str, parent: str) -> set[str]:
    """The keys in a section's tables that are written `parent.key`."""
    return {name.removeprefix(f"{parent}.") for name in rows(text) if name.startswith(f"{parent}.")}


def columns(run: Path, name: str) -> set[str]:
    """The columns of one of the run's files."""
    path = run / ("quarantine/orders.parquet" if name == "quarantine" else f"{name}.parquet")
    return set(pq.read_schema(path).names)


# --- commands and settings


@in_both
def test_every_command_has_a_section_and_every_section_a_command(language: str) -> None:
    assert set(sections(page("commands", language))) == {f"kezhi {name}" for name in COMMANDS}


@in_both
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_its_command_s_table_and_no_other(command: str, language: str) -> None:
    section = sections(page("commands", language))[f"kezhi {command}"]
    assert {name for name in rows(section) if name.startswith("--")} == options(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_text_is_in_both_languages(command: str) -> None:
    helps = [COMMANDS[command].help, *(getattr(one, "help", None) for one in COMMANDS[command].params)]
    for text in helps:
        english, slash, chinese = (text or "").partition(" / ")
        assert slash, f"kezhi {command}: help {text!r} is not of the form English / Chinese"
        assert english.isascii()
        assert any("一" <= letter <= "鿿" for letter in chinese)


@in_both
def test_every_setting_is_in_the_table_and_no_other(language: str) -> None:
    assert rows(page("settings", language)) == set(Settings.model_fields)


@in_both
def test_the_example_settings_file_can_be_read(language: str, tmp_path: Path) -> None:
    import tomllib

    from kezhi.settings import read_settings

    text = page("settings", language)
    example = text.split("```toml\n", 1)[1].split("```", 1)[0]
    read = read_settings(tomllib.loads(example))
    assert read.period == "month"
    assert read.columns


# --- what comes in


@in_both
@pytest.mark.parametrize("code", CHECKS)
def test_every_check_is_named(code: str, language: str) -> None:
    assert code in names(everything(language))


@in_both
@pytest.mark.parametrize("table", TABLES)
def test_every_table_of_the_book_is_named_with_its_fields(table: str, language: str) -> None:
    known = names(everything(language))
    assert table in known
    assert {field.name for field in TABLES[table].fields} <= known


@in_both
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_named(model: str, language: str) -> None:
    assert model in names(everything(language))


# --- what comes out


@in_both
@pytest.mark.parametrize("name", FILES)
def test_every_column_of_a_file_is_in_its_table_and_no_other(run: Path, name: str, language: str) -> None:
    part = sections(page("run-folder", language))
    text = part["forecast.parquet"] if name == "current_period" else part[
        "quarantine/" if name == "quarantine" else f"{name}.parquet"
    ]  # fmt: skip
    assert rows(text) - SOMETIMES.get(name, set()) == columns(run, name) - SOMETIMES.get(name, set())


@in_both
@pytest.mark.parametrize("name", ["manifest.json", "models.json"])
def test_every_key_of_a_json_file_is_in_its_table_and_no_other(run: Path, name: str, language: str) -> None:
    keys = set(json.loads((run / name).read_text(encoding="utf-8")))
    top = {key for key in rows(sections(page("run-folder", language))[name]) if "." not in key}
    assert top == keys


@in_both
@pytest.mark.parametrize("parent", ["learned", "season", "backtest"])
def test_every_key_within_models_json_is_in_its_table(run: Path, parent: str, language: str) -> None:
    keys = set(json.loads((run / "models.json").read_text(encoding="utf-8"))[parent])
    named = below(sections(page("run-folder", language))["models.json"], parent)
    assert keys <= named
    # with fewer lessons less is learned, so that there may be more in the table than in a small run
    assert parent == "learned" or named <= keys


@in_both
def test_every_score_of_a_run_s_test_is_named(run: Path, language: str) -> None:
    found = json.loads((run / "models.json").read_text(encoding="utf-8"))["backtest"]
    known = names(sections(page("run-folder", language))["models.json"])
    for row in (*found["methods"], *found["origins"]):
        assert set(row) - {"until", "split"} <= known
    assert {row["method"] for row in found["methods"]} <= names(page("method", language))


@in_both
def test_every_column_of_a_backtest_is_in_its_table_and_no_other(tested: Path, language: str) -> None:
    text = sections(page("run-folder", language))["predictions.parquet"]
    predictions = pq.read_table(tested / "predictions.parquet")
    assert rows(text) == set(predictions.column_names)
    assert set(predictions["model"].to_pylist()) - set(MODELS) <= names(text)


@in_both
def test_every_key_of_a_backtest_s_scores_is_in_its_table_and_no_other(tested: Path, language: str) -> None:
    text = sections(page("run-folder", language))["scores.json"]
    scores = json.loads((tested / "scores.json").read_text(encoding="utf-8"))
    assert {key for key in rows(text) if "." not in key} == set(scores)
    assert below(text, "models") == set(scores["models"]["auto"])
    assert below(text, "auto") == set(scores["auto"])
    assert below(text, "tracking") == set(scores["tracking"])
    tables = [table for table in scores["models"]["auto"].values() if isinstance(table, dict)]
    assert {column for table in tables for column in table} <= names(text)


@in_both
def test_every_file_of_a_run_has_a_section(run: Path, language: str) -> None:
    made = {f"{path.name}/" if path.is_dir() else path.name for path in run.iterdir()}
    assert made <= set(sections(page("run-folder", language)))


@in_both
@pytest.mark.parametrize("code", FLAGS)
def test_every_flag_is_named(code: str, language: str) -> None:
    assert code in names(everything(language))


@in_both
@pytest.mark.parametrize("code", WARNINGS)
def test_every_warning_of_a_run_is_named(code: str, language: str) -> None:
    assert code in names(everything(language))


# --- examples


def examples(language: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page("python", language), flags=re.DOTALL | re.MULTILINE)


def test_the_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = date(2024, 9, 2)
    lines = [
        f"C{customer % 40},{begin + timedelta(days=11 * customer % 390)},{10 + customer % 13}.50"
        for customer in range(240)
    ]
    (tmp_path / "orders.csv").write_text("\n".join(["customer_id,date,amount", *lines]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    values: dict[str, Any] = {}
    for block in examples("en"):
        exec(compile(block, "python.en.md", "exec"), values)
    assert values["fit"].customers == 40
    assert values["run"].customers.num_rows == 40


class WithoutWords(ast.NodeTransformer):
    """Texts, and the language in which a program's words are asked for, do not matter."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Attribute(node.value, "language") if node.attr in LANGUAGES else node


def test_both_languages_have_the_same_python_examples() -> None:
    english, chinese = (
        [ast.dump(WithoutWords().visit(ast.parse(block))) for block in examples(language)] for language in LANGUAGES
    )
    assert len(english) >= 5
    assert english == chinese


# --- the pages themselves


def test_every_page_is_in_both_languages() -> None:
    found = {tuple(path.name.rsplit(".", 2)[:2]) for path in DOCS.glob("*.*.md")}
    pages = {name for name, _ in found}
    assert found == {(name, language) for name in pages for language in LANGUAGES}


@in_both
def test_the_pages_of_one_language_stay_in_it(language: str) -> None:
    other = "zh" if language == "en" else "en"
    for path in DOCS.glob(f"*.{language}.md"):
        linked = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
        assert not [target for target in linked if target.endswith(f".{other}.md")], path.name


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_what_the_readme_links_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
