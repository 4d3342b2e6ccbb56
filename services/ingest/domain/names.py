"""Names of members: `phone:+8613800000000`, `card:2375`, `member:<uuid>` … and how to compare them.

A name is a kind and a value, written `kind:value`. Two spellings of one name (an e-mail address in
capitals, a phone number with spaces, a card number in full width) are one name: `parse_name`
returns the normal form.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from unicodedata import normalize
from uuid import UUID

from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_valid_number,
    parse,
)


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
_VALUE_LENGTH_MAX: Final = 300
_PHONE: Final = re.compile(r"\+[1-9][0-9]{5,14}")
_PHONE_FILLING: Final = re.compile(r"[\s()./\u2010-\u2015-]")
_AT_HOME: Final = re.compile(r"\(\s*0\s*\)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _plain(value: str) -> str:
    return value


def _number(value: str) -> str:
    """A number that people read off a card: full-width digits are digits."""
    return normalize("NFKC", value).strip()


def _phone(value: str) -> str:
    """A phone number as E.164: without filling, and without the 0 that is only dialled at home."""
    told = normalize("NFKC", value)
    digits = _digits(told)
    # some countries keep the 0 that others write in brackets
    for each in (digits, _digits(_AT_HOME.sub("", told))):
        try:
            number = parse(each, None)
        except NumberParseException:
            continue
        if is_valid_number(number):
            return format_number(number, PhoneNumberFormat.E164)
    # what no country has given out (a tablet's number, a test's) stays as it was told
    return digits


def _digits(told: str) -> str:
    digits = _PHONE_FILLING.sub("", told)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not _PHONE.fullmatch(digits):
        raise NotAName("a phone number is written +<country code><number>, as +8613800000000")
    return digits


def _email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at or not local or "." not in domain:
        raise NotAName("an e-mail address is written name@domain")
    return value.casefold()


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
    kind, _, value = normalize("NFC", text).strip().partition(":")
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
    kind, _, value = normalize("NFC", text).strip().partition(":")
    value = value.strip()
    if kind not in PLACES or not value or _CONTROL.search(value):
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
