"""The fitting machinery on functions whose maximum is known."""

from __future__ import annotations

import numpy as np
import pytest

from kezhi.models import NBDFit, fitting
from kezhi.models.fitting import Diagnosis

TOP = np.array([0.5, -1.0])
BEND = np.array([[-4.0, 1.0], [1.0, -2.0]])


def hill(at):
    away = at - TOP
    return float(away @ BEND @ away / 2), BEND @ away, BEND


def two_hills(at):
    """A low hill at -2 and a high one at 3."""
    (u,) = at
    low, high = np.exp(-((u + 2) ** 2)), 2 * np.exp(-((u - 3) ** 2))
    slope = -2 * (u + 2) * low - 2 * (u - 3) * high
    bend = (4 * (u + 2) ** 2 - 2) * low + (4 * (u - 3) ** 2 - 2) * high
    return float(low + high), np.array([slope]), np.array([[bend]])


def slope_without_end(at):
    return float(at[0]), np.array([1.0]), np.array([[0.0]])


@pytest.mark.parametrize("basis", [np.eye(2), np.array([[-1.0, 1.0], [0.0, 1.0]])])
def test_the_top_of_a_hill(basis):
    found = fitting.maximise(hill, [np.array([5.0, 5.0])], basis)
    assert found.converged
    assert found.point == pytest.approx(TOP, abs=1e-12)
    assert found.covariance == pytest.approx(np.linalg.inv(-BEND), rel=1e-12)
    assert found.parameters == pytest.approx(np.exp(TOP))


def test_several_starts_find_the_higher_hill():
    low = fitting.maximise(two_hills, [np.array([-2.2])], np.eye(1))
    both = fitting.maximise(two_hills, [np.array([-2.2]), np.array([2.5])], np.eye(1))
    assert low.point == pytest.approx([-2], abs=1e-3)
    assert both.point == pytest.approx([3], abs=1e-3)


def test_a_slope_without_end_is_not_called_converged():
    found = fitting.maximise(slope_without_end, [np.array([0.0])], np.eye(1))
    assert not found.converged
    assert np.all(np.isfinite(found.point))
    assert found.covariance.tolist() == [[0.0]]
    assert [remark.code for remark in fitting.remarks_on(found, 500, ("b",))] == ["not_converged"]


def test_no_start():
    with pytest.raises(ValueError, match="starts"):
        fitting.maximise(hill, [], np.eye(2))


def test_remarks_say_what_is_loose():
    flat = fitting.Optimum(np.zeros(2), 0.0, np.diag([-1.0, -100.0]), converged=True)
    loose, few = fitting.remarks_on(flat, 500, ("a", "b")), fitting.remarks_on(flat, 40, ("a", "b"))
    assert [remark.code for remark in loose] == ["imprecise"]
    assert " a only loosely" in loose[0].en
    assert [remark.code for remark in few] == ["few_customers", "imprecise"]
    assert "40" in few[0].en
    assert "40" in few[0].zh


def test_standard_errors_by_the_delta_method():
    found = fitting.natural(("a", "b"), np.array([10.0, 0.5]), np.array([[0.04, 0.01], [0.01, 0.09]]))
    assert found["standard_errors"] == pytest.approx({"a": 2.0, "b": 0.15})
    assert found["covariance"] == pytest.approx(np.array([[4.0, 0.05], [0.05, 0.0225]]))


def test_a_fit_reads_what_a_newer_version_wrote():
    fit = NBDFit.from_json({"model": "nbd", "parameters": {"a": 1.0, "b": 2.0}, "colour": "blue"})
    assert fit.a == 1.0
    assert fit.covariance.shape == (0, 0)


def test_a_warning_takes_trust_away():
    remark = Diagnosis("x", "warning", "A {n}.", "一 {n}。").fill(n=3)
    assert (remark.en, remark.zh) == ("A 3.", "一 3。")
    assert not NBDFit(parameters={"a": 1.0, "b": 1.0}, diagnosis=(remark,)).trusted
    assert NBDFit.with_parameters(a=1, b=1).trusted
