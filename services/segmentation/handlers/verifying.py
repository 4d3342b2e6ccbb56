"""What tags, tiers and their audit must say, given a history: segmentation's half of `verify`.

The audit keeps what was decided and replaced since, in the order in which late facts came. So of
each kind and instant the decision that *stands* is held against the history, just as it is when a
history is folded anew: nothing may be left to publish, to withdraw or to mend. Those replaced
cannot be decided again; their names are made of what they say, and they form a chain.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from services.segmentation.domain import changes
from services.segmentation.domain.audience import stored_row
from services.segmentation.domain.changes import WITHDRAWN, Decision, Key
from services.segmentation.domain.facts import AnyFact
from services.segmentation.domain.history import NEVER
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Change, Member
from services.segmentation.handlers.effects import tags_held, tier_row
from services.segmentation.store.decisions import because_text, decision_of
from services.segmentation.store.feature_rows import DERIVED
from shared.clock import Instant
from shared.events.decisions import Because
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.histories import Held, History, Row, Rows

_CONTENT: Final = ("added", "removed", "before", "now", "until")
_VERIFICATION: Final = "verify"
_encode: Final = msgspec.json.Encoder().encode

MemberHistory = History[Member, AnyFact, Change]


class SegmentationAuditor:
    """Holds what is kept of one member after the other against their histories."""

    held: Final = (
        Held("members_features", ", ".join(DERIVED)),
        Held(
            "changes",
            "at, kind, generation, id, cause, added, removed, before, now, until, because,"
            " correction, supersedes, superseded",
        ),
        Held("member_tags", "tag, since, source, because"),
        Held("member_tiers", "tier, level, since, until, grace_until, because"),
    )

    def __init__(self, machine: SegmentationMachine) -> None:
        """Take the machine, for its versions of the program."""
        self._machine = machine

    def dues(self, state: Member) -> Collection[Instant | None]:
        """When the member is due, with as many versions of the program as were known then."""
        last, versions = state.history.at, self._machine.versions
        dues: set[Instant | None] = {self._machine.due(state), _unless_never(state.due)}
        following = versions.next_from(last)
        while following is not None:
            dues.add(min(state.due, following))
            following = versions.next_from(following)
        return dues

    def hold(self, history: MemberHistory, rows: Rows, findings: Findings) -> None:
        """Hold a member's rows against the history."""
        member, found = history.member, changes.in_sum(history.effects)
        _hold_changes(history, found, rows.get("changes", ()), findings)
        stands = sorted(changes.first_decisions(member, found), key=_at)
        _hold_tags(member, stands, rows, findings)
        _hold_tier(history, stands, rows, findings)
        self._hold_features(history, rows, findings)

    def _hold_features(self, history: MemberHistory, rows: Rows, findings: Findings) -> None:
        table, member, found = "members_features", history.member, rows.get("members_features", ())
        if not history.facts or not found:
            _hold_presence(table, history, found, findings)
            return
        values, ends = stored_row(self._machine, history.state)
        row = [history.state.history.at, self._machine.due(history.state), *ends, *values]
        expected = dict(zip(DERIVED, map(_as_stored, row), strict=True))
        stored = {name: _as_stored(found[0][name]) for name in DERIVED}
        if stored["due_at"] in self.dues(history.state):
            del expected["due_at"]
        findings.hold(table, member, expected, stored)


def _hold_changes(
    history: MemberHistory, found: dict[Key, Change], rows: Sequence[Row], findings: Findings
) -> None:
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=_generation):
        by_key[row["kind"], row["at"]].append(row)
    try:
        posted, again = list(map(decision_of, rows)), list(map(decision_of, rows))
    except msgspec.DecodeError as error:
        findings.differs("changes", history.member, "because", "reasons", error)
        return
    for decisions in by_key.values():
        _hold_chain(history.member, decisions, findings)
    plan = changes.corrected(history.member, found, again, _VERIFICATION)
    standing = {each.key: each for each in posted if not each.superseded}
    for decision in plan.publish:
        _hold_content(history.member, decision, standing.get(decision.key), findings)
    for mended in plan.mend:
        because, told = _reasons(mended), _reasons(standing[mended.key])
        if because != told:
            key = _name(history.member, mended)
            findings.differs("changes", key, "because", because_text(because), because_text(told))
    _hold_causes(history, found, standing, findings)


def _reasons(decision: Decision) -> tuple[Because, ...]:
    """The reasons by tag; in which order they are told depends on how the batches were cut."""
    if decision.kind == "tier":
        return decision.because
    return tuple(sorted(decision.because, key=lambda each: each.tag or ""))


def _hold_content(
    member: UUID, decision: Decision, stands: Decision | None, findings: Findings
) -> None:
    """A decision that would be published now, were the history folded anew."""
    key = _name(member, decision)
    if stands is None:
        findings.missing("changes", key)
    elif decision.because[-1:] and decision.because[-1].rule == WITHDRAWN:
        findings.surplus("changes", key)
    else:
        expected = {name: getattr(decision, name) for name in _CONTENT}
        findings.hold("changes", key, expected, {name: getattr(stands, name) for name in _CONTENT})


def _hold_causes(
    history: MemberHistory,
    found: Mapping[Key, Change],
    standing: Mapping[Key, Decision],
    findings: Findings,
) -> None:
    """What stands was caused by one of the events of its instant, or by time alone."""
    causes: dict[Key, set[str | None]] = defaultdict(set)
    for effect in history.effects:
        if effect.kind != "kept":
            causes[effect.kind, effect.at].add(effect.cause)
    for key, decision in standing.items():
        real = key in found and not found[key].nothing
        allowed = causes[key] if real else {None}
        if decision.cause not in allowed:
            expected = ", ".join(sorted(map(str, allowed)))
            name = _name(history.member, decision)
            findings.differs("changes", name, "cause", expected, decision.cause)


def _hold_chain(member: UUID, rows: Sequence[Row], findings: Findings) -> None:
    """The decisions of one kind and instant, in the order in which they were taken."""
    before: UUID | None = None
    for generation, row in enumerate(rows):
        key = (str(member), row["kind"], row["at"], row["generation"])
        last = generation == len(rows) - 1
        expected = {"generation": generation, "supersedes": before, "superseded": not last}
        findings.hold("changes", key, expected, row)
        decision = decision_of(row)
        change = Change(
            kind=decision.kind,
            at=decision.at,
            added=decision.added,
            removed=decision.removed,
            before=decision.before,
            now=decision.now,
            until=decision.until,
        )
        names = [changes.decision_id(member, change, turn) for turn in range(len(rows))]
        if decision.id not in names:
            findings.differs("changes", key, "id", names[0], decision.id)
        before = decision.id


def _hold_tags(member: UUID, stands: Sequence[Decision], rows: Rows, findings: Findings) -> None:
    expected: dict[Any, dict[str, object]] = {
        (tag.tag,): {
            "since": tag.since,
            "source": "rule",
            "because": because_text((tag.because,)),
        }
        for tag in tags_held(member, stands)
    }
    found: dict[Any, Row] = {(row["tag"],): row for row in rows.get("member_tags", ())}
    findings.hold_rows("member_tags", member, expected, found)


def _hold_tier(
    history: MemberHistory, stands: Sequence[Decision], rows: Rows, findings: Findings
) -> None:
    table, member, found = "member_tiers", history.member, rows.get("member_tiers", ())
    if not history.facts or not found:
        _hold_presence(table, history, found, findings)
        return
    graded = [each for each in stands if each.before != each.now]
    row = tier_row(member, history.state.tier, graded[-1].because if graded else ())
    expected = row._asdict()
    del expected["member_id"]
    expected["because"] = because_text(row.because or ())
    since = graded[-1].at if graded else 0
    # up and down again within an instant is no decision, and may have left its reasons
    last = [each for each in history.effects if each.kind == "tier" and each.at >= since]
    if found[0]["because"] in {because_text(each.because) for each in last}:
        del expected["because"]
    findings.hold(table, member, expected, found[0])


def _hold_presence(
    table: str, history: MemberHistory, found: Sequence[Row], findings: Findings
) -> None:
    """There is one row for whoever has a fact, and none for others."""
    if found:
        findings.surplus(table, history.member)
    elif history.facts:
        findings.missing(table, history.member)


def _as_stored(value: object) -> object:
    """A feature's value in the form in which it comes out of the table."""
    return msgspec.json.decode(_encode(value))


def _unless_never(due: Instant) -> Instant | None:
    return due if due < NEVER else None


def _name(member: UUID, decision: Decision) -> tuple[object, ...]:
    return str(member), decision.kind, decision.at


def _at(decision: Decision) -> Instant:
    return decision.at


def _generation(row: Row) -> int:
    generation: int = row["generation"]
    return generation
