"""One customer's page."""

from __future__ import annotations

from django.http import HttpResponse

from kezhi_web.people.rights import SignedIn, needs


@needs("own")
def customer(request: SignedIn, customer_id: str) -> HttpResponse:
    """To come."""
    return HttpResponse(customer_id)
