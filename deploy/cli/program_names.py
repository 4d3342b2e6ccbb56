"""Names in one part of a program that another part defines: tags and tiers are segmentation's.

Each service checks its own part; nobody but who has the whole file can say that a journey waits for
a tag that no group gives.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.events.standards import unknown

_TIER_FEATURES = frozenset({"tier", "event.to", "event.from"})
_TAG_FEATURES = frozenset({"tags", "event.tag"})


class Names(NamedTuple):
    """What segmentation defines.

    Attributes:
        tiers: ids of levels.
        tags: names of tags.
        families: groups that give a tag for every category or store (`interest:TEA`).
    """

    tiers: frozenset[str]
    tags: frozenset[str]
    families: frozenset[str]

    def has_tag(self, name: str) -> bool:
        """Whether some group can give it."""
        return name in self.tags or (name.partition(":")[0] in self.families and ":" in name)


def problems(documents: Mapping[str, Any]) -> list[str]:
    """Each name that segmentation's part does not define, with its place; no part, no names."""
    part = documents.get("segmentation")
    if not isinstance(part, Mapping):
        return []
    names = _names(part)
    return [
        problem
        for service, document in documents.items()
        if service != "segmentation"
        for problem in _in(document, service, names)
    ]


def _names(part: Mapping[str, Any]) -> Names:
    groups = [group for group in _list(part.get("groups")) if isinstance(group, Mapping)]
    levels = _list((part.get("tiers") or {}).get("levels"))
    return Names(
        tiers=frozenset(level["id"] for level in levels if _has(level, "id")),
        tags=frozenset(
            tag["tag"] for group in groups for tag in _list(group.get("tags")) if _has(tag, "tag")
        ),
        families=frozenset(group["id"] for group in groups if group.get("each") and "id" in group),
    )


def _in(value: Any, pointer: str, names: Names) -> Iterator[str]:
    if isinstance(value, list):
        for i, each in enumerate(value):
            yield from _in(each, f"{pointer}/{i}", names)
    elif isinstance(value, Mapping):
        if "feature" in value:
            yield from _compared(value, pointer, names)
        for name, each in value.items():
            if name == "tag" and isinstance(each, str):
                yield from _tag(each, f"{pointer}/tag", names)
            else:
                yield from _in(each, f"{pointer}/{name}", names)


def _compared(comparison: Mapping[str, Any], pointer: str, names: Names) -> Iterator[str]:
    """The values that a comparison of a tier or of tags asks for."""
    feature = comparison["feature"]
    for operator, asked in comparison.items():
        if operator == "feature":
            continue
        for name in [asked] if isinstance(asked, str) else _list(asked):
            if feature in _TAG_FEATURES and isinstance(name, str):
                yield from _tag(name, f"{pointer}/{operator}", names)
            elif feature in _TIER_FEATURES and isinstance(name, str) and name not in names.tiers:
                yield f"{pointer}/{operator}: {unknown('tier', name, names.tiers)}"


def _tag(name: str, pointer: str, names: Names) -> Iterator[str]:
    if not names.has_tag(name):
        yield f"{pointer}: {unknown('tag', name, names.tags)}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _has(value: Any, name: str) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get(name), str)
