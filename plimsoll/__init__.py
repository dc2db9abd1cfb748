"""Plimsoll: the learned line of normal behaviour of a Kubernetes cluster."""

__version__ = "0.1.0"
