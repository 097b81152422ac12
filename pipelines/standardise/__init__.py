"""Cleaners of single values, one room a kind; each is a pure function and never raises."""
