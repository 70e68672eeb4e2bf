"""The API keeps its own description, whatever is sent to it: schemathesis makes up requests from the description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from casting import Cast, Program
from kezhi_web.api.app import api

EXAMPLES, DEAR = 8, 2
STARTS_A_PROCESS = ("/api/export", "/api/imports")


def described() -> Any:
    """The description as a program reads it."""
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema(), default=str)))
    schema.app = get_wsgi_application()
    return schema


OPERATIONS = [one.ok() for one in described().get_all_operations()]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests that do not come by Django's test client would close the connection of the test."""
    both = (signals.request_started, signals.request_finished)
    for one in both:
        one.disconnect(close_old_connections)
    yield
    for one in both:
        one.connect(close_old_connections)


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_every_answer_is_as_described(home: Path, cast: Cast, operation: Any) -> None:
    """No failure of ours, and every answer has the form that the description gives it; a token that may everything."""
    said = {"Authorization": f"Bearer {Program(cast, 'administrator').said}"}
    number = DEAR if operation.path in STARTS_A_PROCESS else EXAMPLES

    @given(case=operation.as_strategy())
    @settings(
        max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case: Any) -> None:
        case.call_and_validate(headers=said, checks=[not_a_server_error, response_schema_conformance])

    ask()


def test_every_operation_says_what_it_is_for() -> None:
    """And what it answers."""
    for one in OPERATIONS:
        assert one.definition.raw.get("description"), one.path
        assert set(one.definition.raw["responses"]) & {"200", "202"}, one.path
