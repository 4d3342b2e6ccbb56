"""Notify's part of the program, as the runtime keeps its versions."""

from services.notify.domain.compiling import DocumentError, compile_program
from services.notify.domain.program import Program, Programs
from shared.runtime.program import Document, Mistake, ProgramError, ProgramHistory, ProgramPart


def program_part(default: Document) -> ProgramPart[Program]:
    """The part named `notify`; `default` is the document that becomes version 1."""
    return ProgramPart(name="notify", parse=_parse, default=default)


def programs_of(history: ProgramHistory[Program]) -> Programs:
    """The versions in hand, as the machine wants them."""
    return Programs(
        [(each.effective_from, each.version, each.program) for each in history.versions]
    )


def _parse(document: Document) -> Program:
    try:
        return compile_program(document)
    except DocumentError as error:
        mistakes = [Mistake(problem.pointer, problem.message) for problem in error.problems]
        raise ProgramError(mistakes) from error
