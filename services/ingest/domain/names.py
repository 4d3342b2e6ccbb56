"""Names of members: `phone:+8613800000000`, `card:2375`, `member:<uuid>` … and how to compare them.

A name is a kind and a value, written `kind:value`. Two spellings of one name (an e-mail address in
capitals, a phone number with spaces) are one name: `parse_name` returns the normal form.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from unicodedata import normalize
from uuid import UUID

import phonenumbers


class NotAName(ValueError):  # noqa: N818 - says what it is
    """Not a name of a member; the message says why, without repeating it."""


class Name(NamedTuple):
    """A name in its normal form."""

    kind: str
    value: str

    @property
    def text(self) -> str:
        """As it is written: `kind:value`."""
        return f"{self.kind}:{self.value}"


MEMBER: Final = "member"
_VALUE_LENGTH_MAX: Final = 200
_PHONE: Final = re.compile(r"\+[1-9][0-9]{5,14}")
_PHONE_FILLING: Final = re.compile(r"[ ()./-]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def _plain(value: str) -> str:
    return value


def _number(value: str) -> str:
    """Card and member numbers: full width is ASCII."""
    return normalize("NFKC", value).strip()


def _phone(value: str) -> str:
    """E.164: `+44 (0)20 7946 0958`, `+44 020 7946 0958` and `+442079460958` are one number."""
    written = normalize("NFKC", value).replace("(0)", "")
    digits = _PHONE_FILLING.sub("", written)
    if not _PHONE.fullmatch(digits):
        raise NotAName("a phone number is written +<country code><number>, as +8613800000000")
    try:
        parsed = phonenumbers.parse(digits)
    except phonenumbers.NumberParseException:
        return digits  # of a country that the tables do not know
    if not phonenumbers.is_valid_number(parsed):
        return digits  # nobody's number, as a shared tablet's: nothing to put right
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at or not local or "." not in domain:
        raise NotAName("an e-mail address is written name@domain")
    return value.lower()


def _openid(value: str) -> str:
    application, colon, openid = value.partition(":")
    if not colon or not application or not openid:
        raise NotAName("an openid is written openid:<appid>:<id>")
    return value


def _member(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise NotAName("a member id is a UUID") from None


_NORMALISERS: Final[dict[str, Callable[[str], str]]] = {
    MEMBER: _member,
    "phone": _phone,
    "wecom": _plain,
    "unionid": _plain,
    "openid": _openid,
    "card": _number,
    "pos": _number,
    "email": _email,
}
KINDS: Final = frozenset(_NORMALISERS)
PLACES: Final = frozenset({"store", "community", "staff"})
"""What facts without a member are about."""


def parse_name(text: str) -> Name:
    """Read a name of a member.

    Raises:
        NotAName: no such kind of name, or a value that its kind does not allow.
    """
    kind, _, value = text.partition(":")
    normalise = _NORMALISERS.get(kind)
    if normalise is None:
        known = ", ".join(sorted(KINDS))
        if kind in PLACES:
            raise NotAName(f"this names a {kind}, but the event is about a member; use: {known}")
        raise NotAName(f"a name is written <kind>:<value> with one of the kinds {known}")
    value = value.strip()
    if not value or len(value) > _VALUE_LENGTH_MAX or _CONTROL.search(value):
        raise NotAName(f"the value of a {kind} has 1 to {_VALUE_LENGTH_MAX} printable characters")
    return Name(kind, normalise(value))


def parse_place(text: str) -> Name:
    """Read the subject of a fact that has no member: `store:<id>`, `community:<id>`, `staff:<id>`.

    Raises:
        NotAName: it is none.
    """
    kind, _, value = text.partition(":")
    if kind not in PLACES or not value.strip() or _CONTROL.search(value):
        raise NotAName(
            "this event is about no member: its subject is store:<id>, community:<id> or staff:<id>"
        )
    return Name(kind, value)


def masked(name: Name) -> str:
    """A name as people may see it who need not know it: `phone:+86…0000`."""
    value = name.value
    if len(value) <= 4:  # noqa: PLR2004 - the last four characters are told
        return f"{name.kind}:…"
    head = value[:3] if name.kind == "phone" else ""
    return f"{name.kind}:{head}…{value[-4:] if len(value) > 8 else value[-1]}"  # noqa: PLR2004
