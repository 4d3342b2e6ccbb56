"""The identity of a message: the same whenever, wherever and however often it is decided."""

from hashlib import blake2b

_VERSION_8 = 0x8
_SEPARATOR = b"\0"


def job_id(member: bytes, journey: str, about: str, step: str) -> bytes:
    """A UUID (RFC 9562 version 8, as 16 bytes) made of what the message is, as UUIDv5 would be.

    Args:
        member: the member's UUID as 16 bytes.
        journey: the journey's name.
        about: its occasion (see `occasions`), or the id of the event that let the member in.
        step: the name of the step that sends.
    """
    named = _SEPARATOR.join((member, journey.encode(), about.encode(), step.encode()))
    digest = bytearray(blake2b(named, digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | _VERSION_8 << 4
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def as_text(job: bytes) -> str:
    """The id as people and other systems read it: a UUID."""
    digits = job.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
