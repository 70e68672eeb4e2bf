"""Help: what to do first, which page answers which question, how to read the figures, the words."""
