"""Remembering: usage, reservations, journals; the only code that writes."""
