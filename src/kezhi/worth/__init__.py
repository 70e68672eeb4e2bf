"""What a customer is worth in all the senses that managers use, beside past and forecast gross profit."""

from kezhi.worth.topics import measure
from kezhi.worth.work import Found, Topic, Work

__all__ = ["Found", "Topic", "Work", "measure"]
