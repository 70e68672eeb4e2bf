"""Routes of the alerts."""

from __future__ import annotations

from django.urls import path

from kezhi_web.alerts import views
from kezhi_web.shown import linking  # noqa: F401  knows <id:...>

urlpatterns = [
    path("alerts", views.alerts, name="alerts"),
    path("alerts/act", views.act, name="alerts-act"),
    path("alerts/list.csv", views.call_list, name="alerts-list"),
    path("alerts/of/<str:since>/<str:cause>/<id:customer>", views.alert, name="alert"),
]
