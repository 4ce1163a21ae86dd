"""Doing: one task from reservation to record."""
