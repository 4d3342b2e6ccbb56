"""The FastAPI side: who may call an endpoint is said where the endpoint is declared.

    @router.get("/v1/audiences") async def audiences(caller: Annotated[Principal,
    Depends(require("admin", "marketer"))]) -> …

The verifier and the clock are put on `app.state` by `shared.runtime.http.app.build_app`, which
also turns the errors raised here into 401 and 403 problem documents.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.auth.errors import Forbidden, Unauthenticated
from shared.auth.principal import Principal, Role
from shared.auth.tokens import Verifier
from shared.clock import Clock

_bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    scheme_name="token",
    description="Issued by the identity provider, or by the local issuer: `regulars token`",
)


async def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Whoever the bearer token proves.

    Raises:
        Unauthenticated: no token, or one that proves nothing.
    """
    if credentials is None:
        raise Unauthenticated("send `Authorization: Bearer <token>`")
    verifier: Verifier = request.app.state.verifier
    clock: Clock = request.app.state.clock
    principal = await verifier.verify(credentials.credentials, clock.now())
    request.state.principal = principal
    return principal


def require(*roles: Role) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets callers of these roles pass, and hands them to the endpoint."""
    allowed = frozenset(roles)

    async def guard(principal: Annotated[Principal, Depends(caller)]) -> Principal:
        if principal.role not in allowed:
            raise Forbidden(f"this needs one of the roles {', '.join(sorted(allowed))}")
        return principal

    return guard
