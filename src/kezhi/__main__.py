"""python -m kezhi: the same as the kezhi command."""

from kezhi.cli import main

main()
