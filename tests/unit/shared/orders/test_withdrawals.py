"""What takes an event back, in whatever order both are told."""

from shared.orders import Withdrawn
from shared.orders.withdrawals import TakesBack, Withdrawals

X, Y = b"x" * 16, b"y" * 16


def back(key: bytes, id_: str = "w") -> Withdrawn:
    return Withdrawn(id_, None, key, "reply-1")


def codes(taken: TakesBack) -> list[str]:
    return [remark.code for remark in taken.remarks]


def test_p26_what_was_told_is_taken_back_once() -> None:
    withdrawals = Withdrawals([None, back(X), back(X, "again")])
    assert withdrawals.names(X)
    assert not withdrawals.names(Y), "nobody asks where it is"
    assert withdrawals.meet(X, 7) is None
    assert withdrawals.take(back(X)) == TakesBack(7)
    again = withdrawals.take(back(X, "again"))
    assert (again.place, codes(again)) == (None, ["withdrawn_before"])
    assert withdrawals.awaited == ()


def test_p26_what_is_told_later_does_not_happen() -> None:
    withdrawals = Withdrawals([back(Y), back(X)])
    early = withdrawals.take(back(Y))
    assert (early.place, codes(early)) == (None, ["withdrawal_waits"])
    assert early.remarks[0].figures == {"withdrawn": "reply-1"}
    assert withdrawals.take(back(X)).place is None
    assert list(withdrawals.awaited) == [X, Y], "in an order of their own: states are compared"
    assert withdrawals.meet(Y, 3) == back(Y)
    assert list(withdrawals.awaited) == [X]
