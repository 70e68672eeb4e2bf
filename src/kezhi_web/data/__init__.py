"""Files that come in: looked at before anything counts, imported, taken back; what the book holds and what it lacks."""
