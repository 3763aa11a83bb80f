"""What nodes report, batch by batch, kept where it speaks of what they were really sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from hub.access import Right, node_may
from hub.batches.sifting import HANDLER_ERROR, Refused, Sifted, key_of_node, sift
from hub.operations import deliveries
from hub.storage.engine import connection_lost
from schemas.facts.delivery import DeliveryReported
from schemas.wire import records
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.batches.group import Group
    from hub.ports import Admitted, Record
    from schemas.manifest import Registry

log = structlog.get_logger()
NOT_A_REPORT = "not_a_report"


class ReceiptBatch:
    """What nodes report: `rse.receipts.v1` into the deliveries."""

    def __init__(self, group: Group) -> None:
        self._group = group

    async def read(self, batch: Sequence[Record]) -> Sifted:
        """Part a batch in proved reports and refused records."""
        registry = await self._group.registry()
        return Sifted(batch, registry, *sift(batch, registry, key_of_node))

    async def carry_out(self, read: Sifted) -> None:
        """Keep the reports of a batch; a record that is no node's proved report of what it was sent is a dead letter."""
        try:
            kept, more = await self._keep(read.batch, read.admitted, read.registry)
        except Exception as error:
            if connection_lost(error):
                raise
            log.warning("batch_redone_one_by_one", records=len(read.batch), error=type(error).__name__)
            kept, more = await self._one_by_one(read.batch, read.admitted, read.registry)
        _tell(self._group.name, kept)
        if read.refused or more:
            await self._group.dead_letters.send([(one.record, one.reason, one.error) for one in [*read.refused, *more]])

    async def _keep(
        self, batch: Sequence[Record], pairs: Sequence[tuple[Record, Admitted]], registry: Registry
    ) -> tuple[list[deliveries.Reported], list[Refused]]:
        refused = [Refused(record, NOT_A_REPORT, admitted.id) for record, admitted in pairs if not _report(admitted)]
        said = [(admitted, delivery) for _, admitted in pairs if (report := _report(admitted)) for delivery in report.deliveries]
        async with self._group.begin(registry) as work:
            may = {admitted.node for _, admitted in pairs if node_may(await work.grade_of(admitted.node), Right.REPORT)}
            refused += [Refused(record, "node_not_admitted", admitted.id) for record, admitted in pairs if admitted.node not in may]
            sent = await deliveries.sent(work.connection, {delivery.event for _, delivery in said})
            kept = deliveries.believed([pair for pair in said if pair[0].node in may], sent)
            await deliveries.store(work.connection, kept, self._group.clock())
            work.store_offsets(self._group.name, batch)
            await work.commit()
        return kept, refused

    async def _one_by_one(
        self, batch: Sequence[Record], pairs: Sequence[tuple[Record, Admitted]], registry: Registry
    ) -> tuple[list[deliveries.Reported], list[Refused]]:
        kept: list[deliveries.Reported] = []
        refused: list[Refused] = []
        for pair in pairs:
            try:
                more, no = await self._keep([pair[0]], [pair], registry)
            except Exception as error:
                if connection_lost(error):
                    raise
                refused.append(Refused(pair[0], HANDLER_ERROR, type(error).__name__))
            else:
                kept, refused = [*kept, *more], [*refused, *no]
        async with self._group.begin(None) as work:
            work.store_offsets(self._group.name, batch)
            await work.commit()
        return kept, refused


def _report(admitted: Admitted) -> DeliveryReported | None:
    fact = admitted.verified.fact
    return fact if isinstance(fact, DeliveryReported) else None


def _tell(group: str, kept: Sequence[deliveries.Reported]) -> None:
    for one in kept:
        Metric.records.labels(group, one.node, one.delivery.verdict.value).inc()
        Metric.hop.labels("written").observe(max(0.0, (one.at - one.sent.admitted_at).total_seconds()))
        correlation = one.delivery.correlation or ""
        log.info(
            "receipt", event_id=one.delivery.event, node=one.node, verdict=one.delivery.verdict.value,
            correlation=correlation if records.CORRELATION_PATTERN.fullmatch(correlation) else None,
        )  # fmt: skip
