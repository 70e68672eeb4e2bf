"""What `kezhi.toml` may say of alerts: which causes count, from where on, and how many calls a week there are."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kezhi.language import KezhiError, Text
from kezhi.settings.tiers import Tier

Cause = Literal[
    "maybe_gone",
    "order_overdue",
    "value_falling",
    "tier_lost",
    "losing_money",
    "near_loss",
    "no_contact",
    "jump_down",
    "jump_up",
    "review_due",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)

Share = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=3650)]
NO_DOUBT = Text(
    "The setting 'alerts.lost' ({lost}) must be below 'alerts.doubtful' ({doubtful}): between them one may be gone.",
    "设置项 'alerts.lost'（{lost}）须小于 'alerts.doubtful'（{doubtful}）：两者之间的客户才算可能已流失。",
)


class Alerts(BaseModel):
    """Whom to call today, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    causes: Annotated[tuple[Cause, ...], Field(description="causes that count; default all / 启用的预警原因")] = CAUSES
    least_value: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="at stake, in average forecasts / 涉及价值至少为平均预测的几倍"),
    ] = 1.0
    calls: Annotated[int, Field(ge=1, le=100_000, description="calls a week / 每周可联系的客户数")] = 20
    doubtful: Annotated[Share, Field(description="P(alive) below it is doubtful / 活跃概率低于此值即预警")] = 0.5
    lost: Annotated[float, Field(ge=0, lt=1, description="P(alive) below it is lost / 活跃概率低于此值视为已流失")] = (
        0.1
    )
    overdue: Annotated[Share, Field(description="how sure that an order is overdue / 判定逾期的把握")] = 0.99
    least_purchases: Annotated[int, Field(ge=2, description="purchases that show a rhythm / 至少几次购买才有规律")] = 4
    fall: Annotated[float, Field(gt=0, le=1, description="least share of a fall / 每次下降的最小比例")] = 0.15
    falls: Annotated[int, Field(ge=1, le=12, description="falls in a row / 连续下降次数")] = 2
    fall_periods: Annotated[
        int | None, Field(ge=1, le=12, description="periods of a stretch; default a quarter / 每段包含几期")
    ] = None
    noise: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="a fall in own noise, at least / 下降至少为自身波动的几倍")
    ] = 2.0
    jump: Annotated[
        float, Field(gt=0, allow_inf_nan=False, description="quartile ranges beyond the quartiles / 异常界限")
    ] = 3.0
    contact_days: Annotated[Days, Field(description="days without contact / 多少天没有联系")] = 90
    contact_tiers: Annotated[tuple[Tier, ...], Field(description="tiers to keep in touch with / 须保持联系的层级")] = (
        "vip",
    )
    review_days: Annotated[Days, Field(description="days until the next review / 多少天须复核一次")] = 365
    review_tiers: Annotated[tuple[Tier, ...], Field(description="tiers that need a review / 必须复核的层级")] = (
        "vip",
        "large",
    )
    keep_days: Annotated[Days, Field(description="most days a fall stays open / 下降类预警最多保留天数")] = 90
    due_days: Annotated[dict[Cause, Days], Field(description="days for the task, by cause / 各原因的处理期限")] = {}

    @model_validator(mode="after")
    def _leaves_room_for_doubt(self) -> Alerts:
        if self.lost >= self.doubtful:
            raise KezhiError(NO_DOUBT.fill(lost=self.lost, doubtful=self.doubtful))
        return self
