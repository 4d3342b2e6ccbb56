"""Personal data at rest."""

import base64

import pytest

from services.ingest.store.vault import UnreadableSecret, Vault

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OTHER = base64.urlsafe_b64encode(b"o" * 32).decode()


def test_what_is_sealed_opens_in_its_place_only_and_with_its_key_only() -> None:
    vault = Vault(KEY)
    sealed = vault.seal(b"+8613800000000", b"here")
    assert b"13800000000" not in sealed
    assert vault.open(sealed, b"here") == b"+8613800000000"
    assert vault.seal(b"+8613800000000", b"here") != sealed
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    tried = [
        (vault, sealed, b"there"),
        (Vault(OTHER), sealed, b"here"),
        (vault, damaged, b"here"),
        (vault, b"\x02" + sealed[1:], b"here"),
        (vault, b"", b"here"),
    ]
    for opener, what, where in tried:
        with pytest.raises(UnreadableSecret):
            opener.open(what, where)


def test_names_are_hashed_with_the_key() -> None:
    vault = Vault(KEY)
    assert vault.name_hash("card:1") == Vault(KEY + "=").name_hash("card:1")
    assert vault.name_hash("card:1") != vault.name_hash("card:2")
    assert vault.name_hash("card:1") != Vault(OTHER).name_hash("card:1")


@pytest.mark.parametrize("key", ["", "abc", "!" * 43, base64.b64encode(b"k" * 31).decode()])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ValueError, match="REGULARS_PII_KEY"):
        Vault(key)
