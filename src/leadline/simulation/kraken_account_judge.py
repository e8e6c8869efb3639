"""The judge of an account at Kraken: the truth is in the emulator's engine, holes are in its numbering."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from leadline.emulator.accounts import Account
from leadline.emulator.market import Market
from leadline.emulator.orders import AccountOrder, Execution, LedgerEntry
from leadline.model.order import OrderState
from leadline.net.http import Request
from leadline.simulation.account_judge import AccountJudge, VenueOrder
from leadline.simulation.kraken_texts import KRAKEN_TEXTS, names_in
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.report import FILLS_MISSED, Findings

_SEQUENCE = re.compile(r'"sequence":(\d+)')
_ENDS = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
}
_WALLET_DECIMALS = 10


class KrakenAccountJudge(AccountJudge):
    """The judge of one account over all lives of its client."""

    def __init__(
        self,
        account: Account,
        market: Market,
        loop: VirtualLoop,
        findings: Findings,
        trace: Callable[..., None],
    ) -> None:
        super().__init__(loop, findings, trace)
        self._account = account
        self._market = market
        self._sequences: dict[tuple[int, str], tuple[int, str]] = {}
        self.holes = 0
        account.listeners.append(self._happened)

    # --- the truth ---

    def placed(self, text: str) -> set[str]:
        return names_in(text) if '"method":"edit_order"' in text else KRAKEN_TEXTS.placed(text)

    def placed_by_rest(self, request: Request) -> set[str]:
        if request.path.endswith("/EditOrder"):
            return names_in(request.body.decode())
        return KRAKEN_TEXTS.placed_by_rest(request)

    def order(self, order_id: str) -> VenueOrder | None:
        found = self._account.orders.get(order_id)
        return None if found is None else self._shown(found)

    def orders(self) -> Iterator[VenueOrder]:
        return map(self._shown, self._account.orders.values())

    def owned(self) -> Mapping[str, Decimal]:
        totals: Counter[str] = Counter()
        for (asset, _), units in self._account.balances.items():
            totals[asset] += units
        return {asset: Decimal(units).scaleb(-_WALLET_DECIMALS) for asset, units in totals.items()}

    def _shown(self, order: AccountOrder) -> VenueOrder:
        pair = self._market.listings[order.ticket.symbol].pair
        limit = None
        if order.limit_price is not None:
            limit = Decimal(order.limit_price).scaleb(-pair.price_precision)
        return VenueOrder(
            order_id=order.order_id,
            name=order.ticket.cl_ord_id or str(order.ticket.userref or ""),
            symbol=order.ticket.symbol,
            status=order.status,
            states=(_state(order),),
            qty=Decimal(order.qty).scaleb(-pair.qty_precision),
            limit=limit,
            filled=Decimal(order.filled).scaleb(-pair.qty_precision),
            fills=frozenset(fill.exec_id for fill in order.fills),
            # in a hole of the stream nothing is left of it
            trackless=order.parent_id is not None and not order.fills and not order.open,
        )

    def _happened(self, news: Execution | LedgerEntry) -> None:
        self.happened_ns = self._loop.now_ns
        if isinstance(news, Execution) and news.order.parent_id is None:
            order = news.order
            name = order.ticket.cl_ord_id or str(order.ticket.userref)
            self.entered(name, order.order_id, order.ticket.symbol, news.status)

    # --- holes ---

    def arrived(self, arrival: Arrival, ready: Callable[[], bool]) -> None:
        """A frame of the account's stream is with the client; `ready`: it takes the stream for whole."""
        frame = arrival.frame
        if frame.kind not in ("snapshot", "update") or frame.channel not in ("executions", "balances"):
            return
        found = _SEQUENCE.search(frame.text[-40:])
        if found is None:
            return  # the frame was damaged
        key, sequence = (arrival.link, frame.channel), int(found[1])
        before = self._sequences.get(key)
        if frame.kind == "update" and before is not None:
            if before == (sequence, frame.text):
                return
            if sequence != before[0] + 1:
                self.holes += 1
                del self._sequences[key]
                if any(channel == frame.channel for _, channel in self._sequences):
                    return  # another connection tells of it without a hole
                self._loop.call_soon(self._noticed, f"{frame.channel} {before[0]} → {sequence}", ready)
                return
        if frame.kind == "snapshot" or before is not None:
            self._sequences[key] = (sequence, frame.text)

    def gone(self, link: int) -> None:
        """The client has left a connection, or lost it."""
        self._sequences = {key: last for key, last in self._sequences.items() if key[0] != link}

    def _noticed(self, hole: str, ready: Callable[[], bool]) -> None:
        if ready():
            self._add(FILLS_MISSED, "", f"the stream taken for whole after {hole}", "a hole")


def _state(order: AccountOrder) -> OrderState:
    end = _ENDS.get(order.status)
    if end is not None:
        return end
    return OrderState.PARTIALLY_FILLED if order.filled else OrderState.WORKING
