"""program.yaml is read strictly."""

from pathlib import Path

import pytest

from shared.runtime.program_file import ProgramFileError, parse_program, read_part, read_program

PROGRAM = Path(__file__).parents[4] / "deploy" / "program.yaml"


def test_the_program_that_is_delivered_can_be_read() -> None:
    assert set(read_program(PROGRAM)) == {"points", "segmentation", "notify"}
    assert read_part(PROGRAM, "points")["rules"]


def test_values_are_those_of_json_in_the_order_written() -> None:
    parts = parse_program("points: {z: 2017-01-01, a: 2017-01-01T08:00:00+08:00, 'no': [1, ~]}")
    assert parts == {
        "points": {"z": "2017-01-01", "a": "2017-01-01T08:00:00+08:00", "no": [1, None]}
    }
    assert list(parts["points"]) == ["z", "a", "no"]


def test_rules_may_share_what_they_have_in_common() -> None:
    parts = parse_program("points: {a: &base {x: 1, y: 2}, b: {<<: *base, y: 3}}")
    assert parts["points"]["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("points:\n  rules: 1\n  caps: 2\n  rules: 3\n", "line 4: 'rules' is given twice"),
        ("points:\n  on: 1\n", "line 2: the key 'on' reads as True"),
        ("points:\n  1: a\n", "line 2: the key '1' reads as 1"),
        ("points: [", "not YAML"),
        ("", "a section for each part"),
        ("points: 3", "a section for each part"),
        ("points: {a: !!python/name:os.system }", "not YAML"),
        ("points: {a: !!binary aGk= }", "JSON does not have"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ProgramFileError, match=why):
        parse_program(text)


def test_a_missing_file_or_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramFileError, match=r"nothing\.yaml"):
        read_program(tmp_path / "nothing.yaml")
    with pytest.raises(ProgramFileError, match="has no section 'till'"):
        read_part(PROGRAM, "till")
