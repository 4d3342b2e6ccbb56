"""Who an event is about: the rules, one by one."""

from itertools import count
from uuid import UUID

from services.ingest.domain.identify import (
    Cause,
    Claim,
    Identification,
    Identified,
    Rules,
    uuid7,
)
from services.ingest.domain.names import Name, parse_name
from services.ingest.domain.refusal import Refusal

CAUSE = Cause("e1", "pos/1", 1_000, "s1")
TABLET = parse_name("phone:+8600000000000")
RULES = Rules(blocked=frozenset({TABLET}), names_max={"phone": 2}, names_max_default=3)
LI, WANG = UUID(int=1), UUID(int=2)


def claim(subject: str, *further: str, others: tuple[str, ...] = ()) -> Claim:
    return Claim(
        parse_name(subject),
        [parse_name(name) for name in further],
        {parse_name(name): "/data/referrer" for name in others},
        CAUSE,
    )


def decide(known: dict[str, UUID], *claims: Claim) -> Identified:
    ids = count(100)
    names = {parse_name(text): member for text, member in known.items()}
    counts: dict[tuple[UUID, str], int] = {}
    for name, member in names.items():
        counts[member, name.kind] = counts.get((member, name.kind), 0) + 1
    return Identification(names, counts, lambda: UUID(int=next(ids)), RULES).decide(claims)


def names(outcome: Identified) -> list[tuple[Name, UUID, bool]]:
    return [(new.name, new.member_id, new.creates) for new in outcome.new]


def refusals(outcome: Identified) -> list[tuple[str, str]]:
    return [
        (member.slug, member.errors[0].pointer)
        for member in outcome.members
        if isinstance(member, Refusal)
    ]


def test_a_new_name_makes_a_guest_once() -> None:
    outcome = decide({}, claim("card:1"), claim("card:1"), claim("card:2"))
    first, second = UUID(int=100), UUID(int=101)
    assert outcome.members == [first, first, second]
    assert names(outcome) == [(Name("card", "1"), first, True), (Name("card", "2"), second, True)]


def test_further_names_are_linked_on_first_sight() -> None:
    outcome = decide({"card:1": LI}, claim("card:1", "phone:+8613800000000"), claim("card:1"))
    assert outcome.members == [LI, LI]
    assert names(outcome) == [(Name("phone", "+8613800000000"), LI, False)]
    again = decide(
        {"card:1": LI, "phone:+8613800000000": LI}, claim("card:1", "phone:+8613800000000")
    )
    assert again.new == []
    assert again.conflicts == []


def test_an_unknown_subject_is_the_member_that_a_further_name_belongs_to() -> None:
    outcome = decide({"card:1": LI}, claim("wecom:x", "card:1"))
    assert outcome.members == [LI]
    assert names(outcome) == [(Name("wecom", "x"), LI, False)]


def test_a_name_that_belongs_to_somebody_else_is_a_conflict_and_is_not_linked() -> None:
    outcome = decide({"card:1": LI, "card:2": WANG}, claim("card:1", "card:2"))
    assert outcome.members == [LI]
    assert outcome.new == []
    assert [(each.name, each.member_id, each.reason) for each in outcome.conflicts] == [
        (Name("card", "2"), LI, "other-member")
    ]


def test_the_shared_tablet_never_links_and_is_nobody() -> None:
    outcome = decide({}, claim("wecom:a", TABLET.text), claim("wecom:b", TABLET.text))
    first, second = outcome.members
    assert first != second
    assert outcome.conflicts == []
    assert all(new.name != TABLET for new in outcome.new)
    assert refusals(decide({}, claim(TABLET.text))) == [("blocked-name", "/subject")]


def test_a_member_has_a_limited_number_of_names_of_a_kind() -> None:
    phones = [f"phone:+861380000000{number}" for number in range(3)]
    outcome = decide({"card:1": LI}, claim("card:1", *phones))
    assert len(outcome.new) == 2
    assert [each.reason for each in outcome.conflicts] == ["limit"]
    # a subject that cannot be linked for the limit is a member of its own
    held = {"card:1": LI, phones[0]: LI, phones[1]: LI}
    beyond = decide(held, claim(phones[2], "card:1"))
    assert beyond.members == [UUID(int=100)]


def test_a_referrer_who_is_new_becomes_a_guest() -> None:
    outcome = decide({"card:1": LI}, claim("card:1", others=("card:9",)))
    assert outcome.members == [LI]
    assert names(outcome) == [(Name("card", "9"), UUID(int=100), True)]


def test_an_event_that_is_refused_leaves_nobody_behind() -> None:
    """Seen by the model: the referrer of an event that was not taken was a member ever after."""
    for refused in (
        claim(TABLET.text, "card:8", others=("card:9",)),
        claim(f"member:{LI}", others=("card:9",)),
        claim("card:1", others=("card:9", f"member:{LI}")),
    ):
        outcome = decide({}, refused)
        assert len(refusals(outcome)) == 1
        assert outcome.new == []


def test_ids_that_nobody_has() -> None:
    member = f"member:{LI}"
    assert refusals(decide({}, claim(member))) == [("unknown-member", "/subject")]
    by_nobody = decide({"card:1": LI}, claim("card:1", others=(member,)))
    assert refusals(by_nobody) == [("unknown-member", "/data/referrer")]
    assert decide({member: LI}, claim(member)).members == [LI]
    by_tablet = decide({"card:1": LI}, claim("card:1", others=(TABLET.text,)))
    assert refusals(by_tablet) == [("blocked-name", "/data/referrer")]
    # an id is never given to somebody as a further name
    outcome = decide({"card:1": LI}, claim("card:1", f"member:{WANG}"))
    assert outcome.new == []
    assert len(outcome.conflicts) == 1


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    ids = [uuid7(ms, bytes(10)) for ms in (0, 1, 1_700_000_000_000, 2**48 - 1)]
    assert ids == sorted(ids)
    assert all(each.version == 7 for each in ids)
    assert all(each.variant == "specified in RFC 4122" for each in ids)
    assert uuid7(5, b"\xff" * 10).version == 7
    assert uuid7(5, b"\xff" * 10) != uuid7(5, bytes(10))
