"""What one part of the program names and another defines."""

import copy
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.program_names import problems
from shared.runtime.program_file import read_program

DEFAULT: dict[str, Any] = dict(read_program(Path("deploy/program.yaml")))


def with_journey(**changes: Any) -> dict[str, Any]:
    documents = copy.deepcopy(DEFAULT)
    documents["notify"]["journeys"]["welcome"] |= changes
    return documents


def test_the_default_names_nothing_that_is_not_there() -> None:
    assert problems(DEFAULT) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"trigger": {"tag": "lapsd"}}, "trigger/tag: unknown tag 'lapsd'; did you mean 'lapsed'?"),
        ({"exits": [{"tag": "gone"}]}, "exits/0/tag: unknown tag 'gone'"),
        (
            {"entry": {"all": [{"feature": "tier", "one_of": ["gold", "silber"]}]}},
            "entry/all/0/one_of: unknown tier 'silber'; did you mean 'silver'?",
        ),
        (
            {"exits": [{"when": {"not": {"feature": "tags", "contains": "wip"}}}]},
            "exits/0/when/not/contains: unknown tag 'wip'; did you mean 'vip'?",
        ),
    ],
)
def test_a_tag_or_tier_that_nobody_gives_is_named_with_its_place(
    changes: dict[str, Any], found: str
) -> None:
    assert problems(with_journey(**changes)) == [f"notify/journeys/welcome/{found}"]


def test_a_group_of_every_category_gives_a_tag_for_each() -> None:
    assert problems(with_journey(trigger={"tag": "interest:TEA"})) == []
    assert problems(with_journey(trigger={"tag": "interest"})) != []


def test_without_segmentations_part_there_is_nothing_to_hold_names_against() -> None:
    documents = with_journey(trigger={"tag": "lapsd"})
    del documents["segmentation"]
    assert problems(documents) == []
