"""Routes of the API and of its page."""

from __future__ import annotations

from django.urls import path

from kezhi_web.api import views
from kezhi_web.api.app import api

urlpatterns = [
    path("api/", api.urls),
    path("tokens", views.tokens, name="tokens"),
    path("tokens/make", views.make_token, name="token-make"),
    path("tokens/<int:number>/revoke", views.revoke, name="token-revoke"),
]
