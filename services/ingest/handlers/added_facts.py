"""The facts that ingest adds to the log: somebody is new, somebody has a further name.

Only the kind of a name is told (`card`, `phone`): the log is kept for ever and read by everybody.
"""

from collections.abc import Callable, Sequence
from typing import Final

from services.ingest.domain.identify import NewName
from services.ingest.domain.names import Name
from shared.clock import Instant
from shared.events import encode, types
from shared.events.added import MemberCreated, MemberIdentified
from shared.events.facts import Data
from shared.events.topics import EVENTS
from shared.kafka.partitioner import partition_of
from shared.outbox import Outgoing

ORIGIN: Final = "regulars/ingest"
"""The CloudEvents source of what ingest says itself."""


def added_facts(
    new: Sequence[NewName], hash_of: Callable[[Name], bytes], partitions: int, now: Instant
) -> list[Outgoing]:
    """`member.created` and `member.identified` for new names; their ids follow from the names."""
    told: list[Outgoing] = []
    for each in new:
        subject = str(each.member_id)
        event_type, event_id, data = _told(each, subject, hash_of)
        value = encode(
            type=event_type,
            source=ORIGIN,
            id=event_id,
            subject=subject,
            at=each.cause.at,
            data=data,
            recorded_at=now,
        )
        key = subject.encode()
        told.append(Outgoing(EVENTS, partition_of(key, partitions), key, value))
    return told


def _told(new: NewName, subject: str, hash_of: Callable[[Name], bytes]) -> tuple[str, str, Data]:
    kinds, cause = [new.name.kind], new.cause
    if new.creates:
        data: Data = MemberCreated(identities=kinds, store_id=cause.store_id, cause=cause.event_id)
        return types.MEMBER_CREATED, f"created:{subject}", data
    data = MemberIdentified(identities=kinds, cause=cause.event_id)
    return types.MEMBER_IDENTIFIED, f"identified:{subject}:{hash_of(new.name).hex()}", data
