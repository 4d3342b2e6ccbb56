"""Giving a member a further name by hand."""

from uuid import UUID

from services.ingest.domain.identify import Cause, Claim, Identification, Rules
from services.ingest.domain.names import MEMBER, Name
from services.ingest.domain.refusal import Refusal
from services.ingest.handlers.added_facts import added_facts
from services.ingest.metrics import IngestMetrics
from services.ingest.store.identities import Identities, SeenElsewhere
from shared.clock import Clock
from shared.db import Transaction
from shared.outbox import append

NO_SUCH_MEMBER = Refusal(404, "not-found", "there is no such member")
NAMES_NOBODY = Refusal(422, "blocked-name", "this name is on the block list: it names nobody")
SOMEBODY_ELSE = Refusal(
    409, "identity-conflict", "this name belongs to another member; merging them comes first"
)
TOO_MANY = Refusal(409, "identity-limit", "this member has as many names of this kind as allowed")


def _no_new_member() -> UUID:
    raise AssertionError("a member is there already")


class Linker:
    """Links names to members that exist."""

    def __init__(
        self,
        identities: Identities,
        rules: Rules,
        partitions: int,
        clock: Clock,
        metrics: IngestMetrics,
    ) -> None:
        """Link by the same rules as events do."""
        self._identities = identities
        self._rules = rules
        self._partitions = partitions
        self._clock = clock
        self._metrics = metrics

    async def link(self, tx: Transaction, member_id: UUID, name: Name, by: str) -> Refusal | None:
        """Link a name in the caller's transaction; nothing happens when it is linked already.

        Returns:
            Why it cannot be, or None.
        """
        member = Name(MEMBER, str(member_id))
        known = await self._identities.find(tx, (member, name))
        if member not in known:
            return NO_SUCH_MEMBER
        if name in self._rules.blocked or name.kind == MEMBER:
            return NAMES_NOBODY
        now = self._clock.now()
        cause = Cause(f"linked-by:{by}"[:128], "regulars/ingest", now, None)
        counts = await self._identities.counts(tx, {member_id})
        deciding = Identification(known, counts, _no_new_member, self._rules)
        outcome = deciding.decide([Claim(member, [name], {}, cause)])
        if outcome.conflicts:
            self._metrics.conflicts.labels(outcome.conflicts[0].reason).inc()
            return SOMEBODY_ELSE if outcome.conflicts[0].reason == "other-member" else TOO_MANY
        if outcome.new:
            try:
                await self._identities.add(tx, outcome.new, now)
            except SeenElsewhere:
                return SOMEBODY_ELSE
            facts = added_facts(outcome.new, self._identities.hash_of, self._partitions, now)
            await append(tx, facts, now)
            self._metrics.names_linked.inc()
        return None
