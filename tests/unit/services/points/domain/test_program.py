"""A program with mistakes is answered with all of them, each with a pointer."""

from decimal import Decimal
from typing import Any

import pytest

from services.points.domain.program import ProgramError, read_program
from tests.property.services.points.points_history import default_document, document

PURCHASE = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}
REFERRAL = {"id": "referral", "source": "referral", "points": 50}
MULTIPLIER = {"id": "m", "factor": 2, "when": {"feature": "hour", "at_least": 8}}
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
        (document(REFERRAL | {"when": {"feature": "tier", "equals": "gold"}}), "/rules/0"),
        (document(REFERRAL | {"multipliers": [MULTIPLIER]}), "/rules/0"),
        (document(CHECK_IN | {"tasks": ["survey"]}), "/rules/0"),
        (document(CHECK_IN | {"source": "task", "kinds": []}), "/rules/0"),
        (document(CHECK_IN | {"lines": {"skus": ["milk"]}}), "/rules/0"),
        (document(PURCHASE | {"per_amount": None, "lines": {"skus": ["milk"]}}), "/rules/0"),
        (document(PURCHASE | {"per_amount": 0}), "/rules/0/per_amount"),
        (document(PURCHASE | {"id": "adjustment"}), ""),
        (document(PURCHASE | {"multipliers": [MULTIPLIER, MULTIPLIER]}), ""),
        (document(PURCHASE | {"cap": {"times": 0}}), "/rules/0/cap/times"),
        (document(PURCHASE | {"cap": {"points": 0}}), "/rules/0/cap/points"),
        (document(PURCHASE, time_zone="Mars/Olympus"), "/time_zone"),
        (document(PURCHASE, time_zone="Europe"), "/time_zone"),
        (document(PURCHASE, time_zone="../UTC"), "/time_zone"),
        (document(PURCHASE, expiry={"months": 12}), "/expiry"),
        (document(PURCHASE, expiry={"policy": "rolling", "months": 0}), "/expiry/months"),
        (document(PURCHASE, expiry={"policy": "rolling", "months": 1201}), "/expiry/months"),
        (document(PURCHASE, adjustments={"overdraft": -1}), "/adjustments/overdraft"),
        (document(PURCHASE, adjustments={"overdraft": 10**9 + 1}), "/adjustments/overdraft"),
        (document(PURCHASE, adjustments={"store_points_max": -1}), "/adjustments/store_points_max"),
        (
            document(PURCHASE, adjustments={"store_points_max": 10**9 + 1}),
            "/adjustments/store_points_max",
        ),
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


@pytest.mark.parametrize("factor", ["1.5", True, [], 0, -1, 100.01, 1.005, None])
def test_a_factor_is_a_number_up_to_a_hundred_with_two_digits(factor: object) -> None:
    given = document(PURCHASE | {"multipliers": [MULTIPLIER | {"factor": factor}]})
    assert pointers(given) == {"/rules/0/multipliers/0/factor"}


@pytest.mark.parametrize("factor", [1, 0.01, 1.15, 100])
def test_a_factor_keeps_the_digits_that_were_written(factor: float) -> None:
    given = document(PURCHASE | {"multipliers": [MULTIPLIER | {"factor": factor}]})
    [multiplier] = read_program(given).rules[0].multipliers
    assert multiplier.factor == Decimal(str(factor))


def test_what_may_be_written_at_most() -> None:
    program = read_program(
        document(
            *(PURCHASE | {"id": f"r{i}", "points": 1_000_000} for i in range(1000)),
            expiry={"policy": "rolling", "months": 1200},
            adjustments={"overdraft": 10**9, "store_points_max": 10**9},
        )
    )
    assert len(program.rules) == 1000
    assert pointers(document(*(PURCHASE | {"id": f"r{i}"} for i in range(1001)))) == {"/rules"}
    assert pointers(document(PURCHASE | {"points": 1_000_001})) == {"/rules/0/points"}


def test_a_name_has_up_to_128_characters() -> None:
    named = PURCHASE | {"name": {"zh": "字" * 128, "en": "x" * 128}}
    assert read_program(document(named)).rules[0].name.en == "x" * 128
    assert pointers(document(PURCHASE | {"name": {"zh": "字", "en": "x" * 129}})) == {
        "/rules/0/name/en"
    }
    assert pointers(document(PURCHASE | {"name": {"zh": "", "en": "x"}})) == {"/rules/0/name/zh"}


def test_what_may_be_written_at_least() -> None:
    program = read_program(
        document(
            PURCHASE | {"per_amount": 1, "cap": {"times": 1, "points": 1}},
            expiry={"policy": "rolling", "months": 1},
        )
    )
    assert program.rules[0].cap is not None
    assert (program.rules[0].cap.times, program.rules[0].cap.points) == (1, 1)


def test_points_given_by_hand_go_no_further_than_is_written() -> None:
    program = read_program(document(PURCHASE))
    assert program.adjustments.model_dump() == {"overdraft": 0, "store_points_max": 0}


def test_slashes_and_tildes_in_a_name_are_escaped_in_its_pointer() -> None:
    assert pointers(document(PURCHASE | {"a/b~c": 1})) == {"/rules/0/a~1b~0c"}


def test_all_mistakes_are_told_at_once() -> None:
    bad: dict[str, Any] = {"feature": "lieks", "at_least": 1}
    multiplier = {"id": "m", "factor": 2, "when": bad}
    given = document(CHECK_IN | {"when": bad, "multipliers": [multiplier]})
    assert pointers(given) == {"/rules/0/when/feature", "/rules/0/multipliers/0/when/feature"}
