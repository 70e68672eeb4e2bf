"""Routes of signing in and of people."""

from __future__ import annotations

from django.urls import path

from kezhi_web.people import views

urlpatterns = [
    path("login", views.login, name="login"),
    path("logout", views.logout, name="logout"),
    path("choose", views.choose, name="choose"),
]
