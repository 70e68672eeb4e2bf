"""What the help says: first steps, which page answers which question, reading figures, assumptions, keys, privacy."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class Answer:
    """A page: the question it answers, and how to read it. page: the name of its route."""

    page: str
    title: Text
    asks: Text
    reading: Text
    right: str = "company"


SINCE = Text("the run before", "上次运行")
SINCE_DAY = Text("the run before, which goes up to {day}", "上次运行（截至{day}）")

# page, right that it needs, what to do
STEPS: tuple[tuple[str, str, Text, Text], ...] = (
    (
        "data",
        "import",
        Text("Upload orders", "上传订单"),
        Text(
            "A file of orders with customer, day and amount is enough; costs, expenses and customers can follow. kezhi "
            "says which column it takes for what, and sets aside rows it cannot count, with the reason.",
            "一份含客户、日期和金额的订单即可；成本、费用和客户资料可以以后补充。系统会列出各列的识别结果，"
            "并把无法计入的行连同原因一起隔离。",
        ),
    ),
    (
        "runs",
        "run",
        Text("Start a run", "启动运行"),
        Text(
            "A run usually takes a minute or two. It values every customer, makes the forecast, tests itself on the "
            "past, and never changes afterwards.",
            "一次运行通常只需一两分钟：计算每位客户的价值，作出预测，并用历史检验自己；运行完成后不再改变。",
        ),
    ),
    (
        "overview",
        "own",
        Text("Read the overview, call the first customers", "看总览，先联系名单最前的客户"),
        Text(
            "The overview says what is expected and how far to trust it. The list beside it says whom to call first; "
            "note the outcome there, so that the next run knows.",
            "总览说明预计的价值及其可信程度；旁边的名单列出应先联系的客户。联系后请记录结果，下次运行会据此更新。",
        ),
    ),
)

ANSWERS: tuple[Answer, ...] = (
    Answer(
        "overview",
        Text("Overview", "总览"),
        Text("What are our customers worth, and what should I do today?", "客户值多少？今天该做什么？"),
        Text(
            "Grey bars: what came. Blue: what is expected, with the 80% interval. Every heading opens the page behind "
            "it. Salespeople see their own customers only.",
            "灰柱为实际，蓝柱为预测并附 80% 区间。点标题可打开相应页面。销售人员只看到自己的客户。",
        ),
        "own",
    ),
    Answer(
        "alerts",
        Text("Alerts", "预警"),
        Text("Who needs a call, and why?", "谁需要联系？为什么？"),
        Text(
            "Sorted by expected loss: value at stake times the share of it that is expected to be lost. Take an alert, "
            "put it off, or close it with what came of it.",
            "按预计损失排序：涉及价值 × 预计损失比例。可以认领、推迟，或注明结果后关闭。",
        ),
        "own",
    ),
    Answer(
        "customers",
        Text("Customers", "客户"),
        Text("Who is it, exactly?", "具体是哪些客户？"),
        Text(
            "Filter, sort, choose columns, keep the view, export. A customer's page explains their number factor by "
            "factor.",
            "可筛选、排序、选择列、保存视图、导出。客户页面逐项解释其数字的由来。",
        ),
        "own",
    ),
    Answer(
        "tiers",
        Text("Tiers", "层级"),
        Text("Who are the few that bring most?", "哪些少数客户贡献最多？"),
        Text(
            "Tiers rank customers by forecast gross profit (the settings may say otherwise). “▲ into it” counts who "
            "rose into the tier since {since}.",
            "层级按预测毛利排序（可在设置中更改）。“▲ 升入”为自{since}以来升入该层的客户数。",
        ),
    ),
    Answer(
        "rfm",
        Text("RFM", "RFM 分析"),
        Text("Who bought recently, often, and for much?", "谁最近买过、买得多、花得多？"),
        Text(
            "Every buyer is in exactly one cell. R 5 bought most recently; FM 5 buys most and most often. The number "
            "opens its customers.",
            "每位购买者恰好在一格中。R 5 为最近购买者，FM 5 为买得最多、最频繁者。点数字可打开名单。",
        ),
    ),
    Answer(
        "segments",
        Text("Segments", "客户分群"),
        Text("How are the groups doing that we made ourselves?", "我们自己定义的分群情况如何？"),
        Text(
            "A segment is a rule. The index says how much more frequent something is among its customers than among "
            "all others; 300 is three times.",
            "分群是一条规则。指数表示某特征在其中比在其余客户中常见多少；300 即三倍。",
        ),
    ),
    Answer(
        "movement",
        Text("Movement", "变动"),
        Text("Who rose, who fell, who left?", "谁上升，谁下降，谁流失？"),
        Text(
            "Left: where customers were. Right: where they are. Blue rose or are new, orange fell or left. Numbers in "
            "the matrix open their customers.",
            "左为当时，右为现在；蓝色为上升或新客户，橙色为下降或流失。矩阵中的数字可打开名单。",
        ),
    ),
    Answer(
        "cohorts",
        Text("Cohorts", "同期群"),
        Text("When does a new customer pay back?", "新客户多久回本？"),
        Text(
            "Each line follows the customers who began in the same year. Where it crosses zero, they have paid back "
            "what it cost to win them.",
            "每条线跟踪同一年开始的客户；越过零线即收回获客成本。",
        ),
    ),
    Answer(
        "referrals",
        Text("Referrals", "推荐"),
        Text("Whose recommendations bring customers?", "谁的推荐带来客户？"),
        Text(
            "A customer's wide value is what they bring themselves and what those bring whom they led to you.",
            "客户的广义价值 = 自身带来的价值 + 其推荐的客户带来的价值。",
        ),
    ),
    Answer(
        "forecast",
        Text("Forecast and models", "预测与模型"),
        Text("What will come, and did earlier forecasts come true?", "今后会带来多少？以前的预测应验了吗？"),
        Text(
            "Start with “How far to trust it”: forecasts made again with what was known then, beside what came. The "
            "models stand under “How it came about”.",
            "先看“可信程度”：用当时已知的数据重新预测，与实际对照。模型见“预测的由来”。",
        ),
    ),
    Answer(
        "corrections",
        Text("Corrections", "修正"),
        Text("What do we know better than the figures?", "哪些情况我们比数字更清楚？"),
        Text(
            "What was computed stays visible beside the correction, with who changed it, when and why. Everything can "
            "be undone.",
            "修正后仍显示计算值，并记录修改人、时间和理由；都可以撤销。",
        ),
        "correct",
    ),
    Answer(
        "what-if",
        Text("What if", "假设分析"),
        Text("What would it bring if more customers stayed?", "如果更多客户留下来，会带来多少？"),
        Text(
            "A calculation on the finished run; it changes nothing. It is no promise that an action has this effect.",
            "在已完成的运行上试算，不改变任何数据；并不保证某项行动会有这样的效果。",
        ),
    ),
    Answer(
        "data",
        Text("Data", "数据"),
        Text("What was counted, and what is missing?", "计入了什么？还缺什么？"),
        Text(
            "Rows read = rows counted + rows set aside. What was set aside can be mended and uploaded again.",
            "读入的行 = 计入的行 + 隔离的行。隔离的行可以下载、改正后重新上传。",
        ),
        "import",
    ),
    Answer(
        "runs",
        Text("Runs", "运行"),
        Text("Which figures are these, and when were they made?", "这些数字出自哪次运行？"),
        Text(
            "The newest run is shown; any older one can be opened, and two can be compared.",
            "默认显示最新的运行；可打开以前的运行，也可比较两次运行。",
        ),
    ),
)

READING: tuple[tuple[Text, Text], ...] = (
    (
        Text("An 80% interval", "80% 区间"),
        Text(
            "Eight times in ten the true figure should lie inside, once above and once below. A wide one is no fault "
            "of the model: one customer's purchases are mostly chance. The company's is narrow because chances level "
            "out over many customers; it also counts how far the last test on the past missed. Do not add up the ends "
            "of customers' intervals: that would count chance as if all had bad luck together.",
            "十次中约有八次实际数落在区间内，一次高于、一次低于。区间宽并非模型的错：单个客户的购买多半出于偶然。"
            "企业的区间较窄，因为偶然在众多客户之间相互抵消；它还计入最近一次历史检验的偏差。"
            "不要把各客户区间的端点相加，那等于假定所有客户同时走运或倒霉。",
        ),
    ),
    (
        Text("The forecast", "预测值"),
        Text(
            "It is an average, not the likeliest outcome: most customers will bring a little less, a few much more. "
            "Added up over customers it is right for the company; that is what averages are for.",
            "预测是平均值，不是最可能的结果：多数客户会少一点，少数客户会多很多。把客户相加，合计才是准的。",
        ),
    ),
    (
        Text("P(active)", "仍活跃的概率"),
        Text(
            "How sure it is that the customer still buys from you at all. 30% does not mean gone; of ten such "
            "customers three are still there, and a call costs little.",
            "客户仍会向您购买的把握。30% 不等于已流失：十位这样的客户中还有三位在，打个电话花费不多。",
        ),
    ),
    (
        Text("▲ ▼ and signs", "▲ ▼ 与正负号"),
        Text(
            "Rising and falling are said by arrows and signs, never by colour alone.",
            "升降以箭头和正负号表示，不只靠颜色。",
        ),
    ),
    (
        Text("Every figure as a table", "图表与数据表"),
        Text(
            "“The figures as a table” under a chart opens its numbers. A number of customers that is a link opens "
            "their list.",
            "点图下的“查看数据表”即可看到数据；带链接的客户数可打开名单。",
        ),
    ),
)

# what can be tested of the six assumptions stands under Forecast, How it came about
TESTED: tuple[Text, ...] = (
    Text(
        "Tested: the correlation of frequency and amount stands under Forecast; a warning appears where it is strong.",
        "可检验：频率与金额的相关系数见“预测”；相关较强时会提示。",
    ),
    Text(
        "Not tested directly: the backtest shows what it costs where it does not hold.",
        "不能直接检验：若不成立，历史检验会显示其代价。",
    ),
    Text(
        "Tested together with 4: observed against expected purchases per period.",
        "与假设 4 一并检验：每期购买次数的实际与模型对照。",
    ),
    Text(
        "Tested: variance over mean of purchases per period; above 1 customers differ.",
        "可检验：每期购买次数的方差 ÷ 均值；大于 1 即客户之间有差异。",
    ),
    Text(
        "Tested together with 6: observed against expected average amounts.",
        "与假设 6 一并检验：平均金额的实际与模型对照。",
    ),
    Text(
        "Tested: the fitted density beside the observed shares; the transition table beside the observed one.",
        "可检验：拟合的密度与实际占比对照；移转表的模型与实际对照。",
    ),
)

RULES: tuple[Text, ...] = (
    Text(
        "Margin and expense are in the company's hands: they are carried forward by rules, not treated as chance.",
        "毛利率和费用由企业掌控：按规则推算，不视为随机。",
    ),
    Text(
        "A customer's next margin is that of their last period with a purchase.",
        "客户下期毛利率取其最近有成交期的毛利率。",
    ),
    Text(
        "While they do not buy, it follows the company's own trend: times 1 + slope × idle periods ÷ 2.",
        "未成交期间随企业整体毛利率的趋势变化：乘以 1 + 斜率 × 未成交期数 ÷ 2。",
    ),
    Text(
        "The expense a customer needs stays in the same proportion to purchases as it was; what it cost to win them is "
        "not spent twice.",
        "客户的费用与购买金额保持以往的比例；获取客户的费用不会再花一次。",
    ),
    Text(
        "It does not fall below the smallest expense so far, unless the expected purchases themselves are smaller.",
        "费用不低于以往最小的费用，除非预计购买金额本身更小。",
    ),
)

KEYS: tuple[tuple[str, Text], ...] = (
    (
        "Tab, Shift+Tab",
        Text("go to the next or the previous link, field or button", "移到下一个或上一个链接、字段、按钮"),
    ),
    ("Enter", Text("open it, or send the form", "打开或提交")),
    ("Space", Text("tick a box, open a list, open “The figures as a table”", "勾选、展开列表或数据表")),
    ("← →", Text("scroll a wide table that has the focus", "滚动已获得焦点的宽表格")),
    ("Ctrl+F / ⌘F", Text("search this page, as any page, with the browser", "用浏览器在本页查找")),
    ("Ctrl+P / ⌘P", Text("print; menus and buttons are left out", "打印；菜单和按钮不会打印")),
)

PRIVACY: tuple[Text, ...] = (
    Text(
        "Names, phone numbers and e-mail addresses are shown only to those who have the right to see them; all others "
        "see ids.",
        "姓名、电话和邮箱只显示给有权查看的人，其他人只看到编号。",
    ),
    Text("Salespeople see their own customers only.", "销售人员只能看到自己的客户。"),
    Text(
        "Whoever did not agree to be contacted, or is blacklisted, is marked and left out of lists for contacting.",
        "未同意营销或在黑名单中的客户会标出，联系名单不包含他们。",
    ),
    Text(
        "Every change and every export is noted with who and when; an administrator can read that under People.",
        "每次修改和导出都记录操作人和时间，管理员可在“人员”页面查看。",
    ),
    Text(
        "All data stays on the machine on which kezhi runs: nothing is loaded from or sent to another place unless a "
        "webhook was set up.",
        "数据只保存在运行客值的机器上：除非设置了 Webhook，不会从外部加载，也不会发送到外部。",
    ),
)
