"""Records of orders, as many as a test wants."""

from __future__ import annotations

from decimal import Decimal

from leadline.engine.journal_file import Owner
from leadline.engine.records import Intent, Reported
from leadline.model.market import Side
from leadline.model.order import Event, OrderKind, OrderReport, OrderRequest, OrderState

NOW_NS = 1_790_000_000 * 10**9
DAY_NS = 24 * 3600 * 10**9
OWNER = Owner("kraken", "0123abcd")

REQUEST = OrderRequest(
    symbol="BTC/USD",
    side=Side.BUY,
    kind=OrderKind.LIMIT,
    qty=Decimal("0.010"),
    limit_price=Decimal("60000.0"),
)


def intent(client_id: str, at_ns: int = NOW_NS) -> Intent:
    return Intent(
        at_ns=at_ns, client_id=client_id, userref=None, requested=REQUEST, sent=REQUEST, deadline_ns=at_ns + 2
    )


def reported(client_id: str, event: Event, at_ns: int = NOW_NS, state: OrderState | None = None) -> Reported:
    report = OrderReport(event=event, order_id=f"O-{client_id}", client_id=client_id, state=state)
    return Reported(at_ns=at_ns, client_id=client_id, report=report)
