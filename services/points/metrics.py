"""Every figure of the ledger, in one closed list; the runtime's own are in shared.observability."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from services.points.domain.posting import CORRECTION, Transfer
from shared.observability.metrics import Metrics


class LedgerFigures:
    """What the ledger counts. Rules are few and named by HQ; stores and members are no labels."""

    def __init__(self, metrics: Metrics) -> None:
        """Register the figures below."""
        registry: CollectorRegistry = metrics.registry
        self._metrics = metrics
        # Points given, by rule. A rule that suddenly gives ten times as much is a mistake or fraud.
        self.issued = Counter(
            "regulars_points_issued_total", "Points that came in", ["rule"], registry=registry
        )
        # Points taken back by refunds and corrections, or by hand, by rule.
        self.taken_back = Counter(
            "regulars_points_taken_back_total", "Points that went out", ["rule"], registry=registry
        )
        # Transfers posted: earn, clawback, adjust, correction.
        self.transfers = Counter(
            "regulars_transfers_total", "Transfers posted", ["code"], registry=registry
        )

    def count(self, transfers: Iterable[Transfer]) -> None:
        """Count what a batch has posted."""
        came_in: dict[str, int] = {}
        went_out: dict[str, int] = {}
        codes: dict[str, int] = {}
        for transfer in transfers:
            points = transfer.signed
            sums = came_in if points > 0 else went_out
            sums[transfer.rule] = sums.get(transfer.rule, 0) + abs(points)
            codes[transfer.code] = codes.get(transfer.code, 0) + 1
        for rule, points in came_in.items():
            self.issued.labels(rule).inc(points)
        for rule, points in went_out.items():
            self.taken_back.labels(rule).inc(points)
        for code, number in codes.items():
            self.transfers.labels(code).inc(number)
            if code == CORRECTION:
                self._metrics.corrections.labels("points.moved").inc(number)
