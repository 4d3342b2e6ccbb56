"""A metric that nothing sets is a lie: each in the closed lists is set by code that runs.

That it then moves is shown by tests: `tests/e2e/test_figures.py` asks a real Prometheus for every
one of these names, and says where those move that need a fault.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = [
    ROOT / "shared" / "observability" / "metrics.py",
    *sorted(ROOT.glob("services/*/metrics.py")),
]
_KINDS = {"Counter", "Gauge", "Histogram", "counter", "gauge", "histogram"}
_SETTERS = {"inc", "set", "observe"}


def _attributes(file: Path) -> Iterator[str]:
    """The attributes of a list that are metrics."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            made = {
                called.func.id
                for called in ast.walk(node.value)
                if isinstance(called, ast.Call) and isinstance(called.func, ast.Name)
            }
            if made & _KINDS:
                yield node.targets[0].attr


def _metrics() -> list[tuple[Path, str]]:
    return [(file, name) for file in LISTS for name in _attributes(file)]


@pytest.fixture(scope="module")
def used() -> set[str]:
    """Attributes that are set somewhere: `….name.inc(…)`, `….name.labels(…).set(…)`.

    A child kept for later (`self._seconds = metrics.name.labels(…)`) counts by its `labels`.
    """
    found: set[str] = set()
    for top in ("shared", "services"):
        for file in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                    if node.attr in _SETTERS | {"labels"}:
                        found.add(node.value.attr)
                elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
                    found.add(node.value.attr)  # `answers = self._metrics.answers`
                elif isinstance(node, ast.IfExp):
                    found |= {
                        each.attr
                        for each in (node.body, node.orelse)
                        if isinstance(each, ast.Attribute)
                    }
    return found


def test_the_lists_are_read() -> None:
    assert len(_metrics()) > 40


@pytest.mark.parametrize(
    ("file", "name"), _metrics(), ids=lambda value: getattr(value, "parts", [value])[-2:][0]
)
def test_a_metric_is_set_somewhere(file: Path, name: str, used: set[str]) -> None:
    assert name in used, f"{name} of {file.relative_to(ROOT)} is set nowhere"
