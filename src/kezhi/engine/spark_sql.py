"""Where Ibis's SQL for Spark means something else than its SQL for DuckDB, put right in one place."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any


@cache
def backend() -> Any:
    """A maker of Ibis connections to a Spark session; made on demand, for Ibis's Spark backend imports pandas."""
    import ibis
    import ibis.expr.datatypes as dt
    import ibis.expr.operations as ops
    import sqlglot.expressions as sge
    from ibis.backends.pyspark import Backend
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler

    assert ibis.pyspark  # its options are registered by this
    whole_number = sge.DataType.build("decimal(38, 0)")

    class Compiler(PySparkCompiler):  # type: ignore[misc]  # Ibis has no types
        __slots__ = ()

        # 32 bits, as Spark's `hash` has, would take many different rows for equal
        SIMPLE_OPS = {**PySparkCompiler.SIMPLE_OPS, ops.Hash: "xxhash64"}  # noqa: RUF012

        def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
            """Spark takes 1.5 for a decimal, and whatever is computed of such numbers alone for one, too."""
            if dtype.is_floating() and math.isfinite(value):
                return self.cast(sge.convert(repr(float(value))), dtype)
            return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

        def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
            if to.is_decimal() and op.arg.dtype.is_floating():
                return self.cast(self._digits(self.cast, arg, to), to)
            return super().visit_Cast(op, arg=arg, to=to)

        def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:
            if to.is_decimal() and op.arg.dtype.is_floating():
                arg = self._digits(_try_cast, arg, to)
            return super().visit_TryCast(op, arg=arg, to=to)

        def _digits(self, cast: Any, arg: Any, to: Any) -> Any:
            """A float as a decimal as DuckDB makes it: times a power of ten, then rounded to a whole number."""
            power = self.cast(sge.convert(10**to.scale), dt.float64)
            whole = cast(self.f.anon.round(arg * power, 0), whole_number)
            if not to.scale:
                return whole
            unit = sge.DataType.build(f"decimal({to.scale}, {to.scale})")
            return whole * sge.Cast(this=sge.convert(f"1e-{to.scale}"), to=unit)

        def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:  # noqa: ARG002
            """Division by zero is no number; Spark's own would end the run, even where the row is not used."""
            return self.f.anon.try_divide(left, right)

        def visit_IsInf(self, op: Any, *, arg: Any) -> Any:
            """Ibis's own compares the expressions themselves, not their values: it says no to everything."""
            return self.f.abs(arg).eq(self.POS_INF) if op.arg.dtype.is_floating() else sge.false()

        def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:
            """As a quantile: Ibis's own makes the level, too, depend on the condition, which Spark refuses."""
            return self.visit_Quantile(op, arg=arg, quantile=sge.convert(0.5), where=where)

        def visit_WindowFunction(self, op: Any, **parts: Any) -> Any:
            """Spark numbers rows with 32 bits, Ibis believes 64, as DuckDB's are."""
            made = super().visit_WindowFunction(op, **parts)
            return self.cast(made, dt.int64) if isinstance(op.func, ops.RankBase) else made

        def cast(self, arg: Any, to: Any) -> Any:
            return sge.Cast(this=arg, to=to) if isinstance(to, sge.DataType) else super().cast(arg, to)

        def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: ARG002
            """Java writes the groups of a pattern $1."""
            assert isinstance(op.replacement, ops.Literal), "a replacement is written out"
            java = re.sub(r"\\(\d)", r"$\1", op.replacement.value.replace("$", r"\$"))
            return super().visit_RegexReplace(op, arg=arg, pattern=pattern, replacement=sge.convert(java))

    def _try_cast(arg: Any, to: Any) -> Any:
        return sge.TryCast(this=arg, to=to, safe=True)

    class Connection(Backend):  # type: ignore[misc]  # as above
        compiler = Compiler()

    return Connection().connect
