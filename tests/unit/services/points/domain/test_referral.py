"""What a reward is where it arrives, and which of its revisions counts."""

from uuid import UUID

import msgspec

from services.points.domain.earning import compile_program
from services.points.domain.facts import AnyFact, Person, Referral
from services.points.domain.ledger import State
from services.points.domain.program import read_program
from services.points.domain.referral import greatest, receive
from shared.orders import Dated
from tests.property.services.points.points_history import NOON, document

REFERRAL = {"id": "referral", "source": "referral", "points": 50}
PLAIN = compile_program(
    1, read_program(document(REFERRAL | {"id": "other"}, REFERRAL | {"funder": "brand"}))
)
ROLLING = compile_program(
    2, read_program(document(REFERRAL, expiry={"policy": "rolling", "months": 1}))
)
EFFECT, REWARD = UUID(int=5), UUID(int=6)


def told(revision: int = 1, points: int = 50, effect: UUID = EFFECT, **more: object) -> Referral:
    fact = Referral(
        f"e{revision}",
        b"key",
        effect.bytes,
        revision,
        stands=True,
        points=points,
        rule="referral",
        version=1,
        newcomer="m",
        cause="order",
        reward=REWARD.bytes,
        order_id="o",
        store_id="s1",
    )
    return msgspec.structs.replace(fact, **more)


def test_a_reward_is_paid_by_who_the_rule_that_gave_it_says_and_ends_by_todays() -> None:
    state = State()
    move = receive(state, NOON, told(), ROLLING, PLAIN)
    assert move is not None
    assert (move.event_id, move.key, move.lot) == (str(EFFECT), EFFECT.bytes, REWARD.bytes)
    assert (move.at, move.code, move.rule, move.version) == (NOON, "earn", "referral", 1)
    assert (move.points, move.store_id, move.order_id) == (50, "s1", "o")
    assert (move.funder, str(move.expires_on)) == ("brand", "2024-04-15")
    assert msgspec.json.decode(move.figures) == {"newcomer": "m", "cause": "order", "each": 50}
    assert (state.available, state.lifetime) == (50, 50)


def test_a_reward_that_is_taken_back_takes_what_was_given() -> None:
    state = State(available=60, lifetime=70)
    move = receive(state, NOON, told(points=-50), PLAIN, PLAIN)
    assert move is not None
    assert (move.code, move.points, move.expires_on) == ("clawback", -50, None)
    assert msgspec.json.decode(move.figures)["each"] == 50
    assert (state.available, state.lifetime) == (10, 20)


def test_the_least_reward_is_earned() -> None:
    move = receive(State(), NOON, told(points=1), PLAIN, PLAIN)
    assert move is not None
    assert (move.code, move.points) == ("earn", 1)


def test_a_reward_from_the_chain_itself_has_no_store() -> None:
    move = receive(State(), NOON, told(store_id=None, order_id=None), PLAIN, PLAIN)
    assert move is not None
    assert (move.store_id, move.order_id) == ("", None)


def test_of_a_rule_or_a_version_that_is_not_known_the_chain_pays() -> None:
    for fact, decided_by in ((told(), None), (told(rule="gone"), PLAIN)):
        move = receive(State(), NOON, fact, PLAIN, decided_by)
        assert move is not None
        assert move.funder == "chain"


def test_a_reward_that_does_not_stand_moves_nothing() -> None:
    state = State()
    assert receive(state, NOON, told(stands=False), PLAIN, PLAIN) is None
    assert state == State()


def test_of_each_effect_the_greatest_revision_counts_once_whenever_it_was_told() -> None:
    person = Person("p", b"p", 1)
    other = told(1, effect=UUID(int=9))
    facts: list[Dated[AnyFact]] = [
        Dated(1, b"1", told(2)),
        Dated(2, b"2", person),
        Dated(3, b"3", told(3)),
        Dated(4, b"4", told(1)),
        Dated(5, b"5", told(3, id="again")),
        Dated(6, b"6", other),
    ]
    assert list(greatest(facts)) == [facts[1], facts[2], facts[5]]
    plain: list[Dated[AnyFact]] = [Dated(2, b"2", person)]
    assert list(greatest(plain)) == plain
