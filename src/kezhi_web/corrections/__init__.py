"""What management says of coming periods in place of what was computed; and what if it were otherwise."""
