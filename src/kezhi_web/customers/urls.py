"""Routes of the list of customers and of one customer's page."""

from __future__ import annotations

from django.urls import path

from kezhi_web.customers import account, views
from kezhi_web.shown import linking  # noqa: F401  knows <id:...>

urlpatterns = [
    path("customers", views.customers, name="customers"),
    path("customer-lists/condition", views.condition, name="customers-condition"),
    path("customer-lists/view", views.save_view, name="customers-save-view"),
    path("customer-lists/view/<int:number>/drop", views.drop_view, name="customers-drop-view"),
    path("customer-lists/segment", views.save_segment, name="customers-save-segment"),
    path("customer-lists/export", views.export, name="customers-export"),
    path("customers/<id:customer_id>", account.customer, name="customer"),
]
