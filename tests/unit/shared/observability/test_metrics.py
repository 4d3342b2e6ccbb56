"""The list of metrics keeps its promises: prefix, units, labels."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from shared.observability.metrics import PHASES, Labelled, Metrics

FORBIDDEN_LABELS = {"member", "member_id", "event", "event_id", "id", "path"}
UNITS = (
    "_total",
    "_seconds",
    "_events",
    "_messages",
    "_held",
    "_due",
    "_up",
    "_missing",
    "_members",
)


def _names(metrics: Metrics) -> dict[str, tuple[str, ...]]:
    return {
        name: collector._labelnames
        for collector, names in metrics.registry._collector_to_names.items()
        if hasattr(collector, "_labelnames")
        for name in names
        if not name.endswith(("_created", "_bucket", "_sum", "_count"))
    }


def test_every_name_has_prefix_and_unit_and_no_label_is_an_identifier() -> None:
    names = _names(Metrics("points"))
    assert len(names) > 20
    for name, labels in names.items():
        assert name.startswith("regulars_")
        assert labels[0] == "service"
        assert not FORBIDDEN_LABELS & set(labels)
    # counters appear with and without _total; each metric has one name that ends in a unit
    bare = {name.removesuffix("_total") for name in names}
    assert all(name.endswith(UNITS) or f"{name}_total" in names for name in bare), sorted(bare)


def test_the_service_label_is_filled_in() -> None:
    metrics = Metrics("points", CollectorRegistry())
    metrics.events_in.labels("regulars.events", "regulars.purchase.completed.v1").inc(3)
    metrics.batch_events.observe(812)
    for phase in PHASES:
        metrics.phase_seconds.labels(phase).observe(0.001)
    value = metrics.registry.get_sample_value(
        "regulars_events_in_total",
        {
            "service": "points",
            "topic": "regulars.events",
            "type": "regulars.purchase.completed.v1",
        },
    )
    assert value == 3
    assert (
        metrics.registry.get_sample_value("regulars_batch_events_sum", {"service": "points"}) == 812
    )


def test_a_series_is_looked_up_once() -> None:
    metrics = Metrics("points")
    assert isinstance(metrics.duplicates, Labelled)
    assert metrics.duplicates.labels("a") is metrics.duplicates.labels("a")
    assert metrics.duplicates.labels("a") is not metrics.duplicates.labels("b")


def test_the_page_is_readable_by_prometheus_and_knows_the_process() -> None:
    families = {
        family.name
        for family in text_string_to_metric_families(
            generate_latest(Metrics("points").registry).decode()
        )
    }
    assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= families


def test_two_services_in_one_process_do_not_meet() -> None:
    one, two = Metrics("points"), Metrics("notify")
    one.rebuilds.inc()
    assert two.registry.get_sample_value("regulars_rebuilds_total", {"service": "notify"}) == 0
