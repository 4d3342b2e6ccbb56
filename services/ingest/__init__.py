"""Ingest, the edge: who published it, is it well-formed, who is it about."""
