"""Kafka for the services; only this package imports the client library."""
