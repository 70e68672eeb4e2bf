"""Exports of well-known systems, recognised by their headers."""

from __future__ import annotations

PRESETS: dict[str, object] = {}
