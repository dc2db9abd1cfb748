"""Sigma's rules over audit events: YAML → tests and a condition → masks over columns → alerts."""
