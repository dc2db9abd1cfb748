"""Falco's rule language: files of rules → trees → masks over columns of events → alerts."""
