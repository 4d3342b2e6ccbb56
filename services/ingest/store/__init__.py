"""Ingest's SQL: one file per noun."""
