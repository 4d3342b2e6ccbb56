"""Members and their names: looked up in bulk, made in bulk, safe against others doing the same."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.ingest.domain.identify import Conflict, NewName
from services.ingest.domain.names import MEMBER, Name
from services.ingest.store.vault import Vault
from shared.clock import Instant
from shared.db import Transaction

_FIND_NAMES = """
SELECT name_hash, member_id FROM identities WHERE name_hash = ANY($1::bytea[])
"""
_FIND_MEMBERS = "SELECT member_id FROM members WHERE member_id = ANY($1::uuid[])"
_COUNTS = """
SELECT member_id, kind, count(*) AS names FROM identities
 WHERE member_id = ANY($1::uuid[]) GROUP BY member_id, kind
"""
# In the order of the hashes, so that two processes that meet wait for each other and never
# both ways round.
_ADD_NAMES = """
INSERT INTO identities (name_hash, member_id, kind, name_sealed, event_id, linked_at)
SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::bigint[])
         AS n(name_hash, member_id, kind, name_sealed, event_id, linked_at)
 ORDER BY n.name_hash
    ON CONFLICT (name_hash) DO NOTHING
"""
_ADD_MEMBERS = """
INSERT INTO members (member_id, created_at, first_event_at, first_event_id, source, store_id)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
"""
_ADD_CONFLICTS = """
INSERT INTO identity_conflicts
       (name_hash, member_id, owner_id, kind, reason, event_id, found_at)
SELECT c.name_hash, c.member_id, i.member_id, c.kind, c.reason, c.event_id, $6
  FROM unnest($1::bytea[], $2::uuid[], $3::text[], $4::text[], $5::text[])
       AS c(name_hash, member_id, kind, reason, event_id)
  LEFT JOIN identities i ON i.name_hash = c.name_hash
 ORDER BY c.name_hash, c.member_id
    ON CONFLICT (name_hash, member_id) DO NOTHING
"""
_KEEP_PERSONAL = """
INSERT INTO personal_data (member_id, field, value_sealed, event_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bigint[])
         AS p(member_id, field, value_sealed, event_at)
 ORDER BY p.member_id, p.field
    ON CONFLICT (member_id, field) DO UPDATE
       SET value_sealed = EXCLUDED.value_sealed, event_at = EXCLUDED.event_at
     WHERE personal_data.event_at <= EXCLUDED.event_at
"""


class SeenElsewhere(Exception):  # noqa: N818 - says what has happened
    """Somebody else added one of these names in the same moment: look again, and decide again."""


class PersonalValue(NamedTuple):
    """One field of personal data, as JSON, and when it was told."""

    member_id: UUID
    field: str
    value: bytes
    at: Instant


class Identities:
    """The table of names, with the vault that seals them."""

    def __init__(self, vault: Vault) -> None:
        """Use this vault."""
        self._vault = vault

    async def find(self, tx: Transaction, names: Iterable[Name]) -> dict[Name, UUID]:
        """Whose the known ones of these names are."""
        wanted = list(names)
        hashes = {self._vault.name_hash(name.text): name for name in wanted if name.kind != MEMBER}
        found: dict[Name, UUID] = {}
        if hashes:
            for row in await tx.fetch(_FIND_NAMES, list(hashes)):
                found[hashes[row["name_hash"]]] = row["member_id"]
        ids = [UUID(name.value) for name in wanted if name.kind == MEMBER]
        if ids:
            for row in await tx.fetch(_FIND_MEMBERS, ids):
                found[Name(MEMBER, str(row["member_id"]))] = row["member_id"]
        return found

    async def counts(
        self, tx: Transaction, member_ids: Iterable[UUID]
    ) -> dict[tuple[UUID, str], int]:
        """How many names of each kind these members have."""
        rows = await tx.fetch(_COUNTS, list(member_ids))
        return {(row["member_id"], row["kind"]): row["names"] for row in rows}

    async def add(self, tx: Transaction, new: Sequence[NewName], now: Instant) -> None:
        """Write new names, and the members whom they are the first names of.

        Raises:
            SeenElsewhere: one of the names is there already; nothing of this may be committed.
        """
        hashes = [self._vault.name_hash(each.name.text) for each in new]
        written = await tx.execute(
            _ADD_NAMES,
            hashes,
            [each.member_id for each in new],
            [each.name.kind for each in new],
            [
                self._vault.seal(each.name.text.encode(), name_hash)
                for each, name_hash in zip(new, hashes, strict=True)
            ],
            [each.cause.event_id for each in new],
            [now] * len(new),
        )
        if written != f"INSERT 0 {len(new)}":
            raise SeenElsewhere
        created = [each for each in new if each.creates]
        await tx.execute(
            _ADD_MEMBERS,
            [each.member_id for each in created],
            [now] * len(created),
            [each.cause.at for each in created],
            [each.cause.event_id for each in created],
            [each.cause.source for each in created],
            [each.cause.store_id for each in created],
        )

    async def note_conflicts(
        self, tx: Transaction, conflicts: Sequence[Conflict], now: Instant
    ) -> None:
        """Write down names that were not linked, each once."""
        await tx.execute(
            _ADD_CONFLICTS,
            [self._vault.name_hash(each.name.text) for each in conflicts],
            [each.member_id for each in conflicts],
            [each.name.kind for each in conflicts],
            [each.reason for each in conflicts],
            [each.cause.event_id for each in conflicts],
            now,
        )

    async def keep_personal(self, tx: Transaction, values: Sequence[PersonalValue]) -> None:
        """Keep personal data; of each field what the latest event told."""
        latest: dict[tuple[UUID, str], PersonalValue] = {}
        for each in values:
            held = latest.get((each.member_id, each.field))
            if held is None or held.at <= each.at:
                latest[each.member_id, each.field] = each
        told = list(latest.values())
        await tx.execute(
            _KEEP_PERSONAL,
            [each.member_id for each in told],
            [each.field for each in told],
            [
                self._vault.seal(each.value, personal_place(each.member_id, each.field))
                for each in told
            ],
            [each.at for each in told],
        )

    def hash_of(self, name: Name) -> bytes:
        """What a name is looked up by."""
        return self._vault.name_hash(name.text)


def personal_place(member_id: UUID, field: str) -> bytes:
    """What a sealed value of a member's field is bound to."""
    return UUID(str(member_id)).bytes + field.encode()


def members_of(known: Mapping[Name, UUID]) -> set[UUID]:
    """Everybody who is known by one of these names."""
    return set(known.values())
