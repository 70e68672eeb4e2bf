"""What a run writes into models.json: fits, lessons, season and backtest, now and as kezhi 0.1 wrote them."""

from __future__ import annotations

from typing import Any

OLD_FITS: dict[str, Any] = {
    "models": {
        "nbd": {
            "parameters": {"a": 1.84, "b": 2.67},
            "standard_errors": {"a": 0.05, "b": 0.07},
            "log_likelihood": -12345.6,
            "customers": 60,
            "diagnosis": [{"code": "ok", "severity": "info", "en": "The fit is sound.", "zh": "拟合正常。"}],
        },
        "gamma_gamma": {
            "parameters": {"p": 8.57, "q": 1.53, "k": 3224.15},
            "standard_errors": {"p": 0.4, "q": 0.1, "k": 210.0},
            "log_likelihood": -23456.7,
            "customers": 60,
            "diagnosis": [
                {
                    "code": "flat",
                    "severity": "warning",
                    "en": "q is near 1: the mean amount is uncertain.",
                    "zh": "q 接近 1，平均金额不够稳定。",
                }
            ],
        },
    },
    "assumptions": {
        "frequency_amount_correlation": 0.07,
        "dispersion": 1.54,
        "customers": 60,
        "active_periods": 351,
        "notes": [
            {
                "code": "independent",
                "en": "Frequency and amount look independent.",
                "zh": "频率与金额看来相互独立。",
            }
        ],
    },
    "frequency": [
        {"purchases": n, "observed": o, "expected": e}
        for n, o, e in (
            (0, 0.32, 0.3138),
            (1, 0.29, 0.2951),
            (2, 0.19, 0.1906),
            (3, 0.11, 0.1045),
            (4, 0.09, 0.096),
        )
    ],
    "amounts": {
        "edges": [0, 100, 200, 400, 800, 1600, 3200],
        "observed": [0.08, 0.2, 0.3, 0.24, 0.12, 0.06],
        "expected": [0.07, 0.22, 0.29, 0.23, 0.13, 0.06],
        "mode": 231.5,
        "density_at_mode": 0.0032,
    },
    "transitions": {
        "edges": [0.01, 1000, 10000, 100000, 200000],
        "expected_amount": [39526.87, 39527.42, 46918.52, 186871.70],
        "p_amount": [0.0126, 0.3719, 0.8754, 0.4707],
        "matrix": [
            [0.55, 0.43, 0.0126, 0.0074],
            [0.05, 0.57, 0.3719, 0.0081],
            [0.0, 0.08, 0.8754, 0.0446],
            [0.0, 0.01, 0.5193, 0.4707],
        ],
        "observed_matrix": [
            [0.5, 0.5, 0.0, 0.0],
            [0.04, 0.6, 0.36, 0.0],
            [0.0, 0.1, 0.88, 0.02],
            [None, None, None, None],
        ],
        "frequency": [
            {"now": 1, "expected": 1.68, "next": 2, "p_by_idle": [0.3606, 0.2949, 0.2356, 0.1892]},
            {"now": 2, "expected": 2.35, "next": 2, "p_by_idle": [0.3606, 0.2949, 0.2356, 0.1892]},
            {"now": 3, "expected": 3.0, "next": 3, "p_by_idle": [0.1367, 0.0958, 0.0669, 0.0477]},
        ],
        "trust_interval": [2, 3],
    },
}
EVENTS: dict[str, list[str]] = {"double_eleven": [], "店庆": ["2010-09-12/2010-09-13", "2011-09-10/2011-09-12"]}
FITS: dict[str, Any] = OLD_FITS | {
    "models": {
        "pareto_nbd": {
            "parameters": {"r": 0.71, "alpha": 3.2, "s": 0.61, "beta": 11.7},
            "standard_errors": {"r": 0.06, "alpha": 0.3, "s": 0.11, "beta": None},
            "log_likelihood": -12301.2,
            "customers": 60,
            "fallback": None,
            "diagnosis": [
                {
                    "code": "ok",
                    "severity": "ok",
                    "en": "The model was fitted without difficulty.",
                    "zh": "模型拟合顺利。",
                }
            ],
        },
        "mbg_cnbd_k": {
            "parameters": {"k": 2.0, "r": 0.8, "alpha": 4.4, "a": 0.6, "b": 2.1},
            "standard_errors": {"k": 0.0, "r": 0.07, "alpha": 0.4, "a": 0.1, "b": 0.5},
            "log_likelihood": -12290.8,
            "customers": 60,
            "fallback": None,
            "diagnosis": [],
        },
        **OLD_FITS["models"],
    },
}
FITS["models"]["nbd"] = FITS["models"]["nbd"] | {
    "diagnosis": [{"code": "wide", "severity": "warning", "en": "Only the rule rests on it.", "zh": "仅移转规则使用。"}]
}
LEARNED: dict[str, Any] = {
    "weights": {"pareto_nbd": 0.375, "mbg_cnbd_k": 0.625},
    "level": 0.94,
    "factors": {
        "purchases": {"edges": [1.0, 1.5, 1.8, 4.0], "effects": [-0.1, 0.0, 0.3, 0.05, 0.2]},
        "silence": {"edges": [0.5, 1.0], "effects": [0.25, 0.0, -0.25]},
        "tenure": {"edges": [0.912, 0.914], "effects": [0.0, 0.01, -0.01]},
        "amount": {"edges": [120.5, 1400.0], "effects": [-0.05, 0.0, 0.05]},
    },
    "origins": 3,
    "card_before": 0.5012,
    "card_after": 0.4873,
    "card": "used",
    "log_errors": [-0.08, -0.05, -0.06],
}
_MONTHS = (0.77, 0.9, 0.79, 0.83, 0.91, 1.24, 0.73, 0.9, 0.82, 1.48, 1.48, 1.14)
SEASON: dict[str, Any] = {
    "enough": True,
    "found": True,
    "remarks": [
        {
            "code": "season_found",
            "severity": "ok",
            "en": "Purchases follow a yearly season: October is 48 % busier than the average day of the year.",
            "zh": "购买有明显的年度季节性：10 月比全年平均高 48%。",
        }
    ],
    "plain": False,
    "months": [{"month": n, "factor": factor, "error": 0.05} for n, factor in enumerate(_MONTHS, 1)],
    "strongest": 10,
    "weakest": 7,
    "events": [
        {"name": "double_eleven", "factor": 2.41, "error": 0.2},
        {"name": "店庆", "factor": 1.2, "error": 0.15},
        {"name": "<b>sale</b>", "factor": 1.1, "error": 0.1},
    ],
    "trend": 0.0,
    "trend_error": 0.0,
}
NO_SEASON: dict[str, Any] = {
    "enough": False,
    "found": False,
    "remarks": [
        {
            "code": "season_too_short",
            "severity": "warning",
            "en": "The history of 12 months is too short to know the season.",
            "zh": "历史只有 12 个月，不足以了解季节性。",
        }
    ],
    "plain": True,
    "months": [{"month": n, "factor": 1.0, "error": 0.0} for n in range(1, 13)],
    "strongest": 1,
    "weakest": 1,
    "events": [],
    "trend": 0.0,
    "trend_error": 0.0,
}
OLD_BACKTEST: dict[str, Any] = {
    "split": "2011-08-31",
    "until": "2011-11-30",
    "periods": 3,
    "customers": 55,
    "amount": 1_310_000.0,
    "methods": [
        {
            "method": "nbd",
            "amount": 1_200_000.0,
            "bias": -0.084,
            "mae": 310.2,
            "rmse": 900.1,
            "gini": 0.71,
            "purchases": 200.0,
            "purchases_bias": -0.03,
        },
        {
            "method": "transition",
            "amount": 1_000_000.0,
            "bias": -0.237,
            "mae": 350.0,
            "rmse": 950.0,
            "gini": 0.66,
            "purchases": 190.0,
            "purchases_bias": -0.08,
        },
        {
            "method": "repeat_last",
            "amount": 1_550_000.0,
            "bias": 0.183,
            "mae": 420.9,
            "rmse": 1200.7,
            "gini": 0.6,
            "purchases": 231.0,
            "purchases_bias": 0.12,
        },
    ],
}


_COUNTS = {"purchases_mae": 0.31, "purchases_rmse": 0.62, "purchases_deviance": 0.48}
_METHODS = [score | _COUNTS | {"top20": 0.7} for score in OLD_BACKTEST["methods"]]
BACKTEST: dict[str, Any] = OLD_BACKTEST | {
    "one_in": 1,
    "methods": [
        _METHODS[0] | {"method": "auto"},
        *_METHODS,
        _METHODS[0] | {"method": "mean", "gini": None, "top20": None},
    ],
    "origins": [
        {
            "split": split,
            "until": until,
            "customers": 50,
            "amount": amount,
            "forecast": {"auto": ours, "repeat_last": last},
        }
        for split, until, amount, ours, last in (
            ("2011-02-28", "2011-05-31", 1_000_000.0, 1_100_000.0, 700_000.0),
            ("2011-05-31", "2011-08-31", 1_200_000.0, 1_140_000.0, 1_000_000.0),
            ("2011-08-31", "2011-11-30", 1_310_000.0, 1_200_000.0, 1_550_000.0),
        )
    ],
}
