"""Whose words a message is said in: those of the version that decided it, or a later correction.

A template that says `correct_under_way` takes the place of what earlier versions say under its
name, in whatever has not been said: messages that wait for delivery, and the steps to come of those
under way. Of several the one that began last counts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.notify.domain.program import Program
from services.notify.domain.template import Content, ContentError, Template, render
from shared.clock import Instant
from shared.runtime.program import ProgramHistory, Versioned


class Worded(Content, frozen=True):
    """A rendered message, and the version whose words it is in."""

    version: int


def word(
    history: ProgramHistory[Program],
    template: str,
    decided_by: int | None,
    content: Mapping[str, Any],
    member_id: str,
    now: Instant,
) -> Worded:
    """Render a message as it would be said at an instant.

    Args:
        history: of the program.
        template: its name.
        decided_by: the number of the version that decided; one that is not known (a job that
            somebody else requested), or None, is the one in force.
        content: `language` and `variables`.
        member_id: whom it is for.
        now: the instant.

    Raises:
        ContentError: it cannot be rendered. A correction that cannot is passed over.
    """
    own = _deciding(history, decided_by, now)
    for version in _corrections(history, own, template, now):
        try:
            return _render(version, template, content, member_id)
        except ContentError:
            continue  # it needs a variable that the earlier version does not bring
    return _render(own, template, content, member_id)


def in_words_of(
    history: ProgramHistory[Program],
    template: str,
    version: int,
    content: Mapping[str, Any],
    member_id: str,
) -> Worded:
    """Render a message that was said, in the words in which it was.

    Raises:
        ContentError: it cannot be rendered.
    """
    try:
        said_by = history.numbered(version)
    except LookupError as error:
        raise ContentError(f"no version {version}") from error
    return _render(said_by, template, content, member_id)


def _deciding(
    history: ProgramHistory[Program], decided_by: int | None, now: Instant
) -> Versioned[Program]:
    try:
        return history.at(now) if decided_by is None else history.numbered(decided_by)
    except LookupError:
        return history.at(now)


def _corrections(
    history: ProgramHistory[Program], own: Versioned[Program], template: str, now: Instant
) -> Iterator[Versioned[Program]]:
    """Versions that correct a template of another one, the last first."""
    for each in reversed(history.standing):
        if (each.effective_from, each.version) <= (own.effective_from, own.version):
            return
        known: Template | None = each.program.templates.get(template)
        if each.effective_from <= now and known is not None and known.correct_under_way:
            yield each


def _render(
    version: Versioned[Program], template: str, content: Mapping[str, Any], member_id: str
) -> Worded:
    found = version.program.templates.get(template)
    if found is None:
        raise ContentError(f"unknown template {template!r}")
    languages = [content.get("language") or "", version.program.language]
    rendered = render(found, languages, member_id, content.get("variables") or {})
    return Worded(rendered.language, rendered.text, version.version)
