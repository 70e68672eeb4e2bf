"""From the text of a filter to its tree; what cannot be read is answered with a sentence that names the place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from kezhi.filters.tree import (
    CHINESE,
    WORDS,
    Calculation,
    Compare,
    Computed,
    Empty,
    Filter,
    Joined,
    Named,
    Not,
    Number,
    OneOf,
    Term,
    Value,
    named_in,
)
from kezhi.language import KezhiError, Text

# What a person writes is far below these; above them the engine's own readers would give up without a sentence.
LONGEST, DEEPEST, MOST_TESTS, MOST_STEPS = 100_000, 20, 500, 50
MOST_DIVISIONS = 5  # an engine writes out a divisor twice to see whether it is 0, and divisors within it again


class _Token(NamedTuple):
    kind: str  # word, name, text, number, date, sign, end
    said: str
    at: int
    value: Any = None


_TOKENS = re.compile(
    r"""\s*(?:
      (?P<date>\d{4}-\d{2}-\d{2}(?![\w.]))
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?(?!\w))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|“[^”]*”|‘[^’]*’)
    | (?P<quoted>`[^`]+`)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign><=|>=|!=|<>|==|[-+*/=<>(),（），≤≥≠＝＜＞＋－−×÷])
    )""",
    re.VERBOSE,
)
_SIGNS = dict(
    zip(
        ("==", "<>", "≠", "≤", "≥", "＝", "＜", "＞", "（", "）", "，", "＋", "－", "−", "×", "÷"),
        ("=", "!=", "!=", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-", "-", "*", "/"),
        strict=True,
    )
)
_COMPARING, _ADDING, _MULTIPLYING = ("=", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/")
_NEVER = re.compile("[\x00\ud800-\udfff]")

_WRONG = Text(
    "The filter cannot be read at character {at} ({near}): {reason}.",
    "筛选条件第 {at} 个字符处（{near}）无法识别：{reason}。",
)
_END = Text("the end", "末尾")
_LETTER = Text("this sign has no meaning here", "此处不能使用这个符号")
_NO_LETTER = Text("this character belongs to no text", "文字中不能有这个字符")
_QUOTE = Text("a quotation mark is not closed", "引号没有闭合")
_FIELD = Text("the name of a field is expected", "此处应为字段名")
_TEST = Text(
    "after a field comes =, !=, <, <=, >, >=, between, in (...), is empty, contains, starts with or has",
    "字段之后应为 =、!=、<、<=、>、>=、between、in (...)、is empty、contains、starts with 或 has",
)
_SIGN = Text("after a calculation comes =, !=, <, <=, >, >= or between", "算式之后应为 =、!=、<、<=、>、>= 或 between")
_VALUE = Text(
    "a value is expected: 'text' in quotes, a number, a date such as 2026-12-31, true or false",
    "此处应为值：带引号的文字、数字、形如 2026-12-31 的日期、true 或 false",
)
_FIGURE = Text("a number or the name of a field is expected", "此处应为数字或字段名")
_TEXT = Text("a text in quotes is expected", "此处应为带引号的文字")
_EXPECTED = Text("{what} is expected", "此处应为 {what}")
_MORE = Text("the filter should end here, or go on with and, or", "条件应在此结束，或以 and、or 继续")
_LONG = Text(f"a filter has at most {LONGEST:,} characters", f"筛选条件最多 {LONGEST:,} 个字符")
_DEEP = Text(f"more than {DEEPEST} brackets within one another", f"括号嵌套超过 {DEEPEST} 层")
_MANY = Text(
    f"a filter has at most {MOST_TESTS:,} conditions; many values of one field go into in (...)",
    f"筛选条件最多包含 {MOST_TESTS:,} 个条件；同一字段的多个值请用 in (...)",
)
_STEPS = Text(f"a calculation has at most {MOST_STEPS} steps", f"一个算式最多 {MOST_STEPS} 步运算")
_DIVIDES = Text(f"a calculation divides at most {MOST_DIVISIONS} times", f"一个算式最多包含 {MOST_DIVISIONS} 次除法")
_ZERO = Text("nothing can be divided by 0", "不能除以 0")
_CONSTANT = Text("this comparison asks for no field", "这个比较没有用到任何字段")
_BAD_DATE = Text("there is no such day", "没有这一天")
_BAD_NUMBER = Text("this number is too large", "数字过大")


def _wrong(token: _Token, reason: Text) -> KezhiError:
    near = Text(*[_shown(token.said)] * 2) if token.said else _END
    return KezhiError(
        Text(
            _WRONG.en.format(at=token.at + 1, near=near.en, reason=reason.en),
            _WRONG.zh.format(at=token.at + 1, near=near.zh, reason=reason.zh),
        )
    )


def _shown(text: str) -> str:
    """The beginning of a text; characters that nobody sees by their number."""
    return "".join(letter if letter.isprintable() else f"U+{ord(letter):04X}" for letter in text[:20])


def parse(text: str) -> Filter:
    """What a filter says; raises KezhiError with one sentence that names the place of a mistake."""
    if not text.strip():
        raise KezhiError(
            Text(
                "The filter is empty; write one such as: region = 'North' and idle_periods >= 2",
                "筛选条件为空；请写成例如：region = 'North' and idle_periods >= 2",
            )
        )
    if len(text) > LONGEST:
        raise _wrong(_Token("sign", text[LONGEST], LONGEST), _LONG)
    never = _NEVER.search(text)
    if never is not None:
        raise _wrong(_Token("sign", never[0], never.start()), _NO_LETTER)
    reader = _Reader([one for token in _tokens(text) for one in token])
    found = reader.whole()
    if reader.token.kind != "end":
        raise _wrong(reader.token, _MORE)
    return found


def _tokens(text: str) -> Iterator[list[_Token]]:
    end = len(text.rstrip())
    place = 0
    while place < end:
        match = _TOKENS.match(text, place)
        if match is None or match.lastgroup is None:
            while text[place].isspace():
                place += 1
            reason = _QUOTE if text[place] in "'\"“‘`" else _LETTER
            raise _wrong(_Token("sign", text[place], place), reason)
        yield _token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup))
        place = match.end()
    yield [_Token("end", "", end)]


def _token(kind: str, said: str, at: int) -> list[_Token]:
    """A token; a Chinese word may stand for several."""
    if kind == "sign":
        return [_Token("sign", _SIGNS.get(said, said), at)]
    if kind == "word":
        words = CHINESE.get(said) or ((said.lower(),) if said.lower() in WORDS else ())
        return [_Token("word", word, at, said) for word in words] or [_Token("name", said, at, said)]
    if kind == "quoted":
        return [_Token("name", said, at, said[1:-1])]
    token = _Token(kind, said, at)
    return [token._replace(value=_value(token))]


def _value(token: _Token) -> Value:
    said = token.said
    if token.kind == "text":
        mark = said[0]
        return said[1:-1].replace(mark * 2, mark) if mark in "'\"" else said[1:-1]
    if token.kind == "date":
        try:
            return date.fromisoformat(said)
        except ValueError:
            raise _wrong(token, _BAD_DATE) from None
    return _finite(float(said.rstrip("%")) / (100 if said.endswith("%") else 1), token)


def _finite(number: float, token: _Token) -> float:
    if not math.isfinite(number):
        raise _wrong(token, _BAD_NUMBER)
    return number


def _partners(tokens: list[_Token]) -> dict[int, int]:
    """For every opening bracket the place of the one that closes it."""
    opened: list[int] = []
    found = {}
    for place, token in enumerate(tokens):
        if token.kind == "sign" and token.said == "(":
            opened.append(place)
        elif token.kind == "sign" and token.said == ")" and opened:
            found[opened.pop()] = place
    return found


class _Reader:
    """Reads tokens from left to right, one function per rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0
        self.tests, self.steps, self.divisions = 0, 0, 0
        self.partners = _partners(tokens)

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.token
        self.place += token.kind != "end"
        return token

    def is_sign(self, *said: str) -> bool:
        return self.token.kind == "sign" and self.token.said in said

    def passes(self, *said: str) -> bool:
        """Step over a word or sign if it stands here."""
        found = self.token.kind in ("word", "sign") and self.token.said in said
        self.place += found
        return found

    def needs(self, said: str) -> None:
        if not self.passes(said):
            raise _wrong(self.token, _EXPECTED.fill(what=said))

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _wrong(self.token, _DEEP)

    # --- tests joined by words ---

    def whole(self) -> Filter:
        self.deeper()
        parts = [self.all()]
        while self.passes("or"):
            parts.append(self.all())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def all(self) -> Filter:
        parts = [self.one()]
        while self.passes("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def one(self) -> Filter:
        denied = 0
        while self.passes("not"):
            denied += 1
            if denied > DEEPEST:
                raise _wrong(self.token, _DEEP)
        if self.is_sign("(") and not self.calculates():
            self.take()
            found = self.whole()
            self.needs(")")
        else:
            found = self.test()
        return Not(found) if denied % 2 else found  # twice not is nothing

    def calculates(self) -> bool:
        """Is the bracket that opens here a calculation's? One of conditions is not followed by a sign."""
        behind = self.tokens[self.partners.get(self.place, len(self.tokens) - 2) + 1]
        goes_on = behind.kind == "sign" and behind.said in (*_COMPARING, *_ADDING, *_MULTIPLYING)
        return goes_on or (
            behind.kind == "word" and behind.said in ("between", "in", "is", "contains", "starts", "has")
        )

    # --- one test ---

    def test(self) -> Filter:
        self.tests += 1
        if self.tests > MOST_TESTS:
            raise _wrong(self.token, _MANY)
        self.steps = self.divisions = 0
        start = self.token  # a field may bear the name of a word of this language, and must then stand in backticks
        left = self.sum(_FIELD)
        if isinstance(left, Named) and self.passes("is"):
            denied = self.passes("not")
            self.needs("empty")
            found: Filter = Empty(left.field, left.at)
            return Not(found) if denied else found
        denied = self.passes("not")
        within = self.between(left, start) or (self.words(left) if isinstance(left, Named) else None)
        found = within or self.compared(left, start, denied)
        return Not(found) if denied else found

    def between(self, left: Term, start: _Token) -> Filter | None:
        if not self.passes("between"):
            return None
        least = self.against(left, ">=", start)
        self.needs("and")
        return Joined("and", (least, self.against(left, "<=", start)))

    def words(self, name: Named) -> Filter | None:
        if self.passes("in"):
            return OneOf(name.field, self.several(), name.at)
        for word in ("contains", "starts", "has"):
            if self.passes(word):
                if word == "starts":
                    self.passes("with")
                return Compare(name.field, word, self.quoted(), name.at)
        return None

    def compared(self, left: Term, start: _Token, denied: bool) -> Filter:
        sign = self.take()
        if denied or sign.kind != "sign" or sign.said not in _COMPARING:
            raise _wrong(sign, _TEST if isinstance(left, Named) else _SIGN)
        return self.against(left, sign.said, start)

    def against(self, left: Term, sign: str, start: _Token) -> Filter:
        """A field or calculation against what stands here."""
        self.steps = self.divisions = 0
        if self.token.kind in ("text", "date", "word") or (self.token.kind == "end"):
            if not isinstance(left, Named):
                raise _wrong(self.token, _FIGURE)
            return Compare(left.field, sign, self.value(), left.at)
        right = self.sum(_VALUE if isinstance(left, Named) else _FIGURE)
        if isinstance(left, Named) and isinstance(right, Number):
            return Compare(left.field, sign, right.value, left.at)
        if not any(True for side in (left, right) for _ in named_in(side)):
            raise _wrong(start, _CONSTANT)
        return Computed(left, sign, right, start.at)

    # --- calculations ---

    def sum(self, missing: Text) -> Term:
        found = self.product(missing)
        while self.is_sign(*_ADDING):
            sign = self.step()
            found = self.joined(sign, found, self.product(_FIGURE))
        return found

    def product(self, missing: Text) -> Term:
        found = self.factor(missing)
        while self.is_sign(*_MULTIPLYING):
            sign = self.step()
            found = self.joined(sign, found, self.factor(_FIGURE))
        return found

    def step(self) -> _Token:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise _wrong(self.token, _STEPS)
        self.divisions += self.is_sign("/")
        if self.divisions > MOST_DIVISIONS:
            raise _wrong(self.token, _DIVIDES)
        return self.take()

    def factor(self, missing: Text) -> Term:
        if self.is_sign("-", "+"):
            sign = self.step()
            self.deeper()
            found = self.joined(sign, Number(0.0), self.factor(_FIGURE))
            self.depth -= 1
            return found
        if self.passes("("):
            self.deeper()
            found = self.sum(_FIGURE)
            self.depth -= 1
            self.needs(")")
            return found
        token = self.take()
        if token.kind == "number":
            return Number(token.value)
        if token.kind != "name":
            raise _wrong(token, missing)
        return Named(token.value, token.at)

    @staticmethod
    def joined(sign: _Token, left: Term, right: Term) -> Term:
        """Two terms; numbers are reckoned at once."""
        if sign.said == "/" and right == Number(0.0):
            raise _wrong(sign, _ZERO)
        if not (isinstance(left, Number) and isinstance(right, Number)):
            return Calculation(sign.said, left, right)
        return Number(_finite(reckoned(sign.said, left.value, right.value), sign))

    # --- values ---

    def several(self) -> tuple[Value, ...]:
        self.needs("(")
        values = [self.value()]
        while self.passes(","):
            values.append(self.value())
        self.needs(")")
        return tuple(values)

    def quoted(self) -> str:
        token = self.take()
        if token.kind != "text":
            raise _wrong(token, _TEXT)
        return str(token.value)

    def value(self) -> Value:
        sign = self.take() if self.is_sign("-", "+") else None
        token = self.take()
        if sign is not None:
            if token.kind != "number":
                raise _wrong(token, _VALUE)
            return -float(token.value) if sign.said == "-" else float(token.value)
        if token.kind == "word" and token.said in ("true", "false"):
            return token.said == "true"
        if token.kind not in ("text", "number", "date"):
            raise _wrong(token, _VALUE)
        value: Value = token.value
        return value


def reckoned(sign: str, left: float, right: float) -> float:
    """Two numbers joined by a sign; a number too large becomes infinite."""
    if sign == "/":
        return left / right
    return left * right if sign == "*" else left + right if sign == "+" else left - right
