"""Members as people look at them: one at a time, with their names and personal data opened."""

from typing import NamedTuple
from uuid import UUID

import orjson

from services.ingest.domain.names import Name
from services.ingest.store.identities import personal_place
from services.ingest.store.vault import UnreadableSecret, Vault
from shared.clock import Instant
from shared.db import Transaction

_MEMBER = """
SELECT member_id, created_at, first_event_at, first_event_id, source, store_id
  FROM members WHERE member_id = $1
"""
_NAMES = """
SELECT name_hash, kind, name_sealed, event_id, linked_at FROM identities
 WHERE member_id = $1 ORDER BY linked_at, kind, name_hash
"""
_PERSONAL = """
SELECT field, value_sealed, event_at FROM personal_data WHERE member_id = $1 ORDER BY field
"""


class KnownName(NamedTuple):
    """A name of a member; `name` is None where this process's key cannot open it."""

    kind: str
    name: Name | None
    event_id: str
    linked_at: Instant


class PersonalField(NamedTuple):
    """A field of personal data, and the time of the event that told it."""

    field: str
    value: object
    event_at: Instant


class MemberRecord(NamedTuple):
    """What ingest knows of a member."""

    member_id: UUID
    created_at: Instant
    first_event_at: Instant
    first_event_id: str
    source: str
    store_id: str | None
    names: list[KnownName]
    personal: list[PersonalField]


async def get_member(tx: Transaction, vault: Vault, member_id: UUID) -> MemberRecord | None:
    """One member with everything; None where there is none."""
    rows = await tx.fetch(_MEMBER, member_id)
    if not rows:
        return None
    names = [
        KnownName(
            row["kind"],
            _name(_opened(vault, row["name_sealed"], row["name_hash"])),
            row["event_id"],
            row["linked_at"],
        )
        for row in await tx.fetch(_NAMES, member_id)
    ]
    personal = []
    for row in await tx.fetch(_PERSONAL, member_id):
        value = _opened(vault, row["value_sealed"], personal_place(member_id, row["field"]))
        told = None if value is None else orjson.loads(value)
        if value is not None and told in (None, []):
            continue  # cleared; the row stays, so that what was told before does not come back
        personal.append(PersonalField(row["field"], told, row["event_at"]))
    row = rows[0]
    return MemberRecord(
        row["member_id"],
        row["created_at"],
        row["first_event_at"],
        row["first_event_id"],
        row["source"],
        row["store_id"],
        names,
        personal,
    )


def _opened(vault: Vault, sealed: bytes, bound_to: bytes) -> bytes | None:
    try:
        return vault.open(sealed, bound_to)
    except UnreadableSecret:
        return None


def _name(text: bytes | None) -> Name | None:
    if text is None:
        return None
    kind, _, value = text.decode().partition(":")
    return Name(kind, value)
