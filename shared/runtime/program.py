"""The program: what headquarters decides, as versioned documents in force from an instant on.

Each service owns one part of `program.yaml` and keeps its versions in its own table `programs`. An
event is judged by the version that was in force when it *happened*, so versions are never changed
or removed, and none may begin in the past. A new one begins a few seconds ahead (`MARGIN`), so
that every lane has it in hand before the first event that it judges: lanes look for new versions
at the start of each batch's transaction.

A version may be withdrawn: it counts as never in force, and its time is judged by the version
before it. What was decided in its time is decided anew (`shared.runtime.anew`).
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from shared.clock import SECOND, Clock, Instant, format_instant
from shared.db import Transaction

P = TypeVar("P")
Document = Mapping[str, Any]

BEGINNING: Instant = -62_135_596_800 * SECOND
"""Year 1: since when a chain's first version has always been in force."""

END: Instant = 2**62
"""After every event."""

MARGIN: Instant = 10 * SECOND
"""How far ahead a new version begins where nothing is said."""

LEAST_MARGIN: Instant = 5 * SECOND
"""How far ahead it must begin at least; longer than any batch takes."""

_LOCK_KEY = 7_236_003
_AUTHOR_OF_DEFAULT = "program.yaml"


class Mistake(NamedTuple):
    """One wrong place in a document: JSON pointer (`/rules/2/points`) and why."""

    pointer: str
    detail: str


class ProgramError(Exception):
    """A document that is no program.

    Attributes:
        mistakes: every wrong place, never empty.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Say what is wrong."""
        super().__init__("; ".join(f"{each.pointer or '/'}: {each.detail}" for each in mistakes))
        self.mistakes = tuple(mistakes)


class TooEarly(Exception):  # noqa: N818 - a refusal
    """A version may not begin in the past, for what happened then has been judged."""


class Outdated(Exception):  # noqa: N818 - a refusal
    """Somebody else has put another version in force in the meantime."""


@dataclass(frozen=True)
class ProgramPart(Generic[P]):
    """A service's part of the program.

    Attributes:
        name: its key in program.yaml: `points`, `segmentation`, `notify`.
        parse: turns a document into the service's own type; raises ProgramError with every mistake.
        default: the document that becomes version 1 where there is none.
    """

    name: str
    parse: Callable[[Document], P]
    default: Document


class Versioned(NamedTuple, Generic[P]):
    """A program with its version."""

    version: int
    effective_from: Instant
    program: P


class Withdrawn(NamedTuple):
    """A version that counts as never in force, and the time that it was meant for.

    Attributes:
        version: its number.
        since: when it began.
        until: when the next version began that stands (not included).
    """

    version: int
    since: Instant
    until: Instant

    @property
    def cause(self) -> str:
        """What corrections name as their cause."""
        return f"program:{self.version}:withdrawn"


class Stored(NamedTuple):
    """A row of `programs`; `withdrawn_members`: how many had anything in its time, if counted."""

    version: int
    effective_from: Instant
    document: Document
    author: str
    note: str
    created_at: Instant
    withdrawn_at: Instant | None = None
    withdrawn_by: str | None = None
    withdrawn_note: str | None = None
    withdrawn_members: int | None = None


class ProgramHistory(Generic[P]):
    """The versions of a service's part, as one process has them in hand."""

    def __init__(self, part: ProgramPart[P], clock: Clock) -> None:
        """Begin without any; `refresh` fetches them."""
        self.part = part
        self._clock = clock
        self._known = _Marks(0, 0)
        self._versions: tuple[Versioned[P], ...] = ()
        self._standing: tuple[Versioned[P], ...] = ()
        self._begins: tuple[Instant, ...] = ()
        self._withdrawn: tuple[Withdrawn, ...] = ()

    @property
    def versions(self) -> tuple[Versioned[P], ...]:
        """All versions, by the instant from which they are in force, or were meant to be."""
        return self._versions

    @property
    def standing(self) -> tuple[Versioned[P], ...]:
        """Those that were not withdrawn, by the instant from which they are in force."""
        return self._standing

    @property
    def withdrawn(self) -> tuple[Withdrawn, ...]:
        """Those that count as never in force, by number."""
        return self._withdrawn

    @property
    def marks(self) -> tuple[int, int]:
        """What changes whenever anything does."""
        return self._known

    async def refresh(self, tx: Transaction) -> bool:
        """Take in what is new, versions and withdrawals; one cheap query where nothing is.

        The first call on an empty table installs the default document as version 1.

        Returns:
            Whether there was something new.

        Raises:
            ProgramError: a stored document is no program for this release.
        """
        marks = await _marks(tx)
        if marks.newest == 0:
            await _install(tx, self.part.default, self._clock.now())
            marks = await _marks(tx)
        if marks == self._known:
            return False
        withdrawn = await withdrawn_versions(tx)
        rows = await stored_versions(tx, after=self._known.newest)
        # several lanes ask at once; from here on nothing is awaited, so the second finds it done
        fresh = [
            Versioned(row.version, row.effective_from, self.part.parse(row.document))
            for row in rows
            if row.version > self._known.newest
        ]
        gone = withdrawn | {each.version for each in self._withdrawn}
        if not fresh and len(gone) == len(self._withdrawn):
            return False
        self._take((*self._versions, *fresh), gone)
        return True

    def _take(self, versions: Iterable[Versioned[P]], withdrawn: Collection[int]) -> None:
        self._versions = tuple(sorted(versions, key=lambda one: (one.effective_from, one.version)))
        self._standing = tuple(each for each in self._versions if each.version not in withdrawn)
        self._begins = tuple(each.effective_from for each in self._standing)
        times = [(each.version, each.effective_from) for each in self._versions]
        self._withdrawn = times_of(times, withdrawn)
        self._known = _Marks(max(each.version for each in self._versions), len(self._withdrawn))

    def at(self, instant: Instant) -> Versioned[P]:
        """The version in force at an instant.

        Raises:
            LookupError: `refresh` was never called.
        """
        if not self._standing:
            raise LookupError("no version of the program is in hand: refresh first")
        return self._standing[max(0, bisect_right(self._begins, instant) - 1)]

    def numbered(self, version: int) -> Versioned[P]:
        """A version by its number, also one that was withdrawn.

        Raises:
            LookupError: there is none of this number in hand.
        """
        for each in self._versions:
            if each.version == version:
                return each
        raise LookupError(f"there is no version {version} of the program")


def times_of(
    versions: Iterable[tuple[int, Instant]], withdrawn: Collection[int]
) -> tuple[Withdrawn, ...]:
    """The times of withdrawn versions.

    Args:
        versions: number and beginning of all there are.
        withdrawn: the numbers of those that do not stand.
    """
    known = list(versions)
    standing = sorted((since, number) for number, since in known if number not in withdrawn)
    return tuple(
        Withdrawn(
            number,
            since,
            next((begins for begins, other in standing if (begins, other) > (since, number)), END),
        )
        for number, since in sorted(known)
        if number in withdrawn
    )


class _Marks(NamedTuple):
    """What tells whether there is anything new: withdrawals are never undone."""

    newest: int
    withdrawn: int


async def _marks(tx: Transaction) -> _Marks:
    [row] = await tx.fetch(
        "SELECT coalesce(max(version), 0) AS newest, count(withdrawn_at) AS withdrawn FROM programs"
    )
    return _Marks(int(row["newest"]), int(row["withdrawn"]))


async def withdrawn_versions(tx: Transaction) -> set[int]:
    """The numbers of the versions that count as never in force."""
    rows = await tx.fetch("SELECT version FROM programs WHERE withdrawn_at IS NOT NULL")
    return {row["version"] for row in rows}


async def stored_versions(tx: Transaction, *, after: int = 0) -> list[Stored]:
    """The versions with higher numbers than the one given, by number."""
    rows = await tx.fetch(
        "SELECT version, effective_from, document::text AS document, author, note, created_at,"
        " withdrawn_at, withdrawn_by, withdrawn_note, withdrawn_members"
        " FROM programs WHERE version > $1 ORDER BY version",
        after,
    )
    return [Stored(**{**row, "document": orjson.loads(row["document"])}) for row in rows]


async def newest_standing(tx: Transaction) -> Stored | None:
    """The version with the highest number that was not withdrawn; None before the first."""
    rows = await tx.fetch(
        "SELECT coalesce(max(version), 0) AS newest FROM programs WHERE withdrawn_at IS NULL"
    )
    version = int(rows[0]["newest"])
    stored = await stored_versions(tx, after=version - 1)
    return stored[0] if stored and stored[0].version == version else None


@dataclass(frozen=True)
class Proposal:
    """A document that somebody wants in force.

    Attributes:
        document: the document.
        author: who wants it.
        note: why.
        effective_from: from when on; `MARGIN` from now where nothing is said.
        expected_version: the newest version that the author has seen, if they said.
    """

    document: Document
    author: str
    note: str = ""
    effective_from: Instant | None = None
    expected_version: int | None = None


async def put(tx: Transaction, part: ProgramPart[Any], proposal: Proposal, now: Instant) -> Stored:
    """Keep a document as the next version, or find that the newest one is just the same.

    Concurrent transactions take turns.

    Raises:
        ProgramError: the document is no program.
        TooEarly: it would begin in the past.
        Outdated: there is a newer version than the author has seen.
    """
    part.parse(proposal.document)
    begins = now + MARGIN if proposal.effective_from is None else proposal.effective_from
    if begins < now + LEAST_MARGIN:
        raise TooEarly(
            f"{format_instant(begins)} is too early: events up to now have been judged already;"
            f" the earliest is {format_instant(now + LEAST_MARGIN)}, a few seconds ahead"
        )
    await take_turns(tx)
    last = await newest_standing(tx)
    stands = 0 if last is None else last.version
    if proposal.expected_version not in (None, stands):
        raise Outdated(f"the newest version is {stands}, not {proposal.expected_version}")
    same = last is not None and last.document == proposal.document
    if last is not None and same and proposal.effective_from is None:
        return last
    number = (await _marks(tx)).newest + 1
    stored = Stored(number, begins, proposal.document, proposal.author, proposal.note, now)
    await _insert(tx, stored)
    return stored


async def take_turns(tx: Transaction) -> None:
    """Let whoever changes the versions wait for whoever does so now."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)


async def _install(tx: Transaction, document: Document, now: Instant) -> None:
    """Make the default version 1; of several processes that start together, one does."""
    await take_turns(tx)
    if (await _marks(tx)).newest == 0:
        note = "the default"
        await _insert(tx, Stored(1, BEGINNING, document, _AUTHOR_OF_DEFAULT, note, now))


async def _insert(tx: Transaction, row: Stored) -> None:
    await tx.execute(
        "INSERT INTO programs (version, effective_from, document, author, note, created_at)"
        " VALUES ($1, $2, $3::text::json, $4, $5, $6)",
        row.version,
        row.effective_from,
        orjson.dumps(row.document).decode(),
        row.author,
        row.note,
        row.created_at,
    )
