"""Names that the world has agreed on: languages, time zones; and which known name is nearest.

Each has a function that gives the one spelling of a name, or says that there is no such name and
which known one is nearest.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import available_timezones

_LANGUAGES: Final = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu
lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu
rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr
ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
ceb cmn fil gan gsw hak hmn hsn mnc nan wuu yue
"""
LANGUAGES: Final = frozenset(_LANGUAGES.split())
"""ISO 639-1, and the languages of ISO 639-3 that people of our chains speak."""

_LANGUAGE_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-[a-z0-9]{1,8})*)"
)
_SHOWN: Final = 64


class UnknownName(ValueError):  # noqa: N818 - says what it is
    """A name that nobody knows; the message says the value and the nearest known one."""


def nearest(value: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, if any does."""
    folded = {name.casefold(): name for name in sorted(known)}
    found = get_close_matches(value.casefold()[:_SHOWN], folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def unknown(what: str, value: str, known: Iterable[str]) -> str:
    """The words for a name that is not known."""
    near = nearest(value, known)
    hint = f"; did you mean {near!r}?" if near else ""
    return f"unknown {what} {value[:_SHOWN]!r}{hint}"


@lru_cache(maxsize=1_024)
def language(tag: str) -> str:
    """A language tag (BCP 47) in its one spelling: `zh_cn` is `zh-CN`.

    Raises:
        UnknownName: not a language tag, or no such language.
    """
    found = _LANGUAGE_TAG.fullmatch(tag.replace("_", "-").lower())
    if found is None or found["language"] not in LANGUAGES:
        words = unknown("language", tag, LANGUAGES)
        raise UnknownName(f"{words}; a language is written as zh, en or en-US (BCP 47)")
    told = found["language"]
    if found["script"]:
        told += "-" + found["script"].title()
    if found["region"]:
        told += "-" + found["region"].upper()
    return told + found["rest"]


@lru_cache(maxsize=1_024)
def time_zone(name: str) -> str:
    """The name of a time zone (IANA) in its one spelling: `PRC` is `Asia/Shanghai`.

    Raises:
        UnknownName: no such time zone.
    """
    found = _zones().get(name.strip().replace(" ", "_").casefold())
    if found is None:
        raise UnknownName(f"{unknown('time zone', name, _zones().values())} (IANA)")
    return found


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    """Every spelling, folded, of every zone.

    What stands for a place of its own in the zone table keeps its name, as Europe/Amsterdam, though
    the rules are another's; old and short names (PRC, Asia/Chongqing) become the name of today.
    """
    data = resources.files("tzdata").joinpath("zoneinfo")
    names = available_timezones() - {"localtime", "posixrules", "Factory"}
    zones = {name.casefold(): name for name in sorted(names)}
    for line in data.joinpath("tzdata.zi").read_text().splitlines():
        match line.split():
            case ["L", target, link]:
                zones[link.casefold()] = "UTC" if target == "Etc/UTC" else target
            case _:
                pass
    for line in data.joinpath("zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            name = line.split("\t")[2]
            zones[name.casefold()] = name
    return zones | {"etc/utc": "UTC", "utc": "UTC"}
