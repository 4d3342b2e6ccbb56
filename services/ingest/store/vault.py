"""Personal data at rest: sealed with AES-256-GCM, names looked up by keyed BLAKE2b.

Two keys are derived from `REGULARS_PII_KEY` (HKDF-SHA256), one for each purpose. A sealed value is
a version byte, a random nonce of 96 bits and the ciphertext with its tag; it is bound to the place
where it stands (`bound_to`), so that one row's value cannot be put into another. Random nonces are
safe for 2³² values of a key, which is far beyond what a chain has.
"""

import base64
import binascii
import secrets
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_HASH_BYTES: Final = 16


class UnreadableSecret(Exception):  # noqa: N818 - says what it is
    """A sealed value that this key cannot open: another key, another place, or damaged."""


class Vault:
    """Seals and opens personal data, and hashes names."""

    def __init__(self, key: str) -> None:
        """Take the key, as base64url of 32 bytes.

        Raises:
            ValueError: it is none.
        """
        try:
            raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        except (binascii.Error, ValueError) as error:
            raise ValueError("REGULARS_PII_KEY should be base64url") from error
        if len(raw) != _KEY_BYTES:
            raise ValueError(f"REGULARS_PII_KEY should be {_KEY_BYTES} bytes, and has {len(raw)}")
        self._cipher = AESGCM(_derive(raw, b"regulars ingest sealing 1"))
        self._hash_key = _derive(raw, b"regulars ingest name hashing 1")

    def name_hash(self, name: str) -> bytes:
        """What a name is looked up by: 16 bytes that nobody without the key can make."""
        return blake2b(name.encode(), key=self._hash_key, digest_size=_HASH_BYTES).digest()

    def seal(self, value: bytes, bound_to: bytes) -> bytes:
        """Encrypt a value for one place."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, value, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt a value of this place.

        Raises:
            UnreadableSecret: it was not sealed for this place with this key.
        """
        if sealed[:1] != _VERSION:
            raise UnreadableSecret("sealed in a way that is not known here")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, bound_to)
        except InvalidTag:
            raise UnreadableSecret("sealed with another key or for another place") from None


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(key)
