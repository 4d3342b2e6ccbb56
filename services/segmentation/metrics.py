"""Every figure of segmentation, in one closed list; the runtime has its own."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from services.segmentation.domain.changes import Decision
from shared.observability.metrics import Metrics


class SegmentationFigures:
    """What segmentation counts. Tiers are few and named by HQ; tags are many, so no labels."""

    def __init__(self, metrics: Metrics) -> None:
        """Register the figures below."""
        registry: CollectorRegistry = metrics.registry
        self._metrics = metrics
        # Tags given and taken. Many of both says that thresholds lie where members sway.
        self.tags = Counter(
            "regulars_tags_changed_total", "Tags given or taken", ["came"], registry=registry
        )
        # Members who moved from one tier to another.
        self.tiers = Counter(
            "regulars_tier_changes_total", "Changes of tier", ["before", "now"], registry=registry
        )

    def count(self, decisions: Iterable[Decision]) -> None:
        """Count what a batch has decided."""
        came = went = 0
        moves: dict[tuple[str, str], int] = {}
        corrections = {"tags": 0, "tier": 0}
        for decision in decisions:
            corrections[decision.kind] += decision.supersedes is not None
            came += len(decision.added)
            went += len(decision.removed)
            if decision.before != decision.now:
                move = (decision.before or "", decision.now or "")
                moves[move] = moves.get(move, 0) + 1
        self.tags.labels("yes").inc(came)
        self.tags.labels("no").inc(went)
        for (before, now), number in moves.items():
            self.tiers.labels(before, now).inc(number)
        for kind, number in corrections.items():
            if number:
                self._metrics.corrections.labels(f"{kind}.changed").inc(number)
