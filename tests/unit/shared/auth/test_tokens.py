"""Tokens: what is believed, and what is not."""

import base64
import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from shared.auth.errors import AuthNotConfigured, Forbidden, Unauthenticated
from shared.auth.key_sets import build_verifier, key_source, parse_key_set
from shared.auth.principal import ROLES, Principal
from shared.auth.tokens import AUDIENCE, LOCAL_ISSUER, FixedKeys, Verifier, issue
from shared.clock import SECOND

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OTHER_KEY = base64.urlsafe_b64encode(b"o" * 32).decode()
NOW = 1_700_000_000 * SECOND
ISSUER = "https://id.example.test"


def _issue(**changes: object) -> str:
    arguments: dict[str, object] = {
        "subject": "li", "role": "admin", "expires_in_seconds": 60, "now": NOW,
    }  # fmt: skip
    return issue(KEY, **{**arguments, **changes})  # type: ignore[arg-type]  # built by name


def _claims(**changes: object) -> dict[str, object]:
    seconds = NOW // SECOND
    claims: dict[str, object] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "li", "role": "analyst", "iat": seconds,
        "exp": seconds + 60,
    }  # fmt: skip
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_what_is_issued_is_believed(role: str) -> None:
    token = _issue(role=role, stores=["s1", "s2"])
    assert await Verifier.local(KEY).verify(token, NOW) == Principal(
        "li",
        role,  # type: ignore[arg-type]  # parametrised over the very list
        frozenset({"s1", "s2"}),
    )


async def test_a_token_ends() -> None:
    token = _issue(expires_in_seconds=60)
    verifier = Verifier.local(KEY)
    await verifier.verify(token, NOW + 60 * SECOND)
    with pytest.raises(Unauthenticated, match="expired"):
        await verifier.verify(token, NOW + 91 * SECOND)


async def test_another_installations_key_proves_nothing() -> None:
    with pytest.raises(Unauthenticated, match="signature"):
        await Verifier.local(OTHER_KEY).verify(_issue(), NOW)


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "....", "é.é.é", "eyJhbGciOiJub25lIn0.e30.", "x" * 9_000]
)
async def test_nonsense_is_refused_as_such(token: str) -> None:
    with pytest.raises(Unauthenticated):
        await Verifier.local(KEY).verify(token, NOW)


async def test_a_token_cannot_choose_its_algorithm() -> None:
    def encoded(part: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    unsigned = f"{encoded({'alg': 'none'})}.{encoded(_claims(iss=LOCAL_ISSUER, role='admin'))}."
    with pytest.raises(Unauthenticated):
        await Verifier.local(KEY).verify(unsigned, NOW)


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [
        (RSAKey.generate_key(2048, {"kid": "a"}), "RS256"),
        (ECKey.generate_key("P-256", {"kid": "a"}), "ES256"),
        (OKPKey.generate_key("Ed25519", {"kid": "a"}), "Ed25519"),
    ],
)
async def test_an_identity_providers_tokens_are_believed(
    private: RSAKey | ECKey | OKPKey, algorithm: str
) -> None:
    public = json.dumps({"keys": [private.as_dict(private=False)]})
    verifier = build_verifier(jwks=public, issuer=ISSUER)
    token = jwt.encode({"alg": algorithm, "kid": "a"}, _claims(), private, algorithms=[algorithm])
    assert (await verifier.verify(token, NOW)).role == "analyst"


@pytest.mark.parametrize(
    "claims",
    [
        _claims(iss="https://evil.test"),
        _claims(aud="somebody-else"),
        _claims(aud=None),
        _claims(exp=None),
        _claims(exp=NOW // SECOND - 31),
        _claims(nbf=NOW // SECOND + 60),
        _claims(sub=None),
        _claims(role=None),
        _claims(role="root"),
        _claims(role=["analyst"]),
        _claims(stores="s1"),
    ],
)
async def test_each_claim_is_checked(claims: dict[str, object]) -> None:
    private = ECKey.generate_key("P-256", {"kid": "a"})
    verifier = Verifier.oidc(FixedKeys(KeySet([private])), issuer=ISSUER, audience=AUDIENCE)
    token = jwt.encode({"alg": "ES256", "kid": "a"}, claims, private)
    with pytest.raises(Unauthenticated):
        await verifier.verify(token, NOW)


async def test_a_public_key_is_no_shared_secret() -> None:
    """The classic: sign with HS256, taking the provider's public key for the secret."""
    private = RSAKey.generate_key(2048, {"kid": "a"})
    verifier = Verifier.oidc(FixedKeys(KeySet([private])), issuer=ISSUER, audience=AUDIENCE)
    secret = OctKey.import_key(base64.b64encode(private.as_der(private=False)))
    forged = jwt.encode({"alg": "HS256", "kid": "a"}, _claims(role="admin"), secret)
    with pytest.raises(Unauthenticated):
        await verifier.verify(forged, NOW)


def test_a_key_set_with_a_secret_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="public keys only"):
        parse_key_set({"keys": [{"kty": "oct", "k": KEY}]})


@pytest.mark.parametrize("document", [None, [], {}, {"keys": []}, {"keys": [{"kty": "EC"}]}])
def test_what_is_no_key_set_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="key"):
        parse_key_set(document)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"token_key": "short"},
        {"token_key": "!!!"},
        {"token_key": KEY, "jwks": "https://id.example.test/keys"},
        {"jwks": "https://id.example.test/keys"},
        {"jwks": "http://id.example.test/keys", "issuer": ISSUER},
        {"jwks": "http://127.0.0.1.example.test/keys", "issuer": ISSUER},
        {"jwks": "/no/such/file", "issuer": ISSUER},
        {"jwks": "{}", "issuer": ISSUER},
    ],
)
def test_there_is_no_default_and_no_half_configuration(settings: dict[str, str]) -> None:
    with pytest.raises(AuthNotConfigured):
        build_verifier(**settings)


def test_keys_may_come_from_this_machine_without_tls() -> None:
    assert key_source("http://127.0.0.1:9/keys") is not None


@pytest.mark.parametrize("changes", [{"role": "root"}, {"expires_in_seconds": 0}])
def test_a_senseless_token_is_not_issued(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"role|second"):
        _issue(**changes)


def test_a_stores_caller_sees_its_stores_only() -> None:
    store = Principal("till", "store", frozenset({"s1"}))
    store.check_store("s1")
    with pytest.raises(Forbidden, match="limited to stores s1"):
        store.check_store("s2")
    assert Principal("li", "analyst").may_see_store("s2")
