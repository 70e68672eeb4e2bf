"""Routes of signing in and of people."""

from __future__ import annotations

from django.urls import path

from kezhi_web.people import auditing, first, managing, views

urlpatterns = [
    path("login", views.login, name="login"),
    path("logout", views.logout, name="logout"),
    path("choose", views.choose, name="choose"),
    path("first", first.first, name="first"),
    path("password/<place>/<token>", views.new_password, name="new-password"),
    path("account", views.account, name="account"),
    path("account/password", views.password, name="password"),
    path("people", managing.people, name="people"),
    path("people/add", managing.add, name="person-add"),
    path("people/log", auditing.log, name="audit"),
    path("people/log.csv", auditing.download, name="audit-csv"),
    path("people/<int:person_id>", managing.person, name="person"),
    path("people/<int:person_id>/link", managing.link, name="person-link"),
    path("people/<int:person_id>/active", managing.active, name="person-active"),
]
