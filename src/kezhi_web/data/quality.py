"""How good the data is: what the orders hold, how full the other tables are, and what is missing for which page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from kezhi.engine import Engine, open_engine
from kezhi.intake import BOOK_TABLES, current_rows
from kezhi.language import Text
from kezhi.sources import TABLES
from kezhi.workspace import Workspace, write_json
from kezhi_web.data import beside

if TYPE_CHECKING:
    import ibis.expr.types as ir

QUANTILES = {"p01": 0.01, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p99": 0.99}
OUTLIER = 10  # quartile ranges above the upper quartile


def result_of(place: Workspace) -> Path:
    """Where the measured quality of this state of the book lies, or will."""
    notes = [place.folder / "book" / table / "imports.json" for table in BOOK_TABLES]
    facts = [[path.parent.name, path.stat().st_mtime_ns] for path in notes if path.exists()]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    return Path(settings.OWN) / "quality" / f"{key}.json"


def quality(place: Workspace) -> tuple[dict[str, Any] | None, bool]:
    """What was measured, or None while it is being measured; and whether that failed."""
    path = result_of(place)
    failed = not path.exists() and beside.begin("quality", path.name, "quality")
    return (json.loads(path.read_text(encoding="utf-8")) if path.exists() else None), failed


def write(place: Workspace) -> None:
    """Measure, and keep only the newest."""
    path = result_of(place)
    with open_engine(memory_limit=place.settings().memory_limit, threads=place.settings().threads) as engine:
        found = measured(engine, place)
    write_json(path, found)
    for old in path.parent.glob("*.json"):
        if old != path:
            old.unlink(missing_ok=True)


def measured(engine: Engine, place: Workspace) -> dict[str, Any]:
    """orders: see `_orders`. tables: of each its rows, and the share of filled cells by field."""
    tables = {name: current_rows(engine, place, name) for name in BOOK_TABLES if place.book_files(name)}
    return {
        "orders": _orders(engine, tables["orders"]) if "orders" in tables else None,
        "tables": {name: _filled(engine, name, rows) for name, rows in tables.items()},
    }


def _filled(engine: Engine, name: str, rows: ir.Table) -> dict[str, Any]:
    fields = [field.name for field in TABLES[name].fields if field.name in rows.columns]
    counts = engine.row(rows.aggregate(all=rows.count(), **{field: rows[field].count() for field in fields}))
    whole = counts.pop("all")
    return {"rows": whole, "fields": {field: counts[field] / whole if whole else 0.0 for field in fields}}


def _orders(engine: Engine, rows: ir.Table) -> dict[str, Any]:
    """Counts, days, amounts of a line, returns, and how often customers buy."""
    amount: Any = rows.amount.cast("float64")
    sold: Any = rows.amount > 0
    found = engine.row(
        rows.aggregate(
            lines=rows.count(),
            customers=rows.customer_id.nunique(),
            orders=rows.order_id.nunique() if "order_id" in rows.columns else rows.count(where=sold),
            first=rows.date.min(),
            last=rows.date.max(),
            days=rows.date.nunique(),
            amount=amount.sum(),
            sales=sold.sum(),
            returns=(rows.amount < 0).sum(),
            returned=amount.sum(where=rows.amount < 0),
            zero=(rows.amount == 0).sum(),
            mean=amount.mean(where=sold),
            largest=amount.max(where=sold),
            **{name: amount.quantile(share, where=sold) for name, share in QUANTILES.items()},
        )
    )
    if found["p75"] is not None:
        edge = found["p75"] + OUTLIER * (found["p75"] - found["p25"])
        found |= {"outlier_above": edge} | engine.row(
            rows.aggregate(outliers=(amount > edge).sum(), outliers_worth=amount.sum(where=amount > edge))
        )
    return found | _repeats(engine, rows)


def _repeats(engine: Engine, rows: ir.Table) -> dict[str, Any]:
    """Customers by the number of days on which they bought."""
    days = rows.filter(rows.amount > 0).group_by("customer_id").aggregate(days=rows.date.nunique())
    return engine.row(
        days.aggregate(
            buyers=days.count(),
            once=(days.days == 1).sum(),
            thrice=(days.days >= 3).sum(),
            buying_days=days.days.mean(),
        )
    )


# --- what is missing for which page


@dataclass(frozen=True)
class Gap:
    """Something that the data lacks: what one would see with it, and the table to upload (None: more of the orders)."""

    table: str | None
    see: Text
    do: Text


_ORDER_COLUMNS = {
    "order_id": Gap(
        "orders",
        Text(
            "Returns matched with their sale; corrected exports that replace earlier ones",
            "退货对应到原销售；更正后的导出可替换此前的数据",
        ),
        Text("Export the orders with the order number.", "导出订单时请带上订单编号。"),
    ),
    "product_id": Gap(
        "orders",
        Text("What customers may need next, and worth by kind of line", "客户接下来可能的需求，以及按商品类型的价值"),
        Text("Export the orders with the product on each line.", "导出订单时请带上每行的商品编号。"),
    ),
}
_CUSTOMER_COLUMNS = {
    "owner": Gap(
        "customers",
        Text("Salespeople with the role Sales see their own customers", "销售角色只看自己负责的客户"),
        Text("Upload customers with the colleague in charge (owner).", "上传客户表并带上负责人一列。"),
    ),
    "name": Gap(
        "customers",
        Text("Names beside the customer numbers", "客户编号旁显示名称"),
        Text("Upload customers with their names.", "上传带名称的客户表。"),
    ),
    "referrer_id": Gap(
        "customers",
        Text("What referred customers bring", "推荐客户带来的价值"),
        Text(
            "Upload customers with who recommended them, or record it on the customer's page.",
            "上传带推荐人的客户表，或在客户页面登记。",
        ),
    ),
    "consent": Gap(
        "customers",
        Text("Lists that leave out who does not want to be contacted", "名单自动排除不愿接受联系的客户"),
        Text("Upload customers with their consent.", "上传带“同意营销”一列的客户表。"),
    ),
}
_TABLES = {
    "expenses": Gap(
        "expenses",
        Text(
            "Value after relationship expense, and what winning customers costs",
            "扣除关系营销费用后的价值，以及获客成本",
        ),
        Text(
            "Upload expenses: day, amount, and the customer where it is known.",
            "上传费用表：日期、金额，能对应到客户的请填客户编号。",
        ),
    ),
    "contacts": Gap(
        "contacts",
        Text("Alerts for customers nobody has called, and the weekly report", "长期未联系的预警，以及周报"),
        Text("Upload contacts, or record calls on the customer's page.", "上传联系记录，或在客户页面登记。"),
    ),
    "opportunities": Gap(
        "opportunities",
        Text("Points for open deals, and how many deals are won", "未结商机的积分与成交率"),
        Text("Upload sales opportunities, or record them.", "上传销售机会，或在客户页面登记。"),
    ),
    "surveys": Gap(
        "surveys",
        Text("Satisfaction, and what customers get for their money", "满意度与顾客让渡价值"),
        Text("Upload survey answers, or record them.", "上传问卷回答，或在客户页面登记。"),
    ),
    "suggestions": Gap(
        "suggestions",
        Text("Points for suggestions", "客户建议的积分"),
        Text("Upload suggestions, or record them.", "上传客户建议，或在客户页面登记。"),
    ),
    "receivables": Gap(
        "receivables",
        Text("Who pays late, and what is at risk", "谁付款拖延，有多少账款有风险"),
        Text("Upload receivables.", "上传应收账款。"),
    ),
    "actions": Gap(
        "actions",
        Text("What campaigns brought, against a control group", "营销行动带来了什么（与对照组比较）"),
        Text("Upload actions with the group of each customer.", "上传营销行动及每位客户的组别。"),
    ),
}
_COST = Gap(
    "products",
    Text("Gross profit instead of sales: what customers are really worth", "用毛利代替销售额：客户真正的价值"),
    Text(
        "Upload products with their unit cost, orders with the cost of each line, or the company's margins.",
        "上传带单件成本的产品表、带成本的订单，或企业毛利率。",
    ),
)
_SHORT = Gap(
    None,
    Text("Seasons in the forecast", "预测中的季节性"),
    Text(
        "Upload older orders as well: the data covers {days} days, and a season shows from two years on.",
        "请补充更早的订单：现有数据覆盖 {days} 天，两年以上才能看出季节性。",
    ),
)
_OLD = Gap(
    None,
    Text("Figures of today", "最新的数字"),
    Text("Upload newer orders: the newest is of {last}.", "请上传更新的订单：最近一笔为 {last}。"),
)
_RARE = Gap(
    None,
    Text("A forecast for each customer", "每位客户的预测"),
    Text(
        "Nobody has bought on three days or more, so nothing shows how customers return. Upload a longer history.",
        "没有客户在三天或以上购买过，看不出回购规律。请上传更长时间的订单。",
    ),
)
FRESH = timedelta(days=62)
TWO_YEARS = timedelta(days=730)


def gaps(found: Mapping[str, Any], today: date) -> Iterator[Gap]:
    """What is missing, the most important first."""
    orders, tables = found["orders"], found["tables"]
    if not orders:
        return
    first, last = date.fromisoformat(str(orders["first"])[:10]), date.fromisoformat(str(orders["last"])[:10])
    if not orders["thrice"]:
        yield _RARE
    if today - last > FRESH:
        yield Gap(None, _OLD.see, _OLD.do.fill(last=last))
    if last - first < TWO_YEARS:
        yield Gap(None, _SHORT.see, _SHORT.do.fill(days=(last - first).days + 1))
    if not any(_share(tables, *one) for one in (("orders", "cost"), ("products", "unit_cost"), ("margins", "margin"))):
        yield _COST
    for name, table, needed in ((name, table, gap) for table, few in _BY_TABLE.items() for name, gap in few.items()):
        if not _share(tables, table, name):
            yield needed
    for table, gap in _TABLES.items():
        if table not in tables:
            yield gap


_BY_TABLE = {"orders": _ORDER_COLUMNS, "customers": _CUSTOMER_COLUMNS}


def _share(tables: Mapping[str, Any], table: str, field: str) -> float:
    return float(tables.get(table, {}).get("fields", {}).get(field, 0.0))
