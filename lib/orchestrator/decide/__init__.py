"""Thinking: pure functions of values; no I/O and no clock."""
