"""What a message says: never long, and enough to mend what is wrong."""

import pytest

from shared.conditions import Catalogue, ConditionError, Feature, parse
from shared.conditions.errors import Problem, down, shown, wrong


def test_a_value_in_a_message_has_up_to_sixty_characters() -> None:
    assert shown("x" * 58) == f"'{'x' * 58}'"
    assert shown("x" * 59) == f"'{'x' * 58}…"
    assert len(shown("x" * 1000)) == 60


def test_a_pointer_goes_down_with_slashes_and_tildes_escaped() -> None:
    assert down("", 3) == "/3"
    assert down("/all", "a/~b~1") == "/all/a~1~0b~01"


def test_an_error_tells_each_problem_with_its_place() -> None:
    error = ConditionError(Problem(pointer, "is wrong") for pointer in ("", "/all/0"))
    assert str(error) == "/: is wrong; /all/0: is wrong"
    assert wrong("/a", "b").problems == (Problem("/a", "b"),)


def test_of_many_known_words_the_first_twenty_are_told() -> None:
    words = tuple(f"{chr(97 + i)}{i}" for i in range(25))
    catalogue = Catalogue([Feature("channel", "text", values=words)])
    with pytest.raises(ConditionError) as refused:
        parse({"feature": "channel", "equals": "?!"}, catalogue)
    [problem] = refused.value.problems
    known = ", ".join(words[:20])
    assert problem.message == f"unknown value of channel '?!'; known: {known}"
