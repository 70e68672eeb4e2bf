"""Who sent whom, and what each branch is worth."""
