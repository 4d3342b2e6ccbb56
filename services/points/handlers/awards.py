"""Effects on somebody else: what a newcomer's purchases gave is told to whoever sent them.

Each is an event about the other member, in their partition, and there a fact. No lane writes
another member's rows (`services.points.domain.referral` has the why and what).
"""

from collections.abc import Sequence

from services.points.domain.ledger import Award, Effect, State
from services.points.domain.referral import AwardId, Said, changes, rewarded
from services.points.store import awards
from shared.db import Transaction
from shared.events import encode, types
from shared.runtime.batch import Batch
from shared.runtime.machine import Outcome


class Awards:
    """Writes awards, and tells those whom they are for."""

    def __init__(self, source: str, topic: str) -> None:
        """Speak in this name, on the topic of the facts."""
        self._source = source
        self._topic = topic

    async def write(
        self, tx: Transaction, outcomes: Sequence[Outcome[State, Effect]], batch: Batch
    ) -> None:
        """Tell what is new or has changed."""
        wanted = [
            (each.member_id, effect)
            for each in outcomes
            for effect in each.effects
            if type(effect) is Award
        ]
        anew = [each.member_id for each in outcomes if each.rebuilt]
        said = await awards.find(tx, batch.partition, anew) if anew else {}
        news = changes(wanted, said, batch.now)
        await awards.put(tx, batch.partition, news)
        for id_, told in news.items():
            self._tell(id_, told, batch)

    def _tell(self, id_: AwardId, told: Said, batch: Batch) -> None:
        receiver, at, data = rewarded(id_, told)
        message = encode(
            type=types.REFERRAL_REWARDED,
            source=self._source,
            id=f"{data.effect_id}.{told.revision}",
            subject=str(receiver),
            at=at,
            recorded_at=batch.now,
            data=data,
        )
        batch.emit_elsewhere(self._topic, str(receiver), message)
