"""Routes of the referrals."""

from __future__ import annotations

from django.urls import path

from kezhi_web.referrals import views
from kezhi_web.shown import linking  # noqa: F401  knows <id:...>

urlpatterns = [
    path("referrals", views.referrals, name="referrals"),
    path("referrals/scenario", views.scenario, name="referral-scenario"),
    path("referrals/problems", views.problems, name="referral-problems"),
    path("referrals/under/<id:customer>", views.under, name="referrals-under"),
    path("referrals/of/<id:customer>", views.tree, name="referral-tree"),
]
