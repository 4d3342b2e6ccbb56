"""Transfers: double entry, named by their cause, corrected by difference."""

from services.points.domain.posting import (
    CORRECTION,
    Posted,
    Slot,
    post_difference,
    post_new,
    transfer_id,
)
from tests.property.services.points.points_history import (
    MEMBER,
    NOON,
    bought,
    fold,
    machine_of,
    refunded,
)

ME = MEMBER.bytes


def test_a_transfer_goes_from_one_account_to_another() -> None:
    history = fold(machine_of(), bought("e", "o", 3520), refunded("r", "o", 3520))
    earned, back = post_new(ME, history.moves, 7)
    assert (earned.debit, earned.credit, earned.points) == ("issued", "available", 35)
    assert (back.debit, back.credit, back.points) == ("available", "issued", 35)
    assert (earned.signed, back.signed) == (35, -35)
    assert (earned.balance_after, back.balance_after) == (42, 7)


def test_its_name_comes_from_its_cause_alone() -> None:
    names = {
        transfer_id(ME, b"e" * 16, "purchase"),
        transfer_id(ME, b"f" * 16, "purchase"),
        transfer_id(ME, b"e" * 16, "dairy"),
        transfer_id(ME, b"e" * 16, "purchase", 1),
        transfer_id(bytes(16), b"e" * 16, "purchase"),
    }
    assert len(names) == 5
    assert transfer_id(ME, b"e" * 16, "purchase") in names


def test_nothing_is_posted_where_the_books_are_right() -> None:
    history = fold(machine_of(), bought("e", "o", 3520))
    posted = {
        Slot(move.key, move.rule, move.at, move.store_id): Posted("e", 35, 1, 1, "chain", "o")
        for move in history.moves
    }
    assert post_difference(ME, history.moves, posted, "late") == []


def test_what_is_no_longer_true_is_taken_back_with_its_cause() -> None:
    [move] = fold(machine_of(), bought("e", "o", 3520)).moves
    slot = Slot(move.key, move.rule, move.at, move.store_id)
    posted = {slot: Posted("e", 35, 2, 1, "chain", "o")}
    [correction] = post_difference(ME, [], posted, "late")
    assert correction.code == CORRECTION
    assert correction.signed == -35
    assert correction.correction == "late"
    assert correction.event_at == NOON
    assert correction.balance_after == 0
    assert correction.id == transfer_id(ME, move.key, "purchase", 2)


def test_no_two_transfers_of_an_event_and_a_rule_have_one_name() -> None:
    """An event that moved in time and store has a slot for each, of one event and rule."""
    [move] = fold(machine_of(), bought("e", "o", 3520)).moves
    earlier = Slot(move.key, move.rule, NOON - 2, "s1")
    elsewhere = Slot(move.key, move.rule, NOON, "s0")
    posted = {
        earlier: Posted("e", 5, 2, 1, "chain", "o"),
        elsewhere: Posted("e", 7, 3, 1, "chain", "o"),
        Slot(move.key, "dairy", NOON, "s1"): Posted("e", 9, 1, 1, "chain", "o"),
    }
    transfers = post_difference(ME, [move], posted, "late")
    assert [(each.rule, each.signed, each.balance_after) for each in transfers] == [
        ("purchase", -5, 16),
        ("dairy", -9, 7),
        ("purchase", -7, 0),
        ("purchase", 35, 35),
    ]
    # five were posted of this event by this rule; the next are the sixth, seventh and eighth
    names = [transfer_id(ME, move.key, "purchase", generation) for generation in (5, 6, 7)]
    assert [each.id for each in transfers if each.rule == "purchase"] == names
    assert transfers[1].id == transfer_id(ME, move.key, "dairy", 1)
    assert [each.correction for each in transfers] == ["late", "late", "late", None]
