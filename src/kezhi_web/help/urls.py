"""Route of the help."""

from __future__ import annotations

from django.urls import path

from kezhi_web.help import views

urlpatterns = [path("help", views.manual, name="help")]
