"""Ingest's HTTP API: one file per noun; `events` bypasses the framework."""
