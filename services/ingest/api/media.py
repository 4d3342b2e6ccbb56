"""What a request to `POST /v1/events` holds, by its headers (CloudEvents HTTP binding 1.0.2)."""

import enum
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from shared.runtime.http.problems import FieldError, Problem


class Mode(enum.Enum):
    """How events stand in a body."""

    STRUCTURED = "application/cloudevents+json"
    BATCH = "application/cloudevents-batch+json"
    PLAIN = "application/json"
    LINES = "application/x-ndjson"
    BINARY = "binary"


_MODES = {mode.value: mode for mode in Mode if mode is not Mode.BINARY} | {
    "application/ndjson": Mode.LINES
}
_KNOWN = ", ".join(sorted(_MODES))
_JSON = re.compile(r"(application|text)/([a-z0-9._-]+\+)?json")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_NOT_ENCODED = frozenset({b"", b"identity"})
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})


def mode_of(headers: Mapping[bytes, bytes]) -> Mode:
    """Which mode a request is in.

    Raises:
        Problem: 415, a media type, character set or encoding that is not taken.
    """
    content = headers.get(b"content-type", b"").decode("latin-1")
    media_type, _, parameters = content.partition(";")
    if headers.get(b"content-encoding", b"").strip().lower() not in _NOT_ENCODED:
        raise Problem(415, "unsupported-media-type", "the body must not be compressed")
    if _charset(parameters) not in _UTF8:
        raise Problem(415, "unsupported-media-type", "the character set must be UTF-8")
    media_type = media_type.strip().lower()
    mode = _MODES.get(media_type)
    if b"ce-specversion" in headers and mode in {None, Mode.PLAIN}:
        # without a media type the data is JSON, as the attribute `datacontenttype` is by default
        if media_type and not _JSON.fullmatch(media_type):
            raise Problem(415, "unsupported-media-type", "in binary mode the body is JSON data")
        return Mode.BINARY
    if mode is None:
        raise Problem(415, "unsupported-media-type", f"send one of: {_KNOWN}")
    return mode


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def attributes_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The event's attributes from `ce-` headers; their values are percent-encoded.

    Raises:
        Problem: 422, a header that cannot be read.
    """
    attributes: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if not raw_name.startswith(b"ce-"):
            continue
        name = raw_name[3:].decode("latin-1")
        if name in attributes:
            raise _wrong(name, f"the header ce-{name} stands twice")
        try:
            attributes[name] = unquote_to_bytes(_unquoted(raw_value.strip())).decode()
        except UnicodeDecodeError:
            raise _wrong(name, f"the header ce-{name} is not UTF-8") from None
    return attributes


def _wrong(name: str, words: str) -> Problem:
    return Problem(422, "invalid-event", words, errors=[FieldError(f"/{name}", words)])


def _unquoted(value: bytes) -> bytes:
    """A value that may be a quoted string (RFC 9110), with what is escaped in it."""
    if len(value) > 1 and value.startswith(b'"') and value.endswith(b'"'):
        return _QUOTED_PAIR.sub(rb"\1", value[1:-1])
    return value
