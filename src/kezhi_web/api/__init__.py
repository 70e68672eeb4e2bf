"""The API: the figures of a run for programs, by tokens that may do no more than their person."""
