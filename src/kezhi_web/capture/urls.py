"""Routes of what people record."""

from __future__ import annotations

from django.urls import path

from kezhi_web.capture import views

urlpatterns = [
    path("recorded", views.recorded, name="recorded"),
    path("recorded/<int:number>", views.entry, name="recorded-entry"),
    path("recorded/<int:number>/withdraw", views.withdraw_entry, name="recorded-withdraw"),
    path("record/<slug:table>", views.record_new, name="record"),
]
