"""What notify is told from outside."""

import os
from collections.abc import Mapping

from pydantic import Field, SecretStr

from shared.runtime.settings import DatabaseUrl, Port, ServiceSettings, database_field, port_field

_SECRET_PREFIX = "REGULARS_WEBHOOK_SECRET"  # noqa: S105 - the beginning of names, no secret


class NotifySettings(ServiceSettings):
    """Settings from the environment.

    Secrets of webhooks are variables whose names begin with REGULARS_WEBHOOK_SECRET; the program
    refers to them by name (`whsec_…` each).
    """

    database: DatabaseUrl = database_field("notify")
    port: Port = port_field("notify", 8004)
    webhook_secrets: Mapping[str, SecretStr] = Field(
        default_factory=lambda: _secrets(os.environ),  # noqa: TID251 - settings.py is where
        validation_alias="REGULARS_WEBHOOK_SECRETS_BY_NAME",
        description="by name of the variable",
    )


def _secrets(environment: Mapping[str, str]) -> dict[str, SecretStr]:
    return {
        name: SecretStr(value)
        for name, value in environment.items()
        if name.startswith(_SECRET_PREFIX) and value
    }
