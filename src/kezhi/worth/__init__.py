"""What a customer is worth in all the senses that managers use, beside past and forecast gross profit."""

from kezhi.worth.work import Early, Found, Topic, Work, Worth

__all__ = ["Early", "Found", "Topic", "Work", "Worth"]
