"""The tests behind the checks, by what they look at."""
