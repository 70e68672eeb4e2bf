"""What each model is for, what it assumes, when to use it, in words a manager understands.

Apart from the models themselves, so that listing them needs no mathematics to be loaded.
"""

from __future__ import annotations

from typing import NamedTuple


class Bilingual(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


class Words(NamedTuple):
    """What is said of one model."""

    summary: Bilingual
    assumes: Bilingual
    when: Bilingual


WORDS = {
    "nbd": Words(
        Bilingual(
            "How often customers buy (negative binomial model).",
            "客户多久购买一次（负二项模型）。",
        ),
        Bilingual(
            "Each customer buys at random at a steady rate (Poisson) and never leaves; rates differ between "
            "customers as a gamma distribution.",
            "每位客户以稳定的速率随机购买（卜松过程）且不会流失；不同客户的速率服从伽玛分配。",
        ),
        Bilingual(
            "Customers hardly leave, or the history is too short to see it; also the basis of the published rule.",
            "客户很少流失，或历史太短还看不出流失时使用；它也是移转规则的基础。",
        ),
    ),
    "pareto_nbd": Words(
        Bilingual(
            "How often customers buy while they stay, and when they leave without saying so (Pareto/NBD).",
            "客户留存期间多久购买一次，以及何时不告而别（Pareto/NBD 模型）。",
        ),
        Bilingual(
            "While active, each customer buys at random at a steady rate (Poisson) and leaves for good at a "
            "moment that does not depend on the purchases (exponential); both rates differ between "
            "customers as gamma distributions, independently, and may depend on what else is known of the "
            "customer.",
            "客户在留存期间以稳定的速率随机购买（卜松过程），并在与购买无关的某一时刻永久离开（指数分配）；不同客户的两种速率各自独立地服从伽玛分配，也可以随客户的其他已知特征而变。",
        ),
        Bilingual(
            "The standard choice where customers can buy at any time, never announce that they leave, and "
            "the history covers several purchases of the regular ones; the only one that takes covariates "
            "such as channel.",
            "客户随时可以购买、离开时不打招呼，且历史足以包含常客的数次购买时的标准选择；也是唯一可以加入渠道等客户特征的模型。",
        ),
    ),
    "bg_nbd": Words(
        Bilingual(
            "How often customers buy and who is still a customer (BG/NBD).",
            "客户多久购买一次、谁仍是客户（BG/NBD 模型）。",
        ),
        Bilingual(
            "While active, each customer buys at random at a steady rate; after each repeat purchase the "
            "customer may leave for good. Rates and chances of leaving differ between customers (gamma and "
            "beta distributions).",
            "活跃期间，每位客户以稳定速率随机购买；每次复购之后都可能永久流失。购买速率与流失概率因人而异（伽玛分布与贝塔分布）。",
        ),
        Bilingual(
            "Shops without contracts whose customers leave after a purchase if at all; customers who bought "
            "only once are always counted as active.",
            "适用于没有合同、客户若流失则发生在购买之后的生意；只买过一次的客户始终视为活跃。",
        ),
    ),
    "mbg_nbd": Words(
        Bilingual(
            "How often customers buy and who is still a customer, one-time buyers included (MBG/NBD).",
            "客户多久购买一次、谁仍是客户，包括只买过一次的客户（MBG/NBD 模型）。",
        ),
        Bilingual(
            "As BG/NBD, but a customer may also leave right after the first purchase.",
            "与 BG/NBD 相同，但客户在首次购买之后也可能流失。",
        ),
        Bilingual(
            "Shops without contracts where many customers buy once and never come back.",
            "适用于没有合同、许多客户只买一次就不再回来的生意。",
        ),
    ),
    "bg_cnbd_k": Words(
        Bilingual(
            "How often customers buy and who is still a customer, when purchases come at regular times (BG/CNBD-k).",
            "购买间隔较有规律时，客户多久购买一次、谁仍是客户（BG/CNBD-k 模型）。",
        ),
        Bilingual(
            "As BG/NBD, but the times between a customer's purchases are more even than chance would make "
            "them (Erlang, k stages; k = 1 is BG/NBD).",
            "与 BG/NBD 相同，但同一客户的购买间隔比随机更均匀（k 阶爱尔朗分布；k = 1 即 BG/NBD）。",
        ),
        Bilingual(
            "Goods that run out and are bought again, such as groceries or supplies; k is chosen from the data.",
            "适用于用完再买的商品，例如日用品或耗材；k 由数据选定。",
        ),
    ),
    "mbg_cnbd_k": Words(
        Bilingual(
            "How often customers buy and who is still a customer, when purchases come at regular times, "
            "one-time buyers included (MBG/CNBD-k).",
            "购买间隔较有规律时，客户多久购买一次、谁仍是客户，包括只买过一次的客户（MBG/CNBD-k 模型）。",
        ),
        Bilingual(
            "As BG/CNBD-k, but a customer may also leave right after the first purchase.",
            "与 BG/CNBD-k 相同，但客户在首次购买之后也可能流失。",
        ),
        Bilingual(
            "Goods that run out and are bought again, where many customers try once and never come back.",
            "适用于用完再买的商品，且许多客户只尝试一次就不再回来。",
        ),
    ),
    "bg_bb": Words(
        Bilingual(
            "How often customers use chances to buy that come one by one, and who has left for good (BG/BB model).",
            "客户在逐次出现的购买机会中多久买一次，以及谁已经流失（BG/BB 模型）。",
        ),
        Bilingual(
            "At every opportunity a customer who is still active buys with a probability of his own; before "
            "every opportunity he may leave for good with a probability of his own; both differ between "
            "customers as beta distributions.",
            "每次机会到来时，仍活跃的客户以自己的概率购买；每次机会之前，他可能以自己的概率永久离开；两种概率在客户之间各服从贝塔分配。",
        ),
        Bilingual(
            "Customers can buy once per occasion or not at all: yearly appeals, seasons, subscription "
            "boxes, conferences.",
            "每次机会最多购买一次时使用：年度募捐、季节性活动、订购盒、会议。",
        ),
    ),
    "shifted_beta_geometric": Words(
        Bilingual(
            "How long contract customers stay, from how many renewed so far (shifted beta-geometric model).",
            "合约客户会留多久，由至今的续约情况得出（移位贝塔-几何模型）。",
        ),
        Bilingual(
            "At every renewal a customer leaves with a probability of his own that never changes; the "
            "probabilities differ between customers as a beta distribution, so those likely to leave do so "
            "early.",
            "每次续约时，客户以自己固定不变的概率离开；该概率在客户之间服从贝塔分配，因此容易流失的客户会较早离开。",
        ),
        Bilingual(
            "Leaving is seen (subscriptions, memberships, insurance) and few renewal dates have passed.",
            "流失可以直接观察到（订阅、会员、保险），且经历过的续约日不多时使用。",
        ),
    ),
    "beta_discrete_weibull": Words(
        Bilingual(
            "How long contract customers stay, where staying long itself changes the chance of leaving "
            "(beta-discrete-Weibull model).",
            "合约客户会留多久，并考虑留存时间本身对流失概率的影响（贝塔-离散韦布尔模型）。",
        ),
        Bilingual(
            "As the shifted beta-geometric model, but each customer's own chance of leaving rises or falls "
            "with time by one power that is the same for all.",
            "与移位贝塔-几何模型相同，但每位客户自己的流失概率会随时间上升或下降，变化的幂次对所有客户相同。",
        ),
        Bilingual(
            "Leaving is seen and there are at least four renewal dates; usually forecasts retention further "
            "ahead better.",
            "流失可以直接观察到，且至少有四个续约日时使用；对较远期的留存预测通常更准。",
        ),
    ),
    "gamma_gamma": Words(
        Bilingual(
            "What a purchase is worth, learned from every active period of every customer (Gamma-Gamma, panel form).",
            "一次购买值多少，由每位客户每个成交期的平均金额得出（伽玛-伽玛模型，逐期形式）。",
        ),
        Bilingual(
            "A customer's average amounts vary from period to period as a gamma distribution, around a "
            "level of the customer's own; levels differ between customers, and do not depend on how often a "
            "customer buys.",
            "客户各期的平均金额围绕自己的水平按伽玛分配波动；不同客户的水平各异，且与购买频率无关。",
        ),
        Bilingual(
            "The standard choice when amounts are known period by period.",
            "各期金额已知时的标准选择。",
        ),
    ),
    "gamma_gamma_fader_hardie": Words(
        Bilingual(
            "What a purchase is worth, learned from each customer's average repeat purchase (Gamma-Gamma, "
            "Fader and Hardie's form).",
            "一次购买值多少，由每位客户复购的平均金额得出（伽玛-伽玛模型，Fader–Hardie 形式）。",
        ),
        Bilingual(
            "Single purchases vary as a gamma distribution around a level of the customer's own; levels "
            "differ between customers, and do not depend on how often a customer buys.",
            "单次购买金额围绕客户自己的水平按伽玛分配波动；不同客户的水平各异，且与购买频率无关。",
        ),
        Bilingual(
            "To compare with published results and other packages, or when only averages are at hand.",
            "需要与文献或其他软件比较，或只有平均金额时使用。",
        ),
    ),
    "transition": Words(
        Bilingual(
            "The published rule: next frequency x next average amount x the probability of each.",
            "已发表的移转规则：下期频率 × 下期平均金额 × 各自的概率。",
        ),
        Bilingual(
            "The next state depends on the present one alone (Markov): idle periods, last frequency, "
            "segment of the average amount.",
            "下期状态只取决于当前状态（马可夫）：未成交期数、最近频率、平均金额所在区间。",
        ),
        Bilingual(
            "To follow the published method to the letter; it is not an expected value, so let a backtest "
            "decide before relying on totals.",
            "需要严格遵循已发表方法时使用；它不是期望值，采用其合计之前请先看回测。",
        ),
    ),
}
