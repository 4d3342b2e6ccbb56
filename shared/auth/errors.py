"""What can be wrong with a caller.

AuthError
├── AuthNotConfigured   the service was not told whom to believe: it must not start
├── Unauthenticated     no token, or one that proves nothing (HTTP 401)
└── Forbidden           a known caller who may not do this (HTTP 403)
"""


class AuthError(Exception):
    """The tree's root."""


class AuthNotConfigured(AuthError):  # noqa: N818 -- says what is the case; "…Error" adds nothing
    """Neither a local key nor a key set was given, or what was given is unusable."""


class Unauthenticated(AuthError):  # noqa: N818 -- as above
    """The caller did not prove who they are."""


class Forbidden(AuthError):  # noqa: N818 -- as above
    """The caller is known and not allowed."""
