"""Withdrawing a version of the program: it counts as never in force, and nothing is deleted.

The lanes hear of it as they hear of new versions; what they then do is in `shared.runtime.anew`.
"""

from collections.abc import Iterable

from shared.clock import Instant
from shared.db import Transaction
from shared.runtime.program import Stored, Withdrawn, stored_versions, take_turns, times_of


class Unknown(Exception):  # noqa: N818 - a refusal
    """There is no such version."""


class TheFirst(Exception):  # noqa: N818 - a refusal
    """The first version cannot be withdrawn: there is none before it to judge its time."""

    def __init__(self, version: int) -> None:
        """Say why."""
        super().__init__(
            f"version {version} is the first: there is none before it by which its time could be"
            " judged; put another version in force instead"
        )


async def withdraw(
    tx: Transaction,
    version: int,
    *,
    by: str,
    note: str,
    now: Instant,
    members: int | None,
) -> tuple[Stored, bool]:
    """Let a version count as never in force; one that was withdrawn before stays as it is.

    Concurrent transactions take turns, with `put` too.

    Args:
        tx: a transaction.
        version: its number.
        by: who withdraws it.
        note: why.
        now: the present.
        members: how many have anything in its time, if that was counted.

    Returns:
        The version as it stands then, and whether it was this call that withdrew it.

    Raises:
        Unknown: there is no such version.
        TheFirst: it is the first.
    """
    await take_turns(tx)
    rows = {row.version: row for row in await stored_versions(tx)}
    row = rows.get(version)
    if row is None:
        raise Unknown(f"there is no version {version}")
    if version == min(rows):
        raise TheFirst(version)
    if row.withdrawn_at is not None:
        return row, False
    await tx.execute(
        "UPDATE programs SET withdrawn_at = $2, withdrawn_by = $3, withdrawn_note = $4,"
        " withdrawn_members = $5 WHERE version = $1",
        version,
        now,
        by,
        note,
        members,
    )
    return row._replace(
        withdrawn_at=now, withdrawn_by=by, withdrawn_note=note, withdrawn_members=members
    ), True


def time_of(rows: Iterable[Stored], version: int) -> Withdrawn:
    """The time of a version that is withdrawn, or would be."""
    known = list(rows)
    gone = {row.version for row in known if row.withdrawn_at is not None} | {version}
    times = times_of([(row.version, row.effective_from) for row in known], gone)
    return next(each for each in times if each.version == version)
