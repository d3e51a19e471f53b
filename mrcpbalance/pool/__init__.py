"""Backends, their capacity, and which one a new session gets."""
