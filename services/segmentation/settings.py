"""What segmentation is told from outside, beside what every service is told."""

from pydantic import Field, SecretStr

from shared.runtime.settings import ServiceSettings


class SegmentationSettings(ServiceSettings):
    """Settings from the environment, prefix `REGULARS_`."""

    database: SecretStr = Field(validation_alias="REGULARS_DATABASE_SEGMENTATION")
    port: int = Field(8003, validation_alias="REGULARS_SEGMENTATION_PORT")
