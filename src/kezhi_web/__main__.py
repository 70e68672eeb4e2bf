"""python -m kezhi_web COMMAND: Django's own commands (migrate, check, createsuperuser, ...) and ours."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one command with the settings of this application."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kezhi_web.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
