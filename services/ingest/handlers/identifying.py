"""Finding the member that an event is about: by heart, or a request at once in the database."""

import secrets
from collections.abc import Collection, Sequence
from functools import partial
from uuid import UUID

from msgspec import Struct

from services.ingest.domain.candidate import Candidate, Named
from services.ingest.domain.identify import (
    Cause,
    Claim,
    Identification,
    Identified,
    Rules,
    uuid7,
)
from services.ingest.domain.names import Name, NotAName, parse_name, parse_place
from services.ingest.domain.recent import Recent
from services.ingest.domain.refusal import Refusal, invalid, wrong_field
from services.ingest.domain.splice import names_in, rewritten
from services.ingest.handlers.added_facts import added_facts
from services.ingest.metrics import IngestMetrics
from services.ingest.store.identities import Identities, PersonalValue
from shared.clock import Instant, from_datetime
from shared.db import Transaction
from shared.events import types
from shared.events.edge import Problem
from shared.kafka.partitioner import partition_of
from shared.outbox import Outgoing

_REFERRED_NOBODY = wrong_field(
    "/data/attribution/referrer", "who refers somebody refers a member: say who bought (subject)"
)


class Written(Struct):
    """What a transaction wrote, told once it is committed."""

    found: dict[str, Named]
    created: int = 0
    linked: int = 0
    conflicts: tuple[str, ...] = ()


class Identifier:
    """Members by name."""

    def __init__(
        self,
        identities: Identities,
        *,
        rules: Rules,
        partitions: int,
        remembered: int,
        personal_fields: frozenset[str],
        metrics: IngestMetrics,
    ) -> None:
        """Remember up to `remembered` names (at most twice as many)."""
        self._identities = identities
        self._rules = rules
        self._partitions = partitions
        self._personal_fields = personal_fields
        self._metrics = metrics
        self._by_heart: Recent[str, Named] = Recent(remembered)
        self._hits = metrics.lookups.labels("by heart")
        self._misses = metrics.lookups.labels("database")

    def by_heart(self, candidates: Collection[Candidate]) -> list[Candidate]:
        """Name those that need no database; refuse those whose names are none.

        Returns:
            Those that need the database.
        """
        waiting: list[Candidate] = []
        recall = self._by_heart.get
        memberless = types.MEMBERLESS
        for candidate in candidates:
            envelope = candidate.envelope
            if envelope.subject is None:
                self._nobody(candidate)
                continue
            named = recall(envelope.subject)
            if named is not None and (named.member_id is None) == (envelope.type in memberless):
                candidate.named = named
                if candidate.facts is None:
                    continue
            if envelope.type in memberless:
                self._place(candidate)
            elif _well_named(candidate):
                waiting.append(candidate)
        self._hits.inc(len(candidates) - len(waiting))
        if waiting:
            self._misses.inc(len(waiting))
        return waiting

    async def in_database(
        self, tx: Transaction, candidates: Sequence[Candidate], now: Instant
    ) -> tuple[Written, list[Outgoing]]:
        """Find or make the members of these events, link further names, keep personal data.

        Their names are well-formed (`by_heart` has seen to it). Nothing is remembered before
        `committed`.

        Returns:
            What is to be told after the commit, and the messages to append to the outbox.

        Raises:
            SeenElsewhere: roll back and try again.
        """
        claims = [_claim(each) for each in candidates]
        outcome, owners = await self._decide(tx, claims, now)
        if outcome.new:
            await self._identities.add(tx, outcome.new, now)
        if outcome.conflicts:
            await self._identities.note_conflicts(tx, outcome.conflicts, now)
        personal: list[PersonalValue] = []
        found: dict[str, Named] = {}
        for candidate, claim, member in zip(candidates, claims, outcome.members, strict=True):
            candidate.refusal = member if isinstance(member, Refusal) else None
            if isinstance(member, Refusal):
                continue
            candidate.named = self._named(claim.subject.kind, str(member))
            found[candidate.subject] = candidate.named
            personal += self._rewrite(candidate, member, owners)
        if personal:
            await self._identities.keep_personal(tx, personal)
        written = Written(
            found,
            sum(each.creates for each in outcome.new),
            sum(not each.creates for each in outcome.new),
            tuple(each.reason for each in outcome.conflicts),
        )
        return written, added_facts(outcome.new, self._identities.hash_of, self._partitions, now)

    def committed(self, written: Written) -> None:
        """Remember what is now in the database, and count it."""
        for name, named in written.found.items():
            self._by_heart.put(name, named)
        self._metrics.members_created.inc(written.created)
        self._metrics.names_linked.inc(written.linked)
        for reason in written.conflicts:
            self._metrics.conflicts.labels(reason).inc()

    def _nobody(self, candidate: Candidate) -> None:
        """Nobody knows who bought: it goes to some partition, by its own name."""
        if candidate.facts is not None:
            candidate.refusal = _REFERRED_NOBODY
            return
        key = f"nobody:{candidate.envelope.source}:{candidate.envelope.id}".encode()
        candidate.named = Named("", key, partition_of(key, self._partitions), "", None)

    def _place(self, candidate: Candidate) -> None:
        subject = candidate.subject
        try:
            place = parse_place(subject)
        except NotAName as error:
            candidate.refusal = wrong_field("/subject", str(error))
            return
        key = place.text.encode()
        partition = partition_of(key, self._partitions)
        candidate.named = Named(place.text, key, partition, place.kind, None)
        self._by_heart.put(subject, candidate.named)

    async def _decide(
        self, tx: Transaction, claims: Sequence[Claim], now: Instant
    ) -> tuple[Identified, dict[Name, UUID]]:
        """The outcome of the claims, and whose each name then is."""
        names = {
            name for claim in claims for name in (claim.subject, *claim.further, *claim.others)
        }
        owners = await self._identities.find(tx, names)
        counts: dict[tuple[UUID, str], int] = {}
        if any(claim.further for claim in claims):
            counts = await self._identities.counts(tx, set(owners.values()))
        identification = Identification(owners, counts, partial(_new_id, now), self._rules)
        return identification.decide(claims), owners

    def _named(self, kind: str, member_id: str) -> Named:
        key = member_id.encode()
        return Named(member_id, key, partition_of(key, self._partitions), kind, member_id)

    def _rewrite(
        self, candidate: Candidate, member: UUID, owners: dict[Name, UUID]
    ) -> list[PersonalValue]:
        """Put member ids in the place of names, and take personal data out."""
        envelope = candidate.envelope
        if candidate.facts is None:
            return []
        _, others = names_in(candidate)
        members = {text: str(owners[parse_name(text)]) for text in others}
        candidate.data, found = rewritten(envelope.data, self._personal_fields, members)
        at = from_datetime(envelope.time)
        if envelope.type == types.MEMBER_JOINED:
            # who joins leaves fields empty that are known from elsewhere
            found = [each for each in found if not each.clears]
        return [PersonalValue(member, each.field, each.value, at) for each in found]


def _well_named(candidate: Candidate) -> bool:
    """Whether all names in an event are well-formed; if not it gets its refusal."""
    further, others = names_in(candidate)
    told = [("/subject", candidate.subject)]
    told += [(f"/data/identities/{index}", text) for index, text in enumerate(further)]
    told += [(_place_of(candidate, text), text) for text in others]
    problems: list[Problem] = []
    for pointer, text in told:
        try:
            parse_name(text)
        except NotAName as error:
            problems.append(Problem(pointer=pointer, reason=str(error)))
    if problems:
        candidate.refusal = invalid(problems)
    return not problems


def _place_of(candidate: Candidate, referrer: str) -> str:
    """Where a referrer's name stands."""
    if getattr(candidate.facts, "referrer", None) == referrer:
        return "/data/referrer"
    return "/data/attribution/referrer"


def _claim(candidate: Candidate) -> Claim:
    envelope = candidate.envelope
    further, others = names_in(candidate)
    at = from_datetime(envelope.time)
    cause = Cause(envelope.id, envelope.source, at, candidate.store_id)
    return Claim(
        parse_name(candidate.subject),
        [parse_name(text) for text in further],
        {parse_name(text): _place_of(candidate, text) for text in others},
        cause,
    )


def _new_id(now: Instant) -> UUID:
    return uuid7(now // 1_000, secrets.token_bytes(10))
