"""Routes of corrections and of what-if."""

from __future__ import annotations

from django.urls import path

from kezhi_web.corrections import edits, sheets, views, what_if
from kezhi_web.shown import linking  # noqa: F401  knows <id:...>

urlpatterns = [
    path("corrections", views.corrections, name="corrections"),
    path("corrections/new", views.new, name="correction-new"),
    path("corrections/of/<id:customer>", edits.of_customer, name="correction-of"),
    path("corrections/undo", views.undo, name="correction-undo"),
    path("corrections/sheet.xlsx", sheets.download, name="correction-sheet"),
    path("corrections/upload", sheets.upload, name="correction-upload"),
    path("corrections/trial/<int:number>", views.trial, name="correction-trial"),
    path("corrections/trial/<int:number>/confirm", views.confirm, name="correction-confirm"),
    path("corrections/trial/<int:number>/drop", views.drop, name="correction-drop"),
    path("what-if", what_if.what_if, name="what-if"),
    path("what-if/lifetime", what_if.lifetime, name="lifetime"),
]
