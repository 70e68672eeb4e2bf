"""Whether the application is well, for whoever watches over it. Nothing is told of the company."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from kezhi_web.people.rights import open_to_all


@open_to_all
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 and "ok" where the database answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
