"""Whose an order is, by what is told of it."""

from uuid import UUID

import pytest

from services.ingest.domain.whose import (
    SAME_WITHIN,
    Known,
    Sale,
    code_name,
    instant,
    judge,
    names_of,
    order_name,
    seconds,
)
from shared.clock import MINUTE, SECOND, parse_instant

NOON = parse_instant("2026-03-01T12:00:00Z")
A, B = UUID(int=1), UUID(int=2)
NAME = order_name("1001", "s1")


def sale(member: UUID | None, digest: int | None = 7, at: int = NOON, told: int = NOON) -> Sale:
    return Sale(NAME, member, digest, at, told)


def known(member: UUID | None, digest: int | None = 7, at: int = NOON, told: int = NOON) -> Known:
    return Known(member, digest, at, told, reused=False)


def test_of_what_was_only_spoken_of_before_a_basket_tells_content_and_time() -> None:
    waits = Known(None, None, NOON + 9 * SAME_WITHIN, NOON + 9 * SAME_WITHIN, reused=False)
    verdict = judge(waits, sale(None))
    assert (verdict.kind, verdict.known) == ("same", known(None))
    assert judge(verdict.known, sale(None, 8)).known == known(None)


def test_whose_it_was_told_again_later_has_the_last_word() -> None:
    verdict = judge(known(B), sale(B, told=NOON + MINUTE))
    assert (verdict.kind, verdict.known) == ("same", known(B, told=NOON + MINUTE))
    assert judge(verdict.known, sale(A, told=NOON + SECOND)).known.member == B


def test_the_first_to_be_named_bought() -> None:
    verdict = judge(known(None, None), sale(A))
    assert (verdict.kind, verdict.known) == ("owned", known(A))
    assert verdict.loser is None


@pytest.mark.parametrize("again", [sale(A), sale(A, 8), sale(None), sale(None, 8)])
def test_the_same_or_nobody_changes_nothing(again: Sale) -> None:
    verdict = judge(known(A), again)
    assert (verdict.kind, verdict.known, verdict.loser) == ("same", known(A), None)


def test_p15_the_same_order_told_later_of_another_is_theirs() -> None:
    verdict = judge(known(A), sale(B, told=NOON + MINUTE))
    assert (verdict.kind, verdict.loser) == ("moved", A)
    assert verdict.known == known(B, told=NOON + MINUTE)._replace(moves=1)


def test_what_was_told_earlier_and_arrives_later_is_not_the_last_word() -> None:
    verdict = judge(known(B, told=NOON + MINUTE), sale(A))
    assert (verdict.kind, verdict.loser) == ("moved", A)
    assert verdict.known == known(B, told=NOON + MINUTE)._replace(moves=1)


@pytest.mark.parametrize(
    "other",
    [sale(B, 8), sale(B, at=NOON + SAME_WITHIN + SECOND), sale(B, at=NOON - SAME_WITHIN - SECOND)],
)
def test_another_order_under_the_same_number_takes_nothing_from_anybody(other: Sale) -> None:
    verdict = judge(known(A), other)
    assert (verdict.kind, verdict.known) == ("reused", known(A)._replace(reused=True))
    assert verdict.loser is None
    # and from then on nothing is decided by that number
    assert judge(verdict.known, sale(B)).kind == "same"


def test_half_a_day_apart_it_can_still_be_the_same() -> None:
    assert judge(known(A), sale(B, at=NOON + SAME_WITHIN)).kind == "moved"


def test_a_change_speaks_of_the_order_that_there_is_whatever_was_in_it() -> None:
    verdict = judge(known(A), sale(B, None, at=NOON + 9 * SAME_WITHIN, told=NOON + MINUTE))
    assert (verdict.kind, verdict.loser, verdict.known.digest) == ("moved", A, 7)


def test_names_are_found_by_their_number_and_differ_by_store() -> None:
    first, last = names_of("1001")
    assert first < NAME < last
    assert first < order_name("1001", "s2") < last
    assert order_name("1001", "s2") != NAME
    assert not first <= order_name("1002", "s1") <= last
    assert code_name("R-1") != code_name("R-2")


def test_instants_are_kept_to_the_second_within_the_reach_of_four_bytes() -> None:
    assert instant(seconds(NOON + 999_999)) == NOON
    assert seconds(parse_instant("2199-12-31T00:00:00Z")) == 2**31 - 1
    assert seconds(parse_instant("1900-01-01T00:00:00Z")) == -(2**31 - 1)
