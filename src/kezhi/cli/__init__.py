"""The command line: each command parses, calls, prints."""

from kezhi.cli.app import app, main

__all__ = ["app", "main"]
