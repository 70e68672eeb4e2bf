"""What customers may need next: of which product, when, how likely, worth how much, and why."""

from kezhi.worth.needs.topic import measured

__all__ = ["measured"]
