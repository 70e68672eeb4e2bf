"""The sixty products of the tea house, their versions and what goes with what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from kezhi.demo.plan import LAST_DAY
from kezhi.demo.season import Bools, Floats, Ints, Window, as_floats, as_ints

CATEGORIES = ("tea", "teaware", "appliance", "accessory", "gift", "snack")

# Chinese name | English name | category | price in yuan | cost share | life in days | family | version |
# launched and retired, in months before the last day
_SHELF = """
西湖龙井 100克|West Lake green 100 g|tea|168|.42|60|||
碧螺春 100克|Spiral spring green 100 g|tea|138|.41|60|||
黄山毛峰 100克|Yellow mountain green 100 g|tea|98|.40|60|||
安吉白茶 100克|Anji light green 100 g|tea|158|.43|60|||
炒青袋泡茶 20包|Roasted green 20 bags|tea|29|.38|30|||
正山小种 100克|Smoky black 100 g|tea|118|.40|60|||
金骏眉 50克|Golden brow black 50 g|tea|228|.44|45|||
祁门红茶 100克|Qimen black 100 g|tea|88|.39|60|||
早餐红茶 20包|Breakfast black 20 bags|tea|26|.36|30|||
铁观音 250克|Iron goddess oolong 250 g|tea|128|.41|90|||
大红袍 125克|Red robe oolong 125 g|tea|188|.43|75|||
凤凰单丛 100克|Phoenix oolong 100 g|tea|148|.42|60|||
冷泡乌龙 15包|Cold-brew oolong 15 bags|tea|32|.37|30|||20|
白毫银针 50克|Silver needle white 50 g|tea|198|.44|60|||
白牡丹饼 350克|White peony cake 350 g|tea|268|.42|180|||
寿眉饼 350克|Longevity white cake 350 g|tea|128|.38|180|||
普洱熟饼 357克|Ripe pu-erh cake 357 g|tea|158|.36|200|||
普洱生饼 357克|Raw pu-erh cake 357 g|tea|238|.39|200|||
小青柑 12粒|Tangerine pu-erh 12 pcs|tea|68|.37|30|||
茉莉花茶 150克|Jasmine 150 g|tea|58|.36|60|||
玫瑰花茶 80克|Rose buds 80 g|tea|39|.35|45|||
菊花枸杞茶 15包|Chrysanthemum goji 15 bags|tea|28|.35|30|||
桂花红茶 100克|Osmanthus black 100 g|tea|78|.38|60|||14|
陈皮白茶 10粒|Aged peel white 10 pcs|tea|48|.37|20|||9|
白瓷盖碗|White porcelain gaiwan|teaware|89|.33||||
青瓷盖碗|Celadon gaiwan|teaware|139|.34||||
紫砂壶 石瓢|Stone ladle clay teapot|teaware|488|.40||||
紫砂壶 西施|Round clay teapot|teaware|528|.40||||
手工紫砂壶 大师款|Master's clay teapot|teaware|2680|.46||||
玻璃茶壶 600毫升|Glass teapot 600 ml|teaware|79|.32|730|||
公道杯|Serving pitcher|teaware|49|.31||||
品茗杯 六只|Six tasting cups|teaware|99|.32||||
建盏|Oil-spot bowl|teaware|268|.36||||
旅行茶具 第一代|Travel tea set mark 1|teaware|159|.36|900|travel-set|1||16
旅行茶具 第二代|Travel tea set mark 2|teaware|189|.36|900|travel-set|2|16|
竹茶盘|Bamboo tea tray|teaware|199|.37|1095|||
胡桃木茶盘|Walnut tea tray|teaware|459|.39|1825|||
陶瓷茶叶罐|Ceramic tea jar|teaware|69|.33||||
保温泡茶杯|Insulated infuser cup|teaware|119|.35|540|||
马克滤茶杯|Mug with strainer|teaware|59|.33|730|||
智能煮茶壶 一代|Smart kettle mark 1|appliance|329|.48|730|kettle|1||28
智能煮茶壶 二代|Smart kettle mark 2|appliance|379|.47|730|kettle|2|28|12
智能煮茶壶 三代|Smart kettle mark 3|appliance|429|.46|730|kettle|3|12|
恒温杯垫 一代|Warming coaster mark 1|appliance|99|.45|540|coaster|1||18
恒温杯垫 二代|Warming coaster mark 2|appliance|129|.44|540|coaster|2|18|
家用净水壶|Water filter jug|appliance|169|.44|1095|||
小型醒茶柜|Tea ageing cabinet|appliance|1980|.52|2555|||
净水滤芯 三只|Three filter cartridges|accessory|89|.34|90|||
煮茶壶除垢剂|Kettle descaler|accessory|25|.30|60|||
茶滤网|Tea strainer|accessory|19|.28|365|||
茶针茶则套装|Tea tools set|accessory|45|.30||||
茶巾 两条|Two tea towels|accessory|22|.29|180|||
杯套|Cup sleeve|accessory|28|.30|365|||
新春礼盒|New year gift box|gift|299|.40||||
清明头采礼盒|First harvest gift box|gift|588|.42||||
中秋礼盒|Mid-autumn gift box|gift|268|.40||||
商务定制礼盒|Business gift box|gift|888|.41||||
尊享礼盒 十年陈|Ten-year reserve gift box|gift|1680|.44||||
绿豆糕 12枚|Mung bean cakes 12 pcs|snack|36|.45|15|||
茶味酥饼 16枚|Tea biscuits 16 pcs|snack|42|.45|20|||
坚果茶点 6袋|Nuts and tea bites 6 bags|snack|55|.48|25|||24|
"""

_LINKS = """
智能煮茶壶 一代>智能煮茶壶 二代 upgrade
智能煮茶壶 二代>智能煮茶壶 三代 upgrade
恒温杯垫 一代>恒温杯垫 二代 upgrade
旅行茶具 第一代>旅行茶具 第二代 upgrade
智能煮茶壶 一代>煮茶壶除垢剂 accessory
智能煮茶壶 二代>煮茶壶除垢剂 accessory
智能煮茶壶 三代>煮茶壶除垢剂 accessory
家用净水壶>净水滤芯 三只 accessory
紫砂壶 石瓢>茶针茶则套装 accessory
紫砂壶 西施>茶针茶则套装 accessory
手工紫砂壶 大师款>茶巾 两条 accessory
玻璃茶壶 600毫升>茶滤网 accessory
保温泡茶杯>杯套 accessory
竹茶盘>茶巾 两条 accessory
胡桃木茶盘>茶针茶则套装 accessory
白瓷盖碗>公道杯 accessory
青瓷盖碗>品茗杯 六只 accessory
小型醒茶柜>普洱生饼 357克 related
普洱熟饼 357克>紫砂壶 石瓢 related
铁观音 250克>白瓷盖碗 related
大红袍 125克>紫砂壶 西施 related
西湖龙井 100克>玻璃茶壶 600毫升 related
寿眉饼 350克>智能煮茶壶 三代 related
白牡丹饼 350克>智能煮茶壶 三代 related
茉莉花茶 150克>玫瑰花茶 80克 related
正山小种 100克>茶味酥饼 16枚 related
祁门红茶 100克>绿豆糕 12枚 related
马克滤茶杯>早餐红茶 20包 related
新春礼盒>尊享礼盒 十年陈 upgrade
中秋礼盒>商务定制礼盒 upgrade
"""

_SEASONAL = {"新春礼盒": (12, 1, 2), "清明头采礼盒": (3, 4, 5), "中秋礼盒": (8, 9, 10)}

# how much a customer of each taste likes each category: drinker, collector, giver, gadget lover, saver
TASTES = ("drinker", "collector", "giver", "gadget", "saver")
_LIKING = np.array(
    [
        [8.0, 1.0, 0.5, 0.8, 0.5, 1.5],
        [2.0, 8.0, 0.8, 1.5, 0.6, 0.5],
        [2.0, 1.0, 0.6, 0.4, 8.0, 1.5],
        [2.0, 1.0, 7.0, 5.0, 0.5, 0.5],
        [4.0, 0.7, 0.4, 3.0, 0.2, 3.0],
    ]
)
BAND_EDGES = np.array([30.0, 60.0, 120.0, 250.0, 600.0, 2000.0])
"""A line's wished amount (yuan) falls into one of seven bands, which offer products up to that price."""


@dataclass(frozen=True)
class Catalogue:
    """One entry per product; `sold` tells in which months of the window it is on the shelf."""

    zh: tuple[str, ...]
    en: tuple[str, ...]
    category: Ints
    price_cents: Ints
    cost_share: Floats
    life_days: Ints
    family: tuple[str, ...]
    version: Ints
    launched: NDArray[np.datetime64]
    retired: NDArray[np.datetime64]
    sold: Bools
    links: tuple[tuple[int, int, str], ...]

    @property
    def unit_cost_cents(self) -> Ints:
        """What one unit costs the company at the start."""
        return as_ints(np.rint(self.price_cents * self.cost_share))


def make_catalogue(window: Window) -> Catalogue:
    """The shelf, with launch and retirement dates counted back from the last day."""
    rows = [line.split("|") for line in _SHELF.strip().splitlines()]
    rows = [row + [""] * (10 - len(row)) for row in rows]
    old = date(LAST_DAY.year - 12, 3, 1)
    launched = _dates([_months_ago(row[8]) if row[8] else old for row in rows])
    retired = _dates([_months_ago(row[9]) if row[9] else None for row in rows])
    months = window.dates(window.month_start[:-1])[:, None]
    zh = tuple(row[0] for row in rows)
    return Catalogue(
        zh=zh,
        en=tuple(row[1] for row in rows),
        category=np.array([CATEGORIES.index(row[2]) for row in rows]),
        price_cents=np.array([100 * int(row[3]) for row in rows]),
        cost_share=np.array([float(row[4]) for row in rows]),
        life_days=np.array([int(row[5] or 0) for row in rows]),
        family=tuple(row[6] for row in rows),
        version=np.array([int(row[7] or 0) for row in rows]),
        launched=launched,
        retired=retired,
        sold=(launched <= months) & (np.isnat(retired) | (retired > months)) & _in_season(zh, months),
        links=_links(zh),
    )


def _in_season(names: tuple[str, ...], months: NDArray[np.datetime64]) -> Bools:
    """Festival boxes are offered in their months only, everything else always."""
    of_year = months.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return np.hstack([np.isin(of_year, _SEASONAL.get(name, range(1, 13))) for name in names])


def _dates(dates: list[date] | list[date | None]) -> NDArray[np.datetime64]:
    return np.array(dates, dtype="datetime64[D]")


def _months_ago(months: str) -> date:
    """The first day of the month that began so many months before the day after the last."""
    end = LAST_DAY + timedelta(days=1)
    year, month = divmod(12 * end.year + end.month - 1 - int(months), 12)
    return date(year, month + 1, 1)


def _links(names: tuple[str, ...]) -> tuple[tuple[int, int, str], ...]:
    found = []
    for line in _LINKS.strip().splitlines():
        pair, kind = line.rsplit(" ", 1)
        start, end = pair.split(">")
        found.append((names.index(start), names.index(end), kind))
    return tuple(found)


def choose_products(
    rng: np.random.Generator, catalogue: Catalogue, month: Ints, taste: Ints, wished_yuan: Floats
) -> Ints:
    """A product for each line: on the shelf in that month, to the customer's taste, priced near the wish."""
    bands = len(BAND_EDGES) + 1
    band = np.searchsorted(BAND_EDGES, wished_yuan, side="right")
    shelf = (month * len(TASTES) + taste) * bands + band
    chance = _chances(catalogue)
    place = np.searchsorted(chance, shelf + rng.random(len(shelf)), side="right")
    return place - shelf * len(catalogue.zh)


def _chances(catalogue: Catalogue) -> Floats:
    """Cumulative chances of all products for each (month, taste, band), one row after the other, rising."""
    price = catalogue.price_cents / 100
    top = np.append(1.2 * np.append(25.0, BAND_EDGES[:-1]), np.inf)[:, None]
    near = np.where(price <= top, (price / np.minimum(top, 4000.0)) ** 0.4, 0.0)
    chance = (
        catalogue.sold[:, None, None, :] * _LIKING[:, catalogue.category][None, :, None, :] * near[None, None, :, :]
    ).reshape(-1, len(price))
    summed = np.cumsum(chance, axis=1)
    summed /= summed[:, -1:]
    return as_floats(summed + np.arange(len(summed))[:, None]).ravel()
