"""Rendering: what a message says, from a template, a language and the message's variables.

Messages are rendered when they are delivered or looked at, not when they are decided: most
decisions are never read, and a job carries all that its text needs.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import StrictUndefined, TemplateError, meta, pass_context
from jinja2 import Template as CompiledTemplate
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.events.currencies import MINOR_DIGITS
from shared.events.standards import unknown

LANGUAGES = ("zh", "en")

VARIABLES: Mapping[str, Any] = {
    "member_id": "0190b5a0-0000-7000-8000-000000000000",
    "tier": "gold",
    "tier_title": {"zh": "金卡会员", "en": "Gold"},
    "orders": 3,
    "language": "zh",
    "days_since_purchase": 7,
    "order_id": "A-1001",
    "store_id": "store-12",
    "currency": "CNY",
    "total": 12800,
    "channel": "store",
    "via": "code",
    "kind": "check_in",
    "tag": "vip",
    "tier_before": "silver",
    "tier_before_title": {"zh": "银卡会员", "en": "Silver"},
    "tier_after": "gold",
    "tier_after_title": {"zh": "金卡会员", "en": "Gold"},
    "tier_direction": "up",
}
"""The variables that a template may use, with the values that previews and checks use.

What has a value for each language is read in the message's own.
"""

ALWAYS = frozenset({"member_id", "language", "orders"})
"""What is known of every member, whatever a message is about."""

_TEXT_LENGTH_MAX = 20_000
_DIGITS = 2
_FAULTS = (TemplateError, ArithmeticError, TypeError, ValueError, LookupError)


class ContentError(ValueError):
    """A message that cannot be made, with the reason in words."""


class Template(msgspec.Struct, frozen=True):
    """A message's text by language (`zh` and `en`).

    `correct_under_way`: it also takes the place of the text of earlier versions, in whatever has
    not been said yet.
    """

    name: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    correct_under_way: bool = False


class Content(msgspec.Struct, frozen=True):
    """A rendered message."""

    language: str
    text: str

    @property
    def size(self) -> int:
        """How long it is, in bytes of UTF-8: the unit of the channels' limits."""
        return len(self.text.encode())


def render(
    template: Template, languages: Sequence[str], member_id: str, variables: Mapping[str, Any]
) -> Content:
    """Render in the first of the languages that the template has.

    Args:
        template: the words.
        languages: the member's, then the program's.
        member_id: whom it is for.
        variables: what the message is about; what is not known is missing, or None.

    Raises:
        ContentError: the template fails on these variables.
    """
    spoken = next((each for each in languages if each in template.text), LANGUAGES[0])
    try:
        text = _text(template.text[spoken], spoken, {"member_id": member_id, **variables})
    except _FAULTS as error:
        raise ContentError(f"{template.name} ({spoken}): {error}") from error
    return Content(language=spoken, text=text)


def problems_with(
    source: str, language: str, known: Mapping[str, frozenset[str]], bytes_max: int | None
) -> list[str]:
    """What is wrong with a source, in words.

    Args:
        source: one template in one language.
        language: which one.
        known: by journey that uses it, the variables that are known in it whatever happens.
        bytes_max: what the tightest channel takes.
    """
    if len(source) > _TEXT_LENGTH_MAX:
        return [f"a template has at most {_TEXT_LENGTH_MAX} characters, got {len(source)}"]
    try:
        used = meta.find_undeclared_variables(_environment().parse(source))
        names = sorted(used - VARIABLES.keys())
        if names:
            listed = ", ".join(VARIABLES)
            return [f"{unknown('variable', name, VARIABLES)} (known: {listed})" for name in names]
        size = len(_text(source, language, VARIABLES).encode())
    except _FAULTS as error:
        return [str(error)]
    found = []
    if bytes_max is not None and size > bytes_max:
        found.append(f"{size} bytes with sample values, and the channel takes {bytes_max}")
    for journey, certain in known.items():
        found += [
            f"{name!r} can be missing in journey {journey!r}, and the text fails without it: "
            f"write {{{{ {name} | default('…') }}}} or {{% if {name} is defined %}}"
            for name in sorted(used - certain)
            if not _does_without(source, language, name)
        ]
    return found


def _does_without(source: str, language: str, name: str) -> bool:
    try:
        _text(source, language, {**VARIABLES, name: None})
    except _FAULTS:
        return False
    return True


def _text(source: str, language: str, variables: Mapping[str, Any]) -> str:
    known = {name: _in(language, value) for name, value in variables.items() if value is not None}
    return _compiled(source).render({**known, "language": language}).strip()


def _in(language: str, value: Any) -> Any:
    """A value in the message's language, where there is one for each."""
    if not isinstance(value, Mapping):
        return value
    return value.get(language) or next(iter(value.values()), "")


@pass_context
def _money(context: Context, minor_units: int) -> str:
    """An amount in minor units of the message's currency as people read it: 3520 → 35.20."""
    digits = MINOR_DIGITS.get(str(context.get("currency", "")), _DIGITS)
    sign, amount = ("-", -minor_units) if minor_units < 0 else ("", minor_units)
    whole, rest = divmod(amount, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


@lru_cache(maxsize=512)
def _compiled(source: str) -> CompiledTemplate:
    return _environment().from_string(source)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    """Sandboxed: a template reads its variables, and nothing else of the process."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # plain text for chats and SMS
    )
    environment.globals.clear()  # no range(10**9): a template has nothing to count
    environment.filters = {
        name: environment.filters[name] for name in ("default", "lower", "upper", "trim", "title")
    } | {"money": _money}
    return environment
