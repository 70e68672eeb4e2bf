"""What continuous integration makes of pip-audit's answers."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

PLACE = Path(__file__).parents[2] / ".ci" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    found = importlib.util.spec_from_file_location("ci_audit", PLACE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


FINE = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([FINE, FINE], 0, "none known in 2 packages"),
        ([FINE, SKIPPED], 0, "1 not checked"),
        ([SKIPPED], 0, "not checked"),
        ([FINE, BAD], 1, "b 2: PYSEC-1, mended in 2.1"),
    ],
)
def test_answers(audit: ModuleType, packages: list[object], code: int, says: str) -> None:
    """A known vulnerability fails, an unknown package does not."""
    found = audit.verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found[0] == code
    assert says in found[1]


def test_without_a_network_it_is_said(audit: ModuleType) -> None:
    """Nobody is stopped by a service that is away; but a failure of another kind is one."""
    away = audit.verdict("", "Traceback ...\nrequests.exceptions.ConnectionError: no way")
    assert away == (0, "vulnerabilities: not checked, the service that knows of them cannot be reached")
    assert audit.verdict("", "ERROR: invalid specifier")[0] == 1
    assert audit.verdict("[]", "ERROR")[0] == 1
