"""Routes of webhooks; they are shown on the page of the tokens."""

from __future__ import annotations

from django.urls import path

from kezhi_web.hooks import views

urlpatterns = [
    path("hooks/make", views.make_hook, name="hook-make"),
    path("hooks/<int:number>/try", views.try_hook, name="hook-try"),
    path("hooks/<int:number>/drop", views.drop, name="hook-drop"),
    path("hooks/deliveries/<int:number>/again", views.again, name="delivery-again"),
]
