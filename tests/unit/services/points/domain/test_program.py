"""A program with mistakes is answered with all of them, each with a pointer."""

from typing import Any

import pytest

from services.points.domain.program import ProgramError, read_program
from tests.property.services.points.points_history import default_document, document

PURCHASE = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}
REFERRAL = {"id": "referral", "source": "referral", "points": 50}
CHECK_IN = {"id": "check_in", "source": "interaction", "kinds": ["check_in"], "points": 5}


def pointers(given: object) -> set[str]:
    with pytest.raises(ProgramError) as refused:
        read_program(given)
    return {problem.pointer for problem in refused.value.problems}


def test_the_default_program_is_the_reference_rule_set_and_nothing_more() -> None:
    program = read_program(default_document())
    assert {(rule.id, rule.points, rule.per_amount) for rule in program.rules} == {
        ("purchase", 1, 100),
        ("check_in", 5, None),
        ("topic_reply", 10, None),
        ("share", 20, None),
        ("referral", 50, None),
    }
    assert [m.id for rule in program.rules for m in rule.multipliers] == ["birthday_month"]
    assert not any(rule.tasks for rule in program.rules)
    assert program.time_zone == "UTC"
    assert program.expiry.policy == "never"
    assert program.exclude.model_dump() == {"categories": (), "skus": (), "tenders": ()}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ([], ""),
        ({}, "/rules"),
        (document(PURCHASE | {"points": 0}), "/rules/0/points"),
        (document(PURCHASE | {"points": "1"}), "/rules/0/points"),
        (document(PURCHASE | {"id": "No Slug"}), "/rules/0/id"),
        (document(PURCHASE | {"colour": "red"}), "/rules/0/colour"),
        (document(PURCHASE | {"source": "gift"}), "/rules/0/source"),
        (document(PURCHASE, PURCHASE), ""),
        (document(CHECK_IN | {"kinds": []}), "/rules/0"),
        (document(CHECK_IN | {"per_amount": 100}), "/rules/0"),
        (document(PURCHASE | {"kinds": ["like"]}), "/rules/0"),
        (document(PURCHASE | {"cap": {}}), "/rules/0/cap"),
        (document(REFERRAL | {"cap": {"times": 1}}), "/rules/0"),
        (document(REFERRAL | {"per_amount": 100}), "/rules/0"),
        (document(REFERRAL | {"kinds": ["like"]}), "/rules/0"),
        (document(PURCHASE, time_zone="Mars/Olympus"), "/time_zone"),
        (document(PURCHASE, expiry={"policy": "rolling"}), "/expiry"),
        (
            document(PURCHASE | {"when": {"feature": "likes", "at_least": 1}}),
            "/rules/0/when/feature",
        ),
        (
            document(PURCHASE | {"when": {"feature": "total", "at_lest": 1}}),
            "/rules/0/when/at_lest",
        ),
    ],
)
def test_a_mistake_is_pointed_at(given: object, pointer: str) -> None:
    assert pointers(given) == {pointer}


def test_all_mistakes_are_told_at_once() -> None:
    bad: dict[str, Any] = {"feature": "lieks", "at_least": 1}
    multiplier = {"id": "m", "factor": 2, "when": bad}
    given = document(CHECK_IN | {"when": bad, "multipliers": [multiplier]})
    assert pointers(given) == {"/rules/0/when/feature", "/rules/0/multipliers/0/when/feature"}
