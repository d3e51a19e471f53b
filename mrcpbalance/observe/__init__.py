"""Counters and the session log."""
