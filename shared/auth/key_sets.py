"""Key sets (JWKS) of an identity provider: from a document, a file or a URL."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.auth.errors import AuthNotConfigured, Unauthenticated
from shared.auth.tokens import AUDIENCE, FixedKeys, KeySource, Verifier
from shared.clock import HOUR, SECOND, Instant

if TYPE_CHECKING:
    import httpx

_TIMEOUT_SECONDS = 5.0
_KEEP: Instant = HOUR
_UNKNOWN_KEY_PAUSE: Instant = 30 * SECOND
_DOCUMENT_BYTES_MOST = 256 * 1024
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def parse_key_set(document: Any) -> KeySet:
    """Read a JWKS document; symmetric keys in it are refused, for it is public by nature.

    Raises:
        ValueError: not a key set, or one with a secret key in it.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        raise ValueError("a key set is an object with a list of `keys`")
    if any(not isinstance(key, dict) or key.get("kty") == "oct" for key in keys):
        raise ValueError("a public key set holds public keys only")
    try:
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, KeyError, TypeError) as error:
        raise ValueError(f"the key set cannot be read: {error}") from error


class RemoteKeys:
    """A key set kept up to date from a URL.

    It is fetched again after an hour, and when a token names a key that is not in it (providers
    rotate keys), but for that not more often than every 30 seconds, so that forged tokens cannot
    make us hammer the provider. When the provider is away the keys last seen stay good.
    """

    def __init__(self, url: str, *, client: "httpx.AsyncClient | None" = None) -> None:
        """Take keys from this URL; the client is made on first use where none is given."""
        self._url = url
        self._client = client
        self._keys: KeySet | None = None
        self._fetched_at: Instant | None = None
        self._turn = asyncio.Lock()

    async def key_set(self, *, kid: str | None, now: Instant) -> KeySet:
        """The keys, fetched when they are old or do not know this one.

        Raises:
            Unauthenticated: there are none and the provider does not answer.
        """
        import httpx  # an eighth of a process's start, and few ask a provider

        async with self._turn:
            if self._is_stale(kid, now):
                self._fetched_at = now
                try:
                    self._keys = parse_key_set(await self._fetch())
                except (httpx.HTTPError, ValueError) as error:
                    if self._keys is None:
                        raise Unauthenticated(
                            "the identity provider's keys cannot be had"
                        ) from error
            if self._keys is None:
                raise Unauthenticated("the identity provider's keys cannot be had")
            return self._keys

    def _is_stale(self, kid: str | None, now: Instant) -> bool:
        if self._fetched_at is None or now - self._fetched_at > _KEEP:
            return True
        known = self._keys is not None and (
            kid is None or any(key.kid == kid for key in self._keys.keys)
        )
        return not known and now - self._fetched_at > _UNKNOWN_KEY_PAUSE

    async def _fetch(self) -> Any:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS)
        response = await self._client.get(self._url)
        response.raise_for_status()
        if len(response.content) > _DOCUMENT_BYTES_MOST:
            raise ValueError("the key set is too large")
        return orjson.loads(response.content)


def key_source(location: str) -> KeySource:
    """Keys from an `https://` URL (or `http://` to this machine), a file, or the document itself.

    Raises:
        AuthNotConfigured: nothing usable is there.
    """
    url = urlsplit(location)
    if url.scheme == "https" or (url.scheme == "http" and url.hostname in _THIS_MACHINE):
        return RemoteKeys(location)
    if url.scheme == "http":
        raise AuthNotConfigured("REGULARS_TOKEN_JWKS_URL must be fetched over https")
    try:
        text = location if location.lstrip().startswith("{") else Path(location).read_text("utf-8")
        return FixedKeys(parse_key_set(orjson.loads(text)))
    except (OSError, ValueError) as error:
        raise AuthNotConfigured(f"REGULARS_TOKEN_JWKS_URL: {error}") from error


def build_verifier(
    *,
    token_key: str | None = None,
    jwks: str | None = None,
    issuer: str | None = None,
    audience: str | None = None,
) -> Verifier:
    """The verifier that the settings ask for. There is no default key.

    Raises:
        AuthNotConfigured: none or both ways are given, or one is given by halves.
    """
    if token_key and jwks:
        raise AuthNotConfigured("give REGULARS_TOKEN_KEY or REGULARS_TOKEN_JWKS_URL, not both")
    if token_key:
        return Verifier.local(token_key)
    if not jwks:
        raise AuthNotConfigured(
            "the management API needs to know whose tokens to believe: set REGULARS_TOKEN_KEY"
            " (32 random bytes in base64url) or REGULARS_TOKEN_JWKS_URL and REGULARS_TOKEN_ISSUER"
        )
    if not issuer:
        raise AuthNotConfigured("REGULARS_TOKEN_JWKS_URL needs REGULARS_TOKEN_ISSUER beside it")
    return Verifier.oidc(key_source(jwks), issuer=issuer, audience=audience or AUDIENCE)
