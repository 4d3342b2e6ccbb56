"""What ingest is told from outside."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.ingest.domain.names import parse_name
from services.ingest.store.vault import Vault
from shared.events.meaning import CHANNELS
from shared.events.scalars import AMOUNT_MAX
from shared.runtime.settings import DatabaseUrl, Port, ServiceSettings, database_field, port_field

_NAMES_MAX = {"phone": 3, "email": 3, "wecom": 3, "unionid": 1, "openid": 10, "card": 5, "pos": 5}


def _pii_key(key: SecretStr) -> SecretStr:
    """A key that the vault takes.

    Raises:
        ValueError: it does not, and says why.
    """
    Vault(key.get_secret_value())
    return key


def _names(texts: list[str]) -> list[str]:
    """Names of members.

    Raises:
        ValueError: one of them is none.
    """
    for text in texts:
        parse_name(text)
    return texts


class IngestSettings(ServiceSettings):
    """Settings from the environment, prefix `REGULARS_`."""

    database: DatabaseUrl = database_field("ingest")
    port: Port = port_field("ingest", 8001)
    pii_key: Annotated[SecretStr, AfterValidator(_pii_key)] = Field(
        description="base64url of 32 bytes: seals personal data; lost key, lost data",
        examples=["$(openssl rand -base64 32 | tr +/ -_)"],
    )
    development_source_key: SecretStr | None = Field(
        None, description="at start the source `dev` may publish everything with this key"
    )

    event_bytes_max: int = Field(512 * 1024, ge=1_024, le=768 * 1024)
    batch_events_max: int = Field(1_000, ge=1, le=10_000)
    batch_bytes_max: int = Field(4 * 1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    amount_max: int = Field(
        AMOUNT_MAX, ge=1, le=AMOUNT_MAX, description="the largest amount, in minor units"
    )
    channels: frozenset[str] = Field(
        CHANNELS, description="ways to reach a member: consent can be told for these"
    )
    request_seconds_max: float = Field(2.0, gt=0, description="then 503: send it again")

    ahead_hours_max: float = Field(
        24.0, gt=0, description="how far in the future an event may lie (not in a replay)"
    )

    names_remembered: int = Field(50_000, ge=1, description="members known by heart, at least")
    duplicates_remembered: int = Field(50_000, ge=1, description="recent events known by heart")
    rejected_kept_max: int = Field(1_000, ge=1, description="rejected events kept of a source")
    blocked_names: Annotated[list[str], AfterValidator(_names)] = Field(
        ["phone:+8600000000000"],
        description="names that never link and are never a subject",
        examples=["'[\"phone:+8600000000000\"]'"],
    )
    names_max: dict[str, int] = Field(
        _NAMES_MAX, description="names of a member, by kind", examples=["'{\"card\": 5}'"]
    )
    names_max_default: int = Field(5, ge=1, description="for kinds not named there")
    personal_fields: frozenset[str] = Field(
        frozenset({"name", "phone", "email", "address"}),
        description="fields of profile and attributes that do not go on the log",
        examples=['\'["name", "phone"]\''],
    )
