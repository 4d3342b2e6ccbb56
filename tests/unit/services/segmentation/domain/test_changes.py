"""What is published where something was posted: what is new, what is replaced, what stays."""

from services.segmentation.domain.changes import (
    Decision,
    continued,
    corrected,
    decision_id,
    first_decisions,
    in_sum,
)
from services.segmentation.domain.member import Change
from shared.events.decisions import Because
from tests.property.services.segmentation.stories import MEMBER


def why(rule: str, tag: str | None = None, event: str | None = "e") -> Because:
    return Because(rule=rule, event_id=event, program_version=1, tag=tag)


def tags(at: int, *added: str, gone: tuple[str, ...] = (), cause: str = "e") -> Change:
    because = tuple(why(f"r.{tag}", tag, cause) for tag in (*added, *gone))
    return Change(kind="tags", at=at, cause=cause, added=added, removed=gone, because=because)


def tier(at: int, before: str | None, now: str, until: int | None = None) -> Change:
    return Change(
        kind="tier",
        at=at,
        cause="e",
        before=before,
        now=now,
        until=until,
        because=(why(f"tiers.{now}"),),
    )


def posted(*changes: Change) -> list[Decision]:
    return first_decisions(MEMBER, in_sum(changes))


def test_what_changed_at_one_instant_is_one_decision_with_the_latest_reason_of_each_tag() -> None:
    first = tags(5, "a", "b", cause="e1")
    then = Change(
        kind="tags",
        at=5,
        again=True,
        cause="e2",
        added=("a", "c"),
        because=(why("r.c", "c", "e2"), why("r.b", "b", "e2")),
    )
    kept = Change(kind="kept", at=5, until=9)
    [decision] = posted(kept, first, tier(5, "one", "one"), then)
    assert (decision.id, decision.at, decision.cause) == (decision_id(MEMBER, then), 5, "e2")
    assert (decision.added, decision.removed, decision.generation) == (("a", "c"), (), 0)
    assert decision.because == (why("r.a", "a", "e1"), why("r.c", "c", "e2"))
    assert decision.correction is None


def test_whether_an_instant_was_decided_about_before_is_what_its_first_change_says() -> None:
    again = Change(kind="tags", at=5, again=True, cause="e1", added=("a",))
    both = in_sum([tags(5, "a"), again])
    assert [change.again for change in both.values()] == [False]
    assert [change.again for change in in_sum([again, tags(5, "a")]).values()] == [True]


def test_what_stands_as_it_was_posted_is_left_alone() -> None:
    told = [tags(5, "a"), tier(5, None, "one"), tags(9, gone=("a",))]
    plan = corrected(MEMBER, in_sum(told), posted(*told), "late")
    assert (plan.publish, plan.supersede, plan.mend) == ([], [], [])


def test_what_stands_otherwise_is_replaced_and_what_is_missing_published_in_order_of_time() -> None:
    books = posted(tags(5, "a"), tags(9, "b"))
    now = [tags(9, "b", "c"), tier(7, "one", "two", until=99), tags(5, "a"), tags(7, "z")]
    plan = corrected(MEMBER, in_sum(now), books, "late")
    assert [(each.at, each.kind) for each in plan.publish] == [
        (7, "tags"),
        (7, "tier"),
        (9, "tags"),
    ]
    assert plan.supersede == books[1:]
    [news, climb, other] = plan.publish
    assert (news.generation, news.supersedes, news.correction) == (0, None, "late")
    assert (climb.before, climb.now, climb.until) == ("one", "two", 99)
    assert (other.generation, other.supersedes, other.added) == (1, books[1].id, ("b", "c"))


def test_what_is_no_longer_true_is_withdrawn_and_says_why() -> None:
    books = posted(tags(5, "a"), tier(3, None, "one"), tier(5, "one", "two"), tags(9, "b"))
    # at 5 nothing changes in sum; of 9 nothing at all is found
    nothing = Change(kind="tags", at=5, again=True, cause="e", because=(why("r.a", "a"),))
    now = [nothing, tier(5, "one", "one"), tier(3, None, "one"), tier(7, "one", "three")]
    plan = corrected(MEMBER, in_sum(now), books, "late")
    withdrawn = [each for each in plan.publish if each.at != 7]
    assert [(each.at, each.kind, each.added, each.removed) for each in withdrawn] == [
        (5, "tags", (), ()),
        (5, "tier", (), ()),
        (9, "tags", (), ()),
    ]
    for each in withdrawn:
        assert each.because == (Because(rule="withdrawn", event_id="late"),)
        assert (each.cause, each.correction, each.generation) == (None, "late", 1)
    assert (withdrawn[1].before, withdrawn[1].now) == ("one", "one")
    assert {each.supersedes for each in withdrawn} == {each.id for each in plan.supersede}
    assert plan.supersede == [each for each in books if each.at in {5, 9}]


def test_what_was_withdrawn_stays_so_and_can_come_back_under_another_name() -> None:
    first = posted(tags(5, "a"))
    away = corrected(MEMBER, {}, first, "late")
    first[0].superseded = True
    books = [*first, *away.publish]
    again = corrected(MEMBER, {}, books, "later")
    assert (again.publish, again.supersede, again.mend) == ([], [], [])
    back = corrected(MEMBER, in_sum([tags(5, "a")]), books, "e")
    [decision] = back.publish
    assert decision.id == decision_id(MEMBER, tags(5, "a"), 1)
    assert (decision.generation, decision.supersedes) == (2, away.publish[0].id)
    assert decision.correction is None, "what led to it is no correction of itself"


def test_another_reason_alone_is_mended_in_place() -> None:
    books = posted(tags(5, "a", cause="e1"))
    plan = corrected(MEMBER, in_sum([tags(5, "a", cause="e2")]), books, "late")
    assert (plan.publish, plan.supersede, plan.mend) == ([], [], books)
    assert (books[0].cause, books[0].because) == ("e2", (why("r.a", "a", "e2"),))


def test_an_instant_that_was_cut_by_a_batch_is_decided_again_with_all_its_reasons() -> None:
    books = posted(tags(5, "a", cause="e1"))
    whole = Change(
        kind="tags", at=5, cause="e2", added=("a", "b"), because=(why("r.b", "b", "e2"),)
    )
    plan = continued(MEMBER, in_sum([whole, tags(8, "c")]), books, "e2")
    [both, fresh] = plan.publish
    assert both.because == (why("r.a", "a", "e1"), why("r.b", "b", "e2"))
    assert (both.supersedes, both.generation, both.correction) == (books[0].id, 1, None)
    assert (fresh.at, fresh.correction, fresh.supersedes) == (8, None, None)
    late = continued(MEMBER, in_sum([whole, tags(8, "c")]), books, "other")
    assert [each.correction for each in late.publish] == ["other", None]
