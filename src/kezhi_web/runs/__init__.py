"""Long work: jobs, who works on them, runs and their schedule."""
