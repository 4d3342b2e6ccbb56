"""What notify is told from outside."""

from pydantic import Field, SecretStr

from shared.runtime.settings import ServiceSettings


class NotifySettings(ServiceSettings):
    """Settings from the environment."""

    database: SecretStr = Field(validation_alias="REGULARS_DATABASE_NOTIFY")
    port: int = Field(8004, validation_alias="REGULARS_NOTIFY_PORT")
