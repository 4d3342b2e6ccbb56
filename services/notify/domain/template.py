"""Rendering: what a message says, from a template, a language and the message's variables.

Messages are rendered when they are delivered or looked at, not when they are decided: most
decisions are never read, and a job carries all that its text needs.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2 import Template as CompiledTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

LANGUAGES = ("zh", "en")

VARIABLES: Mapping[str, Any] = {
    "member_id": "0190b5a0-0000-7000-8000-000000000000",
    "tier": "gold",
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
    "tier_after": "gold",
}
"""The variables that a template may use, with the values that previews and checks use."""

_TEXT_LENGTH_MAX = 20_000


class ContentError(ValueError):
    """A message that cannot be made, with the reason in words."""


class Template(msgspec.Struct, frozen=True):
    """A message's text by language (`zh` and `en`)."""

    name: str
    title: Mapping[str, str]
    text: Mapping[str, str]


class Content(msgspec.Struct, frozen=True):
    """A rendered message."""

    language: str
    text: str

    @property
    def size(self) -> int:
        """How long it is, in bytes of UTF-8: the unit of the channels' limits."""
        return len(self.text.encode())


def render(template: Template, language: str, variables: Mapping[str, Any]) -> Content:
    """Render in the language asked for, or else in the first one that the template has.

    Raises:
        ContentError: the template fails on these variables.
    """
    spoken = language if language in template.text else next(iter(template.text))
    known = {**dict.fromkeys(VARIABLES), **variables, "language": spoken}
    try:
        text = _compiled(template.text[spoken]).render(known)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as error:
        raise ContentError(f"{template.name} ({spoken}): {error}") from error
    return Content(language=spoken, text=text.strip())


def problem_with(source: str, bytes_max: int | None) -> str | None:
    """What is wrong with a source: syntax, unknown variables, too long; None when nothing is."""
    if len(source) > _TEXT_LENGTH_MAX:
        return f"a template has at most {_TEXT_LENGTH_MAX} characters, got {len(source)}"
    try:
        used = meta.find_undeclared_variables(_environment().parse(source))
        unknown = sorted(used - set(VARIABLES))
        if unknown:
            return f"unknown variables {', '.join(unknown)}; known are {', '.join(VARIABLES)}"
        size = len(_compiled(source).render(VARIABLES).strip().encode())
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as error:
        return str(error)
    if bytes_max is not None and size > bytes_max:
        return f"{size} bytes with sample values, and the channel takes {bytes_max}"
    return None


def money(minor_units: int | None) -> str:
    """An amount in minor units as people read it: 3520 → 35.20."""
    if minor_units is None:
        return ""
    sign, amount = ("-", -minor_units) if minor_units < 0 else ("", minor_units)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


@lru_cache(maxsize=512)
def _compiled(source: str) -> CompiledTemplate:
    return _environment().from_string(source)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    """Sandboxed: a template reads its variables, and nothing else of the process."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # plain text for chats and SMS
        finalize=lambda value: "" if value is None else value,
    )
    environment.globals.clear()  # no range(10**9): a template has nothing to count
    environment.filters = {
        name: environment.filters[name] for name in ("default", "lower", "upper", "trim", "title")
    } | {"money": money}
    return environment
