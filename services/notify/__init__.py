"""Notify: what to say, to whom, when, or not at all."""
