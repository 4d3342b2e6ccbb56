"""What segmentation is told from outside, beside what every service is told."""

from shared.runtime.settings import DatabaseUrl, Port, ServiceSettings, database_field, port_field


class SegmentationSettings(ServiceSettings):
    """Settings from the environment, prefix `REGULARS_`."""

    database: DatabaseUrl = database_field("segmentation")
    port: Port = port_field("segmentation", 8003)
