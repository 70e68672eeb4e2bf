"""One writer of the book at a time: imports, what is taken back, and what was recorded, all in the worker's process."""

from __future__ import annotations

import threading

book = threading.RLock()
