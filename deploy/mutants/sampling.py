"""Draws changes by seed, so that the same tree and seed give the same sample.

The order is that of a hash of seed and fingerprint: a change elsewhere in the tree leaves the
places of the others as they are.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from deploy.mutants.areas import Area
from deploy.mutants.finding import Mutant, mutants_of


def all_mutants(area: Area, root: Path) -> list[Mutant]:
    """Every change of an area's code."""
    return [
        mutant
        for path in area.files(root)
        for mutant in mutants_of(path, (root / path).read_text(encoding="utf-8"))
    ]


def name_of(mutant: Mutant) -> str:
    """A short name to ask for this change again."""
    return _hash(f"{mutant.nth}:{mutant.fingerprint}")[:8]


def sample(mutants: Sequence[Mutant], seed: int, count: int) -> list[Mutant]:
    """So many of them, drawn by the seed."""
    drawn = sorted(mutants, key=lambda one: _hash(f"{seed}:{one.nth}:{one.fingerprint}"))
    return drawn[:count]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
