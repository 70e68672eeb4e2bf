"""All routes: each room has its own."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import include, path

# the rooms in alphabetical order; each has urls.py with its routes from the root
ROOMS = (
    *("alerts", "api", "capture", "corrections", "customers", "data", "forecast", "groups", "help", "hooks"),
    *("overview", "people", "referrals", "runs", "setup"),
)

urlpatterns = [
    path("", include(f"kezhi_web.{room}.urls")) for room in ROOMS if find_spec(f"kezhi_web.{room}.urls") is not None
]
