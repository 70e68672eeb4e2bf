"""What `kezhi.toml` may say of actions and of the weekly report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Uplift(BaseModel):
    """How long after an action its effect is looked for, and from how many customers on anything is claimed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Annotated[float, Field(gt=0, le=36, description="periods after an action / 行动后观察多少期")] = 3
    least_customers: Annotated[
        int, Field(ge=2, description="customers in either group for a claim / 每组至少多少位客户才下结论")
    ] = 30
    least_buyers: Annotated[
        int, Field(ge=1, description="buyers in both groups for a claim / 两组至少共有多少位购买者才下结论")
    ] = 10


class Weekly(BaseModel):
    """What the report of contacts, deals and new customers counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Annotated[Literal["week", "month"], Field(description="length of a line / 按周或按月")] = "week"
    fields: Annotated[
        tuple[str, ...], Field(description="columns counted beside, such as room_type / 另外统计的列")
    ] = ()
