"""Routes of uploads, imports, data quality and templates."""

from __future__ import annotations

from django.urls import path

from kezhi_web.data import views, views_of_imports, views_of_quality

urlpatterns = [
    path("data", views.data, name="data"),
    path("data/upload", views.upload_files, name="upload-files"),
    path("data/uploads/<int:number>", views.upload, name="upload"),
    path("data/uploads/<int:number>/columns", views.choose_columns, name="upload-columns"),
    path("data/uploads/<int:number>/import", views.confirm, name="upload-import"),
    path("data/uploads/<int:number>/drop", views.drop, name="upload-drop"),
    path("data/run", views.start_run, name="data-run"),
    path("data/imports", views_of_imports.history, name="imports"),
    path("data/imports/<slug:table>/<slug:sha256>", views_of_imports.one_import, name="import"),
    path("data/imports/<slug:table>/<slug:sha256>/back", views_of_imports.take_back, name="import-back"),
    path(
        "data/imports/<slug:table>/<slug:sha256>/quarantine.<slug:kind>",
        views_of_imports.quarantine_file,
        name="quarantine-file",
    ),
    path("data/quality", views_of_quality.quality_page, name="quality"),
    path("data/templates", views_of_quality.templates, name="templates"),
    path("data/templates/<slug:table>.<slug:kind>", views_of_quality.template_file, name="template"),
]
