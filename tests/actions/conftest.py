"""Actions are measured on the same way of a run as the senses of worth."""

from worth.conftest import followed, worked

__all__ = ["followed", "worked"]
