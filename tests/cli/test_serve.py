"""kezhi serve and the end of kezhi demo, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kezhi.cli import demo, main, serve
from kezhi.workspace import DEMO_MARK, write_json


def run(*arguments: object) -> int:
    """The exit code of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been served."""
    asked: list[Any] = []
    fake = SimpleNamespace(
        Place=lambda *given, **named: (given, named),
        serve=lambda place, say, **how: asked.append((place, how)),
        free=lambda place: asked.append("looked"),
        serve_demo=lambda place, say: asked.append((place, "demo")),
    )
    monkeypatch.setattr(serve, "application", lambda: fake)
    monkeypatch.setattr(demo, "application", lambda: fake)
    return asked


def test_pages_and_worker_by_default(served: list[Any], tmp_path: Path) -> None:
    """Either alone when asked for."""
    assert run("serve", "--workspace", tmp_path, "--port", 8123) == 0
    assert run("serve", "--workspace", tmp_path, "--web", "--open") == 0
    assert run("serve", "--workspace", tmp_path, "--worker") == 0
    assert [how for _, how in served] == [
        {"web": True, "worker": True, "browser": False},
        {"web": True, "worker": False, "browser": True},
        {"web": False, "worker": True, "browser": False},
    ]
    assert served[0][0] == ((tmp_path, "127.0.0.1", 8123), {})


def test_the_environment_may_name_the_workspace(
    served: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container."""
    monkeypatch.setenv("KEZHI_WORKSPACE", str(tmp_path))
    assert run("serve") == 0
    assert served[0][0][0][0] == tmp_path


def test_both_alone_is_told(served: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without either both are started."""
    assert run("serve", "--web", "--worker", "--lang", "en") == 2
    assert "without either" in capsys.readouterr().err


def test_what_to_install_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The web application is an extra."""
    monkeypatch.setitem(sys.modules, "django", None)
    assert run("serve", "--workspace", tmp_path / "new", "--lang", "en") == 2
    assert 'pip install "kezhi[web]"' in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def _company(place: Path, **wish: Any) -> Path:
    """A demo company, as far as the command looks at it."""
    write_json(place / DEMO_MARK, {"made_by": "kezhi demo", "sample": "teahouse", "language": "en", **wish})
    write_json(place / "runs" / "2026-01-01T000000Z" / "manifest.json", {})
    return place


def test_a_demo_company_that_is_there_is_served_as_it_is(
    served: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew only where something else is wished."""
    made: list[Path] = []
    monkeypatch.setattr(demo, "_make", lambda out, wish: made.append(out))
    place = _company(tmp_path / "demo", customers=60, seed=7)
    assert run("demo", "--out", place, "--customers", 60, "--seed", 7) == 0
    assert made == []
    assert served == ["looked", (((place,), {"port": None}), "demo")]
    for other in (("--seed", 8), ("--customers", 61), ("--lang", "zh"), ("--sample", "referrals"), ("--no-serve",)):
        made.clear()
        assert run("demo", "--out", place, "--customers", 60, "--seed", 7, *other) == 0
        assert made == [place], other


def test_without_the_web_application_the_demo_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The company is made all the same."""
    monkeypatch.setitem(sys.modules, "django", None)
    monkeypatch.setattr(demo, "_make", lambda out, wish: None)
    assert run("demo", "--out", tmp_path / "demo", "--lang", "en") == 0
    assert 'pip install "kezhi[web]"' in capsys.readouterr().out
