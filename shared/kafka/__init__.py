"""Kafka for the services; only this package imports the client library, and mends it first."""

from shared.kafka import connection, pacing, reading

connection.mend()
reading.mend()
pacing.mend()
