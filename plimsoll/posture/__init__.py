"""Posture: the objects of a cluster judged by what they allow, before anything happens."""
