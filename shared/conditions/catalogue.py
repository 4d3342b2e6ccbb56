"""The features that conditions may speak of, with type, unit and words for people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from shared.conditions.model import NOW, OPERATORS, FeatureType

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_NAME_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing known of a member (or of an event).

    Attributes:
        name: lower case with underscores and dots, at most 64 characters.
        type: int (64 bits), number (64-bit float), bool, text, instant (microseconds) or
            set (of text).
        describe: what it is, by language (`{"zh": …, "en": …}`).
        unit: of the figure, as "orders" or "minor units"; empty where there is none.
        keyed: it holds one value per key (by category, by store); comparisons then need `of`.
        values: the closed list of values of a text or set feature; None: any text.
        keys: the closed list of keys of a keyed feature; None: any text.
    """

    name: str
    type: FeatureType
    describe: Mapping[str, str] = field(default_factory=dict, compare=False)
    unit: str = ""
    keyed: bool = False
    values: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a feature that no interpreter could serve.

        Raises:
            ValueError: with what is wrong.
        """
        if len(self.name) > _NAME_LENGTH_MAX or not _NAME.fullmatch(self.name):
            raise ValueError(f"no feature can be named {self.name!r}")
        if self.name == NOW:
            raise ValueError(f"{NOW!r} is the present, no feature")
        if self.keyed and self.type == "set":
            raise ValueError(f"{self.name}: a keyed feature holds single values, not sets")
        if self.keys is not None and not self.keyed:
            raise ValueError(f"{self.name}: only a keyed feature has keys")
        if self.values is not None and self.type not in {"text", "set"}:
            raise ValueError(f"{self.name}: only text and sets have a list of values")


class Catalogue:
    """Features by name, in the order given."""

    def __init__(self, features: Iterable[Feature]) -> None:
        """Take the features.

        Raises:
            ValueError: two have the same name.
        """
        self._features: dict[str, Feature] = {}
        for feature in features:
            if feature.name in self._features:
                raise ValueError(f"two features are named {feature.name!r}")
            self._features[feature.name] = feature

    def __getitem__(self, name: str) -> Feature:
        """The feature of that name (KeyError: unknown)."""
        return self._features[name]

    def get(self, name: str) -> Feature | None:
        """The feature of that name, or None."""
        return self._features.get(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is a feature of that name."""
        return name in self._features

    def __iter__(self) -> Iterator[Feature]:
        """All features, in the order given."""
        return iter(self._features.values())

    def __len__(self) -> int:
        """How many features there are."""
        return len(self._features)

    def nearest(self, name: str) -> str | None:
        """The known name most like a mistyped one."""
        return nearest(name, self._features)

    def describe(self) -> list[dict[str, Any]]:
        """The catalogue as JSON, for an API that forms are built on."""
        return [
            {
                "name": feature.name,
                "type": feature.type,
                "description": dict(feature.describe),
                "unit": feature.unit or None,
                "keyed": feature.keyed,
                "keys": _listed(feature.keys),
                "values": _listed(feature.values),
                "operators": list(OPERATORS[feature.type]),
            }
            for feature in self
        ]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like the one given; None when nothing is alike."""
    return next(iter(get_close_matches(word, known, n=1)), None)


def _listed(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)
