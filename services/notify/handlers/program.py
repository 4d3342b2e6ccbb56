"""Notify's part of the program, as the runtime keeps its versions."""

from collections.abc import Collection, Sequence

from services.notify.domain.compiling import DocumentError, compile_program
from services.notify.domain.controls import Controls
from services.notify.domain.program import Program, Programs
from shared.runtime.program import (
    Document,
    Mistake,
    ProgramError,
    ProgramHistory,
    ProgramPart,
    Versioned,
)


def program_part(default: Document) -> ProgramPart[Program]:
    """The part named `notify`; `default` is the document that becomes version 1."""
    return ProgramPart(name="notify", parse=_parse, default=default)


def programs_of(history: ProgramHistory[Program], controls: Controls) -> Programs:
    """The versions in hand, as the machine wants them, and what was said of journeys."""
    withdrawn = {each.version for each in history.withdrawn}
    return programs_over(history.versions, withdrawn, controls)


def programs_over(
    versions: Sequence[Versioned[Program]], withdrawn: Collection[int], controls: Controls
) -> Programs:
    """Versions of which some were never in force."""
    dated = [(each.effective_from, each.version, each.program) for each in versions]
    return Programs(dated, withdrawn, controls)


def _parse(document: Document) -> Program:
    try:
        return compile_program(document)
    except DocumentError as error:
        mistakes = [Mistake(problem.pointer, problem.message) for problem in error.problems]
        raise ProgramError(mistakes) from error
