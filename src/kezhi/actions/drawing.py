"""Who is to be left out of an action on purpose, drawn by lot before it begins."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from kezhi.engine import open_engine
from kezhi.language import KezhiError, Text
from kezhi.sources import read_table

if TYPE_CHECKING:
    import pyarrow as pa

SHARES = Text(
    "The share of the control group must lie between 0 and 1, not {share}.",
    "对照组比例须在 0 与 1 之间，而不是 {share}。",
)
TOO_FEW = Text("It takes two different customers to draw a control group.", "至少要有两位不同的客户才能抽出对照组。")
NAMELESS = Text("Name the action, so that its effect can be found.", "请给出行动名称，以便之后衡量效果。")


def draw_control(
    customers: object, *, action: str, on: date | str, share: float = 0.2, seed: str | int = ""
) -> pa.Table:
    """Divide customers by lot into those who are to be given an action and a control group; an Arrow table.

    customer_id, date (`on`), action, arm (treated or control), sorted by customer: the rows of the book's table of
    actions, to be imported once the action was carried out so. `customers` is a list of ids, or a file or frame with a
    column of them (`kezhi export` writes one). The control group is `share` of them, to the nearest customer and at
    least one; never all. The lot is the order of a hash of the action's name, the seed and the id: the same call draws
    the same customers, another action or seed others. Raises KezhiError.
    """
    import ibis
    import pyarrow as pa

    if not 0 < share < 1:
        raise KezhiError(SHARES.fill(share=share))
    if not action.strip():
        raise KezhiError(NAMELESS)
    day = date.fromisoformat(on) if isinstance(on, str) else on
    given = pa.table({"customer_id": [*map(str, customers)]}) if isinstance(customers, list | tuple) else customers
    with open_engine() as engine:
        people = read_table(engine, "customers", [given], today=datetime.now(UTC).date()).accepted
        ids = engine.store(people.select("customer_id").distinct())
        number = engine.row(ids.aggregate(number=ids.count()))["number"]
        if number < 2:
            raise KezhiError(TOO_FEW)
        left_out = min(max(round(share * number), 1), number - 1)
        lot: Any = (ibis.literal(f"{action.strip()}|{seed}|") + ids.customer_id).hexdigest("md5")
        drawn = ids.mutate(place=ibis.row_number().over(ibis.window(order_by=[lot, ids.customer_id])))
        rows = drawn.select(
            "customer_id",
            date=ibis.literal(day),
            action=ibis.literal(action.strip()),
            arm=ibis.ifelse(drawn.place < left_out, "control", "treated"),
        )
        return engine.fetch(rows.order_by("customer_id"))
