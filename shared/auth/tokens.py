"""Bearer tokens: JSON Web Tokens, verified against a local key or an identity provider's key set.

Two ways, one at a time:

- *local*: a symmetric key shared by the services of one installation; HS256. `issue` makes such
  tokens. It is for development and for small chains without an identity provider.
- *OIDC*: the public keys (JWKS) of an identity provider, which must state issuer and audience.
  Asymmetric algorithms only: a public key can never be taken for a shared secret.

In both, the algorithm is ours to say, never the token's, and `iss`, `aud`, `exp`, `sub` and `role`
must be there.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Protocol, cast

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from shared.auth.errors import AuthNotConfigured, Unauthenticated
from shared.auth.principal import ROLES, Principal, Role
from shared.clock import SECOND, Instant

LOCAL_ISSUER = "urn:regulars:local"
AUDIENCE = "regulars"
_LOCAL_ALGORITHMS = ("HS256",)
_OIDC_ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
_KEY_BYTES_LEAST = 32
_TOKEN_LENGTH_MOST = 8_192
_LEEWAY_SECONDS = 30


def local_key(text: str) -> OctKey:
    """Read the local symmetric key: base64url of 32 bytes or more.

    Raises:
        AuthNotConfigured: not base64url, or too short to be safe.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise AuthNotConfigured("REGULARS_TOKEN_KEY is not base64url") from error
    if len(raw) < _KEY_BYTES_LEAST:
        raise AuthNotConfigured(
            f"REGULARS_TOKEN_KEY holds {len(raw)} bytes; {_KEY_BYTES_LEAST} or more are needed"
        )
    return OctKey.import_key(raw)


def issue(
    key: str,
    *,
    subject: str,
    role: str,
    stores: Sequence[str] = (),
    expires_in_seconds: int,
    now: Instant,
) -> str:
    """Make a token of the local issuer.

    Raises:
        ValueError: an unknown role, or a history that ends before it begins.
        AuthNotConfigured: the key is unusable.
    """
    if role not in ROLES:
        raise ValueError(f"no role {role!r}; there are {', '.join(sorted(ROLES))}")
    if expires_in_seconds <= 0:
        raise ValueError("a token must live for at least a second")
    issued_at = now // SECOND
    claims = {
        "iss": LOCAL_ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "role": role,
        "stores": list(stores),
        "iat": issued_at,
        "exp": issued_at + expires_in_seconds,
    }
    return jwt.encode({"alg": "HS256"}, claims, local_key(key), algorithms=_LOCAL_ALGORITHMS)


class KeySource(Protocol):
    """Where the keys that tokens are checked with come from."""

    async def key_set(self, *, kid: str | None, now: Instant) -> KeySet:
        """The keys; `kid` is the one wanted, so that a source can look whether it is new.

        Raises:
            Unauthenticated: the keys cannot be had.
        """
        ...


class FixedKeys:
    """A key set that does not change while the process runs."""

    def __init__(self, keys: KeySet) -> None:
        """Keep the keys."""
        self._keys = keys

    async def key_set(self, *, kid: str | None, now: Instant) -> KeySet:  # noqa: ARG002 -- protocol
        """The keys."""
        return self._keys


class Verifier:
    """Turns a bearer token into the caller it proves."""

    def __init__(
        self, keys: KeySource, *, issuer: str, audience: str, algorithms: Sequence[str]
    ) -> None:
        """Believe this issuer's tokens for this audience, signed by one of these algorithms."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = tuple(algorithms)

    @classmethod
    def local(cls, key: str) -> "Verifier":
        """Believe tokens made by `issue` with the same key.

        Raises:
            AuthNotConfigured: the key is unusable.
        """
        keys = FixedKeys(KeySet([local_key(key)]))
        return cls(keys, issuer=LOCAL_ISSUER, audience=AUDIENCE, algorithms=_LOCAL_ALGORITHMS)

    @classmethod
    def oidc(cls, keys: KeySource, *, issuer: str, audience: str) -> "Verifier":
        """Believe an identity provider."""
        return cls(keys, issuer=issuer, audience=audience, algorithms=_OIDC_ALGORITHMS)

    async def verify(self, token: str, now: Instant) -> Principal:
        """Check signature, issuer, audience, times and role.

        Raises:
            Unauthenticated: the token proves nothing; the message says why, without repeating it.
        """
        if len(token) > _TOKEN_LENGTH_MOST:
            raise Unauthenticated("the token is too long")
        keys = await self._keys.key_set(kid=_key_id(token), now=now)
        try:
            claims = jwt.decode(token, keys, algorithms=self._algorithms).claims
            self._rules(now).validate(claims)
        except JoseError as error:
            raise Unauthenticated(f"the token was refused: {error}") from error
        except (ValueError, UnicodeError) as error:
            raise Unauthenticated("the token is not a signed JSON Web Token") from error
        return _principal(claims)

    def _rules(self, now: Instant) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=now // SECOND,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
            role={"essential": True, "values": sorted(ROLES)},
        )


def _key_id(token: str) -> str | None:
    """The `kid` a token's header names; None where it names none (the signature check judges)."""
    try:
        header = orjson.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    except (binascii.Error, ValueError, RecursionError):
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else None


def _principal(claims: dict[str, Any]) -> Principal:
    role, stores = claims["role"], claims.get("stores", [])
    if not isinstance(role, str):
        raise Unauthenticated("the claim 'role' must be one role")
    if not isinstance(stores, list) or not all(isinstance(store, str) for store in stores):
        raise Unauthenticated("the claim 'stores' must be a list of store ids")
    return Principal(claims["sub"], cast("Role", role), frozenset(stores))
