"""Errors of the mutation tool.

MutantsError
├── UnknownAreaError      no area of this name
├── RedBaselineError      the tests fail with nothing changed
└── EquivalentsError      equivalent.yaml is not as it should be
"""


class MutantsError(Exception):
    """What keeps the tool from answering."""


class UnknownAreaError(MutantsError):
    """No area has this name."""


class RedBaselineError(MutantsError):
    """The area's tests fail before anything is changed, so they can say nothing."""


class EquivalentsError(MutantsError):
    """The list of changes that change no behaviour cannot be read."""
