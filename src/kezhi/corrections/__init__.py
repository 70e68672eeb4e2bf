"""What management says of coming periods in place of what was computed: who, when, why, for whom, and undone."""
