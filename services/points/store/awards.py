"""Awards in the database: what was said of them last. Read and written in sets."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from services.points.domain.referral import AwardId, Said
from shared.db import Transaction

_FIND: Final = """
SELECT member_id, effect_id, revision, stands, award FROM awards
 WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""

_PUT: Final = """
INSERT INTO awards (partition, member_id, effect_id, revision, stands, award)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::boolean[], $6::bytea[])
    ON CONFLICT (partition, member_id, effect_id) DO UPDATE SET revision = EXCLUDED.revision,
       stands = EXCLUDED.stands, award = EXCLUDED.award
"""


async def find(tx: Transaction, partition: int, members: Sequence[UUID]) -> dict[AwardId, Said]:
    """All awards of some members."""
    rows = await tx.fetch(_FIND, partition, members)
    return {(member, effect): Said(*said) for member, effect, *said in rows}


async def put(tx: Transaction, partition: int, said: Mapping[AwardId, Said]) -> None:
    """Write what is said now."""
    if said:
        rows = [(*id_, *each) for id_, each in said.items()]
        await tx.execute(_PUT, partition, *map(list, zip(*rows, strict=True)))
