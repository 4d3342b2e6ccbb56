"""Verifying: what a service derived is computed again from its facts, its facts from the log."""
