"""The program: what is accepted, and what is said about the rest."""

from typing import Any

import pytest

from services.segmentation.domain.history import BEGINNING
from services.segmentation.domain.program import ProgramError, read_program
from services.segmentation.domain.rules import Versions, compile_program
from tests.property.services.segmentation.stories import WORDS, default_document, document


def test_the_default_program_has_five_levels_and_every_stage_of_life() -> None:
    program = read_program(default_document())
    assert len(program.tiers.levels) == 5
    groups = {group.id: [rule.tag for rule in group.tags] for group in program.groups}
    assert set(groups["lifecycle"]) == {
        "visitor",
        "first_purchase",
        "repeat",
        "loyal",
        "at_risk",
        "lapsed",
        "won_back",
    }
    assert groups["relation"] == ["vip", "newcomer", "returning"]


EACH: dict[str, Any] = {"id": "g", "title": WORDS, "each": "category", "when": {"all": []}}
TIERS = document()["tiers"]


def _tag(name: str, when: dict[str, Any]) -> dict[str, Any]:
    tag = {"tag": name, "title": WORDS, "when": when}
    return {"groups": [{"id": "g", "title": WORDS, "tags": [tag]}]}


def _levels(*levels: dict[str, Any]) -> dict[str, Any]:
    return {"tiers": TIERS | {"levels": [{"title": WORDS} | level for level in levels]}}


def _met(name: str) -> dict[str, Any]:
    return {"id": name, "title": WORDS, "when": {"all": []}}


def _group(tags: int) -> dict[str, Any]:
    rules = [{"tag": f"t{i}", "title": WORDS, "when": {"all": []}} for i in range(tags)]
    return {"id": "g", "title": WORDS, "tags": rules}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"groups": [{"id": "g", "title": WORDS}]}, "/groups/0"),
        ({"groups": [EACH, EACH]}, ""),
        ({"groups": [EACH | {"exclusive": True}]}, "/groups/0"),
        (
            {"groups": [EACH | {"when": {"feature": "orders", "at_least": 1}}]},
            "/groups/0/when/feature",
        ),
        (_tag("a", {"feature": "orders_90d", "at_least": "3"}), "/groups/0/tags/0/when/at_least"),
        (_tag("A b", {"all": []}), "/groups/0/tags/0/tag"),
        ({"tiers": TIERS | {"keep_days": 0}}, "/tiers/keep_days"),
        ({"tiers": TIERS | {"down": "maybe"}}, "/tiers/down"),
        (_levels({"id": "a", "when": {"all": []}}), "/tiers"),
        (_levels({"id": "a"}, {"id": "a", "when": {"all": []}}), "/tiers"),
        (
            _levels({"id": "a"}, {"id": "b", "when": {"feature": "tier", "equals": "a"}}),
            "/tiers/levels/1/when/feature",
        ),
        (_levels(), "/tiers/levels"),
        (_levels({"id": "a"}, {"id": "b"}), "/tiers"),
        (_levels({"id": "a"}, *(_met(f"l{i}") for i in range(12))), "/tiers/levels"),
        ({"tiers": TIERS | {"keep_days": 3651}}, "/tiers/keep_days"),
        ({"tiers": TIERS | {"grace_days": -1}}, "/tiers/grace_days"),
        ({"tiers": TIERS | {"grace_days": 3651}}, "/tiers/grace_days"),
        ({"tiers": TIERS | {"on_refund": "maybe"}}, "/tiers/on_refund"),
        ({"comeback_after_days": 0}, "/comeback_after_days"),
        ({"comeback_after_days": 3651}, "/comeback_after_days"),
        ({"passive_interactions": [""]}, "/passive_interactions/0"),
        ({"passive_interactions": ["x" * 129]}, "/passive_interactions/0"),
        ({"groups": [EACH | {"id": f"g{i}"} for i in range(101)]}, "/groups"),
        ({"groups": [_group(101)]}, "/groups/0/tags"),
        ({"groups": [_group(1), _group(1) | {"id": "h"}]}, ""),
        ({"groups": [_group(1) | {"when": {"all": []}}]}, "/groups/0"),
        ({"groups": [_group(1) | {"each": "store", "when": {"all": []}}]}, "/groups/0"),
        ({"groups": [{"id": "g", "title": WORDS, "each": "store"}]}, "/groups/0"),
        ({"groups": [EACH | {"each": "city"}]}, "/groups/0/each"),
        ({"groups": [EACH | {"id": "a" * 49}]}, "/groups/0/id"),
        ({"groups": [EACH | {"id": "4ever"}]}, "/groups/0/id"),
        ({"groups": [EACH | {"title": WORDS | {"zh": ""}}]}, "/groups/0/title/zh"),
        ({"groups": [EACH | {"title": WORDS | {"en": "x" * 129}}]}, "/groups/0/title/en"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_is_wrong_is_pointed_at(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ProgramError) as refused:
        read_program(document() | change)
    assert pointer in {problem.pointer for problem in refused.value.problems}


def test_what_may_be_written_at_most() -> None:
    words = {"zh": "字" * 128, "en": "x" * 128}
    program = read_program(
        document(
            comeback_after_days=3650,
            passive_interactions=["x" * 128],
            groups=[
                _group(100) | {"id": "a" * 48, "title": words},
                *(EACH | {"id": f"g{i}"} for i in range(99)),
            ],
        )
        | {
            "tiers": TIERS
            | {
                "keep_days": 3650,
                "grace_days": 3650,
                "levels": [{"id": "zero", "title": WORDS}, *(_met(f"l{i}") for i in range(11))],
            }
        }
    )
    assert (len(program.groups), len(program.groups[0].tags)) == (100, 100)
    assert len(program.tiers.levels) == 12


def test_what_is_not_written_is_as_the_handbook_says() -> None:
    levels = [{"id": "only", "title": WORDS}]
    program = read_program({"groups": [_group(1)], "tiers": {"keep_days": 1, "levels": levels}})
    assert (program.comeback_after_days, program.passive_interactions) == (180, ())
    assert not program.groups[0].exclusive
    tiers = program.tiers
    assert (tiers.grace_days, tiers.down, tiers.on_refund) == (0, "recomputed", "take_back")


def test_slashes_and_tildes_in_a_name_are_escaped_in_its_pointer() -> None:
    with pytest.raises(ProgramError) as refused:
        read_program(document() | {"a/b~c": 1})
    assert [problem.pointer for problem in refused.value.problems] == ["/a~1b~0c"]
    assert str(refused.value).startswith("/a~1b~0c: ")


def test_everything_wrong_is_said_at_once() -> None:
    wrong = {"feature": "order", "at_least": 3}
    tags = [{"tag": f"t{i}", "title": WORDS, "when": wrong} for i in range(3)]
    with pytest.raises(ProgramError) as refused:
        read_program(document(groups=[{"id": "g", "title": WORDS, "tags": tags}]))
    assert len(refused.value.problems) == 3


def test_the_version_in_force_is_found_by_time() -> None:
    program = read_program(document())
    first, second, third = (
        compile_program(program, version=version, effective_from=since)
        for version, since in ((1, BEGINNING), (2, 100), (3, 100))
    )
    versions = Versions([second, third, first])
    assert versions.at(99) is first
    assert versions.at(100) is third, "of two with one effective time the later one counts"
    assert versions.next_from(99) == 100
    assert versions.next_from(100) is None
    assert versions.get(2) is second
    assert versions.get(4) is None
    assert versions.newest is third
    late = Versions([third])
    assert late.at(0) is third, "before the first version took effect, the first"
    assert late.next_from(0) is None
    with pytest.raises(ValueError, match="no version"):
        Versions([])
