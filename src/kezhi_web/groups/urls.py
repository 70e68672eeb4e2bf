"""Routes of the groups."""

from __future__ import annotations

from django.urls import path

from kezhi_web.groups import segments, views

urlpatterns = [
    path("tiers", views.tiers, name="tiers"),
    path("rfm", views.rfm, name="rfm"),
    path("movement", views.movement, name="movement"),
    path("cohorts", views.cohorts, name="cohorts"),
    path("segments", segments.segments, name="segments"),
    path("segments/one", segments.one, name="segment"),
    path("segments/edit", segments.edit, name="segment-edit"),
    path("segments/count", segments.count, name="segment-count"),
    path("segments/drop", segments.drop, name="segment-drop"),
]
