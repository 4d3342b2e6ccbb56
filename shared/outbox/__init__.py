"""Outgoing events: written in the transaction that decided them, published by one relay a service."""

from shared.outbox.append import Outgoing, append
from shared.outbox.relay import Relay

__all__ = ["Outgoing", "Relay", "append"]
