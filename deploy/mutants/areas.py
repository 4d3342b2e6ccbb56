"""The table of areas: which code is changed, and which tests have to notice.

Left out everywhere: composition roots (`__main__`), `settings`, `metrics`, migrations, and tables
(`make migrations` holds them against each other). So are end-to-end tests: they are slow, and a
fault that only they see is seen too late.
"""

from dataclasses import dataclass
from pathlib import Path

from deploy.mutants.errors import UnknownAreaError

_LEFT_OUT = frozenset({"__main__.py", "settings.py", "metrics.py", "tables.py", "__init__.py"})


@dataclass(frozen=True, slots=True)
class Area:
    """Code and the tests that have to notice when it changes.

    Attributes:
        code: files and folders, from the root of the tree.
        tests: files and folders, from the root of the tree.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self, root: Path) -> list[str]:
        """The source files below these paths, sorted, from the root of the tree."""
        found: set[Path] = set()
        for name in self.code:
            path = root / name
            found.update([path] if path.suffix == ".py" else path.rglob("*.py"))
        return sorted(
            path.relative_to(root).as_posix()
            for path in found
            if path.name not in _LEFT_OUT and "migrations" not in path.parts
        )

    def present_tests(self, root: Path) -> list[str]:
        """Those of the test paths that are there."""
        return [name for name in self.tests if (root / name).exists()]


def _service(name: str) -> Area:
    return Area(
        code=(f"services/{name}",),
        tests=(
            f"tests/unit/services/{name}",
            f"tests/property/services/{name}",
            f"tests/integration/services/{name}",
        ),
    )


AREAS = {
    "conditions": Area(
        code=("shared/conditions",),
        tests=(
            "tests/unit/shared/conditions",
            "tests/property/conditions",
            "tests/integration/conditions",
        ),
    ),
    "orders": Area(
        code=("shared/orders",),
        tests=(
            "tests/unit/shared/orders",
            "tests/property/shared/orders",
        ),
    ),
    "runtime": Area(
        code=(
            "shared/runtime",
            "shared/kafka",
            "shared/events/codec.py",
            "shared/events/edge.py",
        ),
        tests=(
            "tests/unit/shared/runtime",
            "tests/unit/shared/kafka",
            "tests/unit/shared/events",
            "tests/property/shared",
            "tests/integration/shared",
            "tests/integration/runtime",
        ),
    ),
    "timers": Area(
        code=("shared/timers", "shared/outbox"),
        tests=(
            "tests/unit/shared/timers",
            "tests/unit/shared/outbox",
            "tests/property/shared/timers",
            "tests/property/shared/outbox",
            "tests/integration/shared/timers",
            "tests/integration/shared/outbox",
        ),
    ),
    "points": _service("points"),
    "segmentation": _service("segmentation"),
    "notify": _service("notify"),
    "ingest": _service("ingest"),
}


def area_named(name: str) -> Area:
    """The area; UnknownAreaError names those that there are."""
    if name not in AREAS:
        raise UnknownAreaError(f"no area {name!r}; there are {', '.join(AREAS)}")
    return AREAS[name]
