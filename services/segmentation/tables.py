"""The tables of segmentation; every primary key begins with the partition, then the member.

A member's state itself is a row of the runtime's `timelines`. What is here is made from it: columns
for audiences, rows for views, and the audit of every change.
"""

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from services.segmentation.domain.audience import AUDIENCE
from services.segmentation.domain.features import WINDOWS
from shared.conditions import Feature
from shared.runtime.tables import attach

metadata: Final = MetaData()
attach(metadata)

_TYPES: Final[dict[str, type[TypeEngine[Any]]]] = {
    "int": BigInteger,
    "number": Double,
    "bool": Boolean,
    "text": Text,
    "instant": BigInteger,
}


def _column(feature: Feature) -> Column[Any]:
    if feature.keyed:
        return Column(feature.name, JSONB)
    if feature.type == "set":
        return Column(feature.name, ARRAY(Text))
    return Column(feature.name, _TYPES[feature.type])


features: Final = Table(
    "members_features",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("as_of", BigInteger, nullable=False, comment="the instant of the values"),
    Column("due_at", BigInteger, comment="when tags or tier change with no further event"),
    *(
        Column(
            f"stale_{days}d", BigInteger, comment=f"when what the last {days} days count changes"
        )
        for days in WINDOWS
    ),
    *(_column(feature) for feature in AUDIENCE),
    postgresql_with={"fillfactor": 70},
)

changes: Final = Table(
    "changes",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True, comment="tags | tier"),
    Column("generation", Integer, primary_key=True, comment="raised each time it is corrected"),
    Column("id", Uuid, nullable=False, comment="the id of the event that was published"),
    Column("cause", Text, comment="id of the event that led here; null: only time passed"),
    Column("added", ARRAY(Text)),
    Column("removed", ARRAY(Text)),
    Column("before", Text),
    Column("now", Text),
    Column("until", BigInteger),
    Column("because", Text, nullable=False, comment="the reasons, JSON"),
    Column("correction", Text, comment="id of the event that made it be decided again"),
    Column("supersedes", Uuid),
    Column("superseded", Boolean, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)

tags: Final = Table(
    "member_tags",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("source", Text, nullable=False, comment="rule (later also staff, member, model)"),
    Column("because", Text, nullable=False, comment="the reasons, JSON"),
)

tiers: Final = Table(
    "member_tiers",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("tier", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, comment="end of the period; null: the lowest level has none"),
    Column("grace_until", BigInteger, comment="end of the grace, once it has begun"),
    Column("because", Text, nullable=False, comment="the reasons, JSON"),
    postgresql_with={"fillfactor": 70},
)
