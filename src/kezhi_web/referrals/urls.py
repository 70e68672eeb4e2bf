"""Routes of the referrals."""

from __future__ import annotations

from django.urls import path

from kezhi_web.referrals import views

urlpatterns = [
    path("referrals", views.referrals, name="referrals"),
    path("referrals/scenario", views.scenario, name="referral-scenario"),
    path("referrals/problems", views.problems, name="referral-problems"),
    path("referrals/under/<path:customer>", views.under, name="referrals-under"),
    path("referrals/of/<path:customer>", views.tree, name="referral-tree"),
]
