"""What others may want to know of as it happens; webhooks listen."""

from __future__ import annotations

from django.dispatch import Signal

# each is sent with `facts`, a dictionary of plain values for JSON; names and ways to reach people are never in it
run_finished = Signal()
tier_changed = Signal()
alert_opened = Signal()
