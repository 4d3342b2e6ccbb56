"""Outgoing events: written in the transaction that decides them, published by one relay."""

from shared.outbox.append import Outgoing, append
from shared.outbox.direct import DirectOutbox
from shared.outbox.relay import Relay

__all__ = ["DirectOutbox", "Outgoing", "Relay", "append"]
