"""Routes of runs, their schedule, and jobs."""

from __future__ import annotations

from django.urls import path

from kezhi_web.runs import health, jobs_seen, views

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("runs", views.runs, name="runs"),
    path("runs/start", views.start, name="run-start"),
    path("runs/nightly", views.nightly, name="run-nightly"),
    path("runs/compare", views.compare, name="run-compare"),
    path("runs/of/<str:name>", views.run, name="run"),
    path("runs/of/<str:name>/report.<str:kind>", views.report, name="run-report"),
    path("runs/of/<str:name>/delete", views.delete, name="run-delete"),
    path("jobs/<int:number>", jobs_seen.job, name="job"),
    path("jobs/<int:number>/progress", jobs_seen.progress, name="job-progress"),
    path("jobs/<int:number>/cancel", jobs_seen.cancel, name="job-cancel"),
    path("jobs/<int:number>/again", jobs_seen.again, name="job-again"),
]
