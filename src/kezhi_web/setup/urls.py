"""Routes of the settings."""

from __future__ import annotations

from django.urls import path

from kezhi_web.setup import views

urlpatterns = [path("settings", views.setup, name="setup")]
