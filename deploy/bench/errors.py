"""Why a benchmark has no figure.

BenchError
├── StalledError    nothing moved any more
├── SpoiltError     events became dead letters: a figure would mean nothing
└── RefusedError    the endpoint did not take a request
"""


class BenchError(RuntimeError):
    """A benchmark came to nothing."""


class StalledError(BenchError):
    """Nothing moved any more."""


class SpoiltError(BenchError):
    """Events became dead letters."""


class RefusedError(BenchError):
    """The endpoint did not take a request."""
