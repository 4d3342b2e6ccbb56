"""The lists of changes that change no behaviour, each with its reason: equivalent/<area>.yaml."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from deploy.mutants.errors import EquivalentsError
from deploy.mutants.finding import Mutant

_LISTS = Path(__file__).parent / "equivalent"


class Equivalent(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"place": "in"}):
    """A change and why nobody can see it; `before` and `after` as the tool prints them."""

    place: str
    before: str
    after: str
    why: str


def read_equivalents(area: str) -> dict[str, str]:
    """Reasons by fingerprint."""
    path = _LISTS / f"{area}.yaml"
    if not path.exists():
        return {}
    try:
        listed = msgspec.yaml.decode(path.read_bytes(), type=list[Equivalent])
    except msgspec.MsgspecError as error:
        raise EquivalentsError(f"{path.name}: {error}") from error
    nameless = [one.place for one in listed if not one.why.strip()]
    if nameless:
        raise EquivalentsError(f"{path.name}: no reason for a change in {', '.join(nameless)}")
    return {f"{one.place}: {one.before} → {one.after}": one.why for one in listed}


def entry(mutant: Mutant) -> str:
    """The lines that put a change on the list, but for the reason."""
    fields = {
        "in": f"{mutant.path}::{mutant.function}",
        "before": mutant.before,
        "after": mutant.after,
        "why": "",
    }
    return msgspec.yaml.encode([fields]).decode()


def outdated(listed: dict[str, str], mutants: Sequence[Mutant]) -> list[str]:
    """Fingerprints on the list that no change has any more."""
    there = {mutant.fingerprint for mutant in mutants}
    return [one for one in listed if one not in there]
