"""Who needs a call today: alerts as a list to work through, what was done about them, and what came of it."""
