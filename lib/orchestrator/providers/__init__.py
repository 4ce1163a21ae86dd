"""Reaching: the clients and wire formats of the providers."""
