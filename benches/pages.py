"""Fill the tables of docs/performance.en.md and docs/performance.zh.md from the results of the benchmarks.

    python benches/pages.py [--check]

A table stands between `<!-- results: NAME -->` and `<!-- end -->`; what is between them is made here from
benches/results/*.json and never typed. --check writes nothing and ends with 1 if a page would change.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from kezhi.language import Language, Text
from measuring import HERE, Row, kept, table

RESULTS = HERE / "results"
PAGES: dict[Language, Path] = {
    "en": HERE.parent / "docs" / "performance.en.md",
    "zh": HERE.parent / "docs" / "performance.zh.md",
}
BLOCK = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOTHING = Text("Not measured with this version yet.", "这一版本尚未测量。")

STAGES = {
    "process": Text("start and end of the process", "进程的启动与结束"),
    "read": Text("reading and checking", "读取并检查"),
    "ledger": Text("accounts", "台账"),
    "value": Text("fit, test on the past, forecast", "拟合、历史检验与预测"),
    "worth": Text("other senses of worth", "其他价值主题"),
    "write": Text("writing", "写出"),
    "report": Text("report and workbook", "报告与工作簿"),
}
STEPS = {
    "import": Text("import", "导入库"),
    "read": Text("read", "读取"),
    "read and summarise": Text("read and summarise", "读取并汇总"),
    "summarise": Text("summarise", "汇总"),
    "fit": Text("fit", "拟合"),
    "predict": Text("predict", "预测"),
    "write": Text("write", "写出"),
}
BENCHES = {
    "whole_run": Text("whole runs", "完整运行"),
    "peers_job": Text("the peers' job", "同类软件的任务"),
    "nightly": Text("nightly runs", "每夜运行"),
    "senses": Text("senses of worth", "价值主题"),
    "start": Text("start-up", "启动"),
    "spark": Text("Spark", "Spark"),
    "web": Text("the web application's pages", "网页应用的页面"),
    "web_start": Text("start of the web application", "网页应用的启动"),
    "models": Text("the models alone", "单独的模型"),
}

Column = tuple[Text, Callable[[Row], str]]
Grid = list[list[str]]


# --- numbers as they are written


def count(number: float) -> str:
    """Thousands set apart by spaces, as everywhere in these pages."""
    return f"{number:,.0f}".replace(",", " ")


def seconds(number: float, language: Language) -> str:
    """Seconds, with as many digits as say something."""
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{digits}f} {Text('s', '秒').to(language)}"


def gib(number: float) -> str:
    """Memory."""
    return f"{number:.2f} GiB"


def times(number: float) -> str:
    """How many times."""
    return f"{number:.1f}" if number < 99.95 else count(number)


def grid(columns: Sequence[Column], rows: Sequence[Row], language: Language) -> Grid:
    """The header, then a line per row."""
    return [[head.to(language) for head, _ in columns], *([cell(row) for _, cell in columns] for row in rows)]


def markdown(lines: Grid) -> str:
    """A table as these pages write it."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], ["---"] * len(lines[0]), *lines[1:]])


# --- the tables


CUSTOMERS: Column = (Text("customers", "客户数"), lambda row: count(row["customers"]))
ORDERS: Column = (Text("orders", "订单数"), lambda row: count(row["orders"]))
MODEL: Column = (Text("model", "模型"), lambda row: f"`{row['model']}`")


def whole_runs(results: Path, *, limited: bool) -> list[Row]:
    """The rows of whole runs with or without limits that both engines share."""
    rows = kept(results / "whole_run.json")
    return [row for row in rows if limited == bool({"memory_limit", "threads"} & set(row))]


def memory_of_both(row: Row) -> str:
    """Of the whole run, and of the bare engine where it is known."""
    bare = f" ({row['bare_peak_gib']:.2f})" if row.get("bare_peak_gib") else ""
    return gib(row["run_peak_gib"]) + bare


def run_columns(language: Language) -> list[Column]:
    """What is said of a whole run."""
    return [
        CUSTOMERS,
        ORDERS,
        MODEL,
        (Text("bare", "单纯汇总"), lambda row: seconds(row["bare_seconds"], language)),
        (Text("whole run", "完整运行"), lambda row: seconds(row["run_seconds"], language)),
        (Text("ratio", "比值"), lambda row: times(row["ratio"])),
        (Text("memory (bare)", "内存（单纯汇总）"), memory_of_both),
    ]


def runs_table(rows: Sequence[Row], language: Language) -> Grid:
    """Whole runs, each engine with its own limits."""
    return grid(run_columns(language), rows, language)


def limited_table(rows: Sequence[Row], language: Language) -> Grid:
    """Whole runs with the same limits for both."""
    limit = Text("limit of both engines", "两个引擎的上限"), limits
    columns = run_columns(language)
    return grid([*columns[:3], limit, *columns[3:]], rows, language)


def limits(row: Row) -> str:
    """Memory and threads, as given."""
    threads = f"`threads = {row['threads']}`" if "threads" in row else ""
    memory = f"`memory_limit = {row['memory_limit']}`" if "memory_limit" in row else ""
    return " ".join(filter(None, [memory, threads]))


def stages_table(rows: Sequence[Row], language: Language) -> Grid:
    """Seconds of every stage of whole runs."""
    names = list(dict.fromkeys([*STAGES, *(name for row in rows for name in row["stages"])]))

    def stage(name: str) -> Column:
        told = STAGES.get(name, Text(name, name))
        return told, lambda row: seconds(row["stages"][name], language) if name in row["stages"] else ""

    return grid([CUSTOMERS, MODEL, *map(stage, names)], rows, language)


def peers_table(rows: Sequence[Row], language: Language) -> Grid:
    """The job that peers are used for."""
    failed = Text("failed", "失败")

    def figure(name: str, written: Callable[[float], str]) -> Callable[[Row], str]:
        return lambda row: written(row[name]) if name in row else ""

    def time_of(row: Row) -> str:
        return failed.to(language) if "failed" in row else seconds(row["seconds"], language)

    def steps(row: Row) -> str:
        told = row.get("steps", {}).items()
        return "; ".join(f"{STEPS[name].to(language)} {spent:.1f}" for name, spent in told)

    columns: list[Column] = [
        CUSTOMERS,
        (Text("job", "任务"), lambda row: row["job"]),
        (Text("time", "用时"), time_of),
        (Text("memory", "内存"), figure("peak_gib", gib)),
        (Text("times our library", "为本软件库的几倍"), figure("times_library", times)),
        (Text("times our whole run", "为本软件完整运行的几倍"), figure("times_run", times)),
        (Text("seconds by step", "各步秒数"), steps),
    ]
    ours_first = sorted(rows, key=lambda row: (row["customers"], not row["job"].startswith("kezhi"), row["job"]))
    return grid(columns, ours_first, language)


def nightly_table(rows: Sequence[Row], language: Language) -> Grid:
    """Full against nightly."""

    def both(name: str) -> Callable[[Row], str]:
        def written(row: Row) -> str:
            parts = " + ".join(f"{row[f'{name}_{part}_seconds']:.1f}" for part in ("import", "run"))
            return f"{seconds(row[f'{name}_seconds'], language)} ({parts})"

        return written

    columns: list[Column] = [
        CUSTOMERS,
        ORDERS,
        (Text("of them new", "其中新增"), lambda row: f"{row['share']:.2%}"),
        MODEL,
        (Text("full (import + run)", "全部重来（导入 + 运行）"), both("full")),
        (Text("nightly (import + run)", "每夜（导入 + 运行）"), both("nightly")),
        (Text("nightly / full", "每夜 ÷ 全部"), lambda row: f"{row['nightly_of_full']:.2f}"),
        (Text("memory", "内存"), lambda row: gib(row["nightly_peak_gib"])),
    ]
    return grid(columns, rows, language)


def senses_table(rows: Sequence[Row], language: Language) -> Grid:
    """Runs with the other senses of worth, and with the groups as well, against runs without."""
    data = {"orders": Text("orders alone", "只有订单"), "everything": Text("all tables", "全部数据表")}

    def columns_of(name: str) -> Callable[[Row], str]:
        return lambda row: f"{seconds(row[f'{name}_seconds'], language)} ({gib(row[f'{name}_peak_gib'])})"

    columns: list[Column] = [
        (Text("data", "数据"), lambda row: data[row["data"]].to(language)),
        CUSTOMERS,
        ORDERS,
        MODEL,
        (Text("without (memory)", "不计算（内存）"), columns_of("without")),
        (Text("senses of worth (memory)", "价值主题（内存）"), columns_of("worth")),
        (Text("and groups (memory)", "再加客户分群（内存）"), columns_of("all")),
        (Text("senses / without", "价值主题 ÷ 不计算"), lambda row: f"{row['worth_ratio']:.2f}"),
        (Text("all / senses", "全部 ÷ 价值主题"), lambda row: f"{row['groups_ratio']:.2f}"),
    ]
    return grid(columns, rows, language)


def start_table(rows: Sequence[Row], language: Language) -> Grid:
    """Start-up."""
    customers = Text(", {n} customers", "，{n} 位客户")

    def command(row: Row) -> str:
        size = customers.fill(n=count(row["customers"])).to(language) if row["customers"] else ""
        return f"`{row['command']}`{size}"

    columns: list[Column] = [
        (Text("command", "命令"), command),
        (Text("time", "用时"), lambda row: seconds(row["seconds"], language)),
        (Text("times the imports alone", "为单纯导入的几倍"), lambda row: times(row["ratio"])),
        (Text("memory", "内存"), lambda row: gib(row["peak_gib"])),
    ]
    return grid(columns, sorted(rows, key=lambda row: float(row["seconds"])), language)


def spark_table(rows: Sequence[Row], language: Language) -> Grid:
    """DuckDB and Spark."""
    columns: list[Column] = [
        CUSTOMERS,
        (Text("Spark", "Spark"), lambda row: f"`{row['master']}`"),
        (Text("time, DuckDB", "DuckDB 用时"), lambda row: seconds(row["duckdb_seconds"], language)),
        (Text("time, Spark", "Spark 用时"), lambda row: seconds(row["spark_seconds"], language)),
        (Text("ratio", "比值"), lambda row: times(row["ratio"])),
        (Text("memory, DuckDB", "DuckDB 内存"), lambda row: gib(row["duckdb_peak_gib"])),
        (Text("memory, Spark", "Spark 内存"), lambda row: gib(row["spark_peak_gib"])),
    ]
    return grid(columns, rows, language)


def milliseconds(number: float, language: Language) -> str:
    """Milliseconds, whole."""
    return f"{count(number)} {Text('ms', '毫秒').to(language)}"


def web_pages_table(rows: Sequence[Row], language: Language) -> Grid:
    """The time of every page, as one reader waits for it."""
    columns: list[Column] = [
        (Text("page", "页面"), lambda row: f"`{row['page']}`"),
        (Text("size", "大小"), lambda row: f"{row['kb']} KiB"),
        (Text("first visit", "首次访问"), lambda row: milliseconds(row["first_ms"], language)),
        (Text("median", "中位数"), lambda row: milliseconds(row["median_ms"], language)),
        (Text("slowest", "最慢"), lambda row: milliseconds(row["slowest_ms"], language)),
    ]
    return grid(columns, rows, language)


def web_readers_table(rows: Sequence[Row], language: Language) -> Grid:
    """Many readers at once while a run is at work, and the memory of the process that answers them."""
    columns: list[Column] = [
        CUSTOMERS,
        (Text("readers", "同时访问人数"), lambda row: count(row["at_once"]["readers"])),
        (Text("pages", "页面数"), lambda row: count(row["at_once"]["pages"])),
        (Text("errors", "错误"), lambda row: count(row["at_once"]["errors"])),
        (Text("median", "中位数"), lambda row: milliseconds(row["at_once"]["median_ms"], language)),
        (Text("95 % below", "95% 低于"), lambda row: milliseconds(row["at_once"]["p95_ms"], language)),
        (Text("memory, one reader", "内存（一人）"), lambda row: f"{count(row['alone_mib'])} MiB"),
        (Text("memory at most", "内存最高"), lambda row: f"{count(row['memory_mib'])} MiB"),
    ]
    return grid(columns, rows, language)


def web_start_table(rows: Sequence[Row], language: Language) -> Grid:
    """From the command to the overview."""
    times_of = {
        "first": Text("first, with installation from the machine's package cache", "首次（含从本机缓存安装）"),
        "second": Text("second", "再次"),
    }
    columns: list[Column] = [
        (Text("`make demo`", "`make demo`"), lambda row: times_of[row["time"]].to(language)),
        (Text("until the overview is there", "到看见总览"), lambda row: seconds(row["seconds"], language)),
        (Text("of which the page", "其中页面"), lambda row: seconds(row["overview_seconds"], language)),
        (Text("of the processors", "处理器时间"), lambda row: seconds(row["processor_seconds"], language)),
    ]
    return grid(columns, rows, language)


def models_table(rows: Sequence[Row], language: Language) -> Grid:
    """The models alone."""
    columns: list[Column] = [
        CUSTOMERS,
        MODEL,
        (Text("distinct histories", "不同的历史"), lambda row: count(row["rows"])),
        (Text("fit", "拟合"), lambda row: seconds(row["fit_seconds"], language)),
        (Text("all answers", "全部预测"), lambda row: seconds(sum(row["answer_seconds"].values()), language)),
    ]
    return grid(columns, rows, language)


def machines(results: Path) -> list[Row]:
    """Every day, machine and versions that something was measured with, and what."""
    found: dict[str, tuple[Row, set[str]]] = {}
    for name in BENCHES:
        for row in kept(results / f"{name}.json"):
            machine = {key: value for key, value in row["machine"].items() if key != "load_before"}
            known = {"date": row["date"], "machine": machine, "versions": row["versions"]}
            found.setdefault(json.dumps(known, sort_keys=True), (known, set()))[1].add(name)
    return [known | {"benches": [name for name in BENCHES if name in names]} for known, names in found.values()]


def machines_table(rows: Sequence[Row], language: Language) -> Grid:
    """When, on which machine and with which versions each table was measured."""
    unknown = Text("not noted", "未记录").to(language)

    def machine(row: Row) -> str:
        told = row["machine"]
        size = Text("{n} processors ({kind}), {gib} GiB", "{n} 个处理器（{kind}），{gib} GiB 内存")
        values = {"n": told["processors"], "kind": told.get("processor", unknown), "gib": told["memory_gib"]}
        return size.fill(**values).to(language)

    def versions(row: Row) -> str:
        numbers = {"Python": row["machine"]["python"]} | row["versions"]
        return Text(", ", "、").to(language).join(f"{name} {number}" for name, number in numbers.items())

    def measured(row: Row) -> str:
        return Text(", ", "、").to(language).join(BENCHES[name].to(language) for name in row["benches"])

    columns: list[Column] = [
        (Text("day", "日期"), lambda row: row["date"]),
        (Text("measured", "测量内容"), measured),
        (Text("machine", "机器"), machine),
        (Text("versions", "版本"), versions),
    ]
    return grid(columns, rows, language)


Source = Callable[[Path], list[Row]]
TABLES: dict[str, tuple[Source, Callable[[Sequence[Row], Language], Grid]]] = {
    "whole_runs": (lambda results: whole_runs(results, limited=False), runs_table),
    "stages": (lambda results: [row for row in kept(results / "whole_run.json") if row.get("stages")], stages_table),
    "limited_runs": (lambda results: whole_runs(results, limited=True), limited_table),
    "peers_job": (lambda results: kept(results / "peers_job.json"), peers_table),
    "nightly": (lambda results: kept(results / "nightly.json"), nightly_table),
    "senses": (lambda results: kept(results / "senses.json"), senses_table),
    "start": (lambda results: kept(results / "start.json"), start_table),
    "spark": (lambda results: kept(results / "spark.json"), spark_table),
    "web_pages": (
        lambda results: [page for row in kept(results / "web.json") for page in row["pages"]],
        web_pages_table,
    ),
    "web_readers": (lambda results: kept(results / "web.json"), web_readers_table),
    "web_start": (lambda results: kept(results / "web_start.json"), web_start_table),
    "models": (lambda results: [row for row in kept(results / "models.json") if "peer" not in row], models_table),
    "machines": (machines, machines_table),
}


def block(name: str, language: Language, results: Path) -> str:
    """One table, or the sentence that nothing has been measured."""
    source, made = TABLES[name]
    rows = source(results)
    return markdown(made(rows, language)) if rows else NOTHING.to(language)


def filled(text: str, language: Language, results: Path = RESULTS) -> str:
    """A page with every table made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{block(found[2], language, results)}\n\n{found[3]}", text)


def printed(*tables: Grid) -> str:
    """Tables for the terminal, columns of equal width."""
    return "\n" + "\n\n".join(table(lines[0], lines[1:]) for lines in tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a page would change")
    given = parser.parse_args()
    stale = []
    for language, path in PAGES.items():
        text = path.read_text(encoding="utf-8")
        wanted = filled(text, language)
        if wanted != text:
            stale.append(path.name)
            if not given.check:
                path.write_text(wanted, encoding="utf-8")
    print(*stale or ["nothing to change"])
    raise SystemExit(1 if given.check and stale else 0)


if __name__ == "__main__":
    main()
