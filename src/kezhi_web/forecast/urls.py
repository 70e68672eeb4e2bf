"""Routes of the forecast."""

from __future__ import annotations

from django.urls import path

from kezhi_web.forecast import views

urlpatterns = [
    path("forecast", views.forecast, name="forecast"),
    path("forecast/calibration", views.calibration, name="forecast-calibration"),
]
