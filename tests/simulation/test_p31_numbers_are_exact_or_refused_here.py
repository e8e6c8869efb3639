"""Any quantity and price at any recorded pair: the venue takes what our checks pass and sees nothing else."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import leadline
from account_stage import BTC, AccountStage, Trader, buy, perform, refused
from leadline.emulator.accounts import UNIT, Account
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import Pair
from leadline.engine.records import AmendIntent, Intent
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument
from leadline.model.market import Side
from leadline.model.order import Amendment, OrderKind, OrderRequest, OrderState, Trigger
from leadline.net.http import Response
from leadline.venues.kraken import order_rules, order_wire, rest
from leadline.venues.kraken.symbols import SymbolTable, symbol_of
from leadline.venues.ports import Placement
from private_line import START_NS, PrivateLine
from vectors import VECTORS, needs_vectors, records

DRAWS = 32
KINDS = (OrderKind.LIMIT, OrderKind.LIMIT, OrderKind.STOP_LOSS_LIMIT, OrderKind.ICEBERG)
FOREIGN = tuple(
    map(Decimal, ("NaN", "Infinity", "0", "-0.0", "-1", "1E+5", "1E-12", "1E+400", "0." + "1" * 40))
)
SOURCE = Path(leadline.__file__).parent
"""Where the paths of prices and quantities begin."""


def recorded_pairs() -> list[Pair]:
    """Every pair of every recorded AssetPairs, as the emulator lists it: decimals and minimum as recorded."""
    pairs: dict[str, Pair] = {}
    for path in sorted((VECTORS / "kraken" / "rest").glob("*.jsonl*")):
        for record in records(path):
            if "AssetPairs" in record.get("url", record.get("kind", "")):
                answer = rest.asset_pairs().answer(Response(200, (), record["raw"].encode()), 0)
                for row in answer.value.values():
                    if row.wsname is not None:
                        least = int((row.ordermin or Decimal(0)).scaleb(row.lot_decimals))
                        symbol = symbol_of(row.wsname)
                        pairs[symbol] = Pair(
                            symbol, row.pair_decimals, row.lot_decimals, 100_000, 10**9, max(1, least),
                            levels=1, cost_precision=row.cost_decimals or 5, history=False,
                        )  # fmt: skip
    return list(pairs.values())


class Floor:
    """The venue that lists them, an account there that can pay anything, and its rules as we read them."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.exchange = Exchange(start_ns=START_NS, seed=1, rate=0, pairs=pairs, history_minutes=1)
        assets = {asset for pair in pairs for asset in (pair.base, pair.quote)}
        rich = self.exchange.trading.account(
            "rich", tier="pro", balances=dict.fromkeys(assets, 10**70 * UNIT)
        )
        self.line = PrivateLine(self.exchange, account=rich)
        self.symbols = SymbolTable()
        told = self.exchange.request("GET", "/0/public/AssetPairs", {}, START_NS)
        self.symbols.load(rest.asset_pairs().answer(Response(200, (), told.body), 0).value)  # type: ignore[union-attr]
        self.account: Account = rich

    def takes(self, name: str, request: OrderRequest) -> str | None:
        """Send an order as we write it; what the venue refuses it with, None when it takes it."""
        placement = Placement(name, None, request, self.line.now_ns + 2 * 10**9)
        text = order_wire.frame("add_order", order_wire.add_order(placement), self.line.token, 1)
        self.line.connection.received(text, self.line.now_ns)
        self.line.wait(0.02)
        (answer,) = [one for one in self.line.heard if one.get("method") == "add_order"]
        self.line.heard.clear()
        self.line.texts.clear()
        return answer.get("error")


def number(luck: random.Random, step: Decimal, least: Decimal) -> Decimal:
    """A number as somebody may give it: mostly on the grid, else beside it, below it, or none at all."""
    whole = step * luck.choice((1, 7, 250, 10**5, 10**9, luck.randrange(1, 10**8)))
    return luck.choices(
        (least + whole, (least + whole).quantize(step / 100), least + whole + step / 10, least - step,
         luck.choice(FOREIGN)),
        (10, 2, 2, 1, 2),
    )[0]  # fmt: skip


def drawn(luck: random.Random, instrument: Instrument) -> OrderRequest:
    """Any order of a limited kind."""
    kind = luck.choice(KINDS)
    qty = number(luck, instrument.lot, instrument.qty_min)
    price = number(luck, instrument.tick, instrument.tick)
    trigger = number(luck, instrument.tick, instrument.tick) if kind is OrderKind.STOP_LOSS_LIMIT else None
    return OrderRequest(
        symbol=instrument.symbol,
        side=luck.choice(list(Side)),
        kind=kind,
        qty=qty,
        limit_price=price,
        trigger=None if trigger is None else Trigger(trigger),
        display_qty=qty if kind is OrderKind.ICEBERG else None,
    )


def passes(request: OrderRequest, instrument: Instrument, now_ns: int) -> bool:
    try:
        order_rules.check(request, instrument, now_ns)
    except CheckFailed:
        return False
    return True


@needs_vectors
def test_whatever_our_checks_pass_at_a_recorded_pair_the_venue_takes_to_the_last_digit() -> None:
    floor, luck = Floor(recorded_pairs()), random.Random(1)
    assert len(floor.symbols.instruments()) > 290
    taken, refused_here, wrong = 0, 0, []
    for _ in range(DRAWS):
        for instrument in floor.symbols.instruments():
            request = drawn(luck, instrument)
            if not passes(request, instrument, floor.line.now_ns):
                refused_here += 1
                continue
            taken += 1
            error = floor.takes(f"{taken}", request)
            if error is not None:
                wrong.append((request, error))
                continue
            ticket = list(floor.account.orders.values())[-1].ticket
            assert request.qty == Decimal(ticket.qty).scaleb(-instrument.qty_precision)
            assert request.limit_price == Decimal(ticket.limit_price or 0).scaleb(-instrument.price_precision)

    assert wrong == []
    assert taken > 2000
    assert refused_here > 2000


class Ledger:
    """What has left the program, and what it has written down."""

    def __init__(self, stage: AccountStage, trader: Trader) -> None:
        self._stage = stage
        self._trader = trader
        self._sent: list[str] = []
        stage.network.departing = self._sent.append

    def __call__(self) -> tuple[int, int, int, int]:
        orders = self._trader.orders.orders()
        return len(self._stage.asked), len(self._sent), len(self._trader.journal.records()), len(orders)


BAD = {
    "beside the tick": buy(price="60000.05"),
    "finer than the lot": buy(qty="0.010000001"),
    "below the minimum": buy(qty="0.00001"),
    "worth too little": buy(qty="0.00005", price="0.1"),
    "no number": buy(qty="NaN"),
    "a signalling one": buy(qty="sNaN"),
    "without end": buy(price="Infinity"),
    "nothing": buy(qty="0"),
    "less than nothing": buy(qty="-0.01"),
    "scientific": buy(price="6E+4"),
    "scientific and small": buy(qty="1E-12"),
    "absurd": buy(price="1E+999999"),
    "over-precise": buy(qty="0.01" + "0" * 80),
    "a float": OrderRequest(
        symbol=BTC,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=0.01,  # type: ignore[arg-type]
        limit_price=Decimal(60000),
    ),
    "a text": OrderRequest(
        symbol=BTC,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=Decimal("0.01"),
        limit_price="60000",  # type: ignore[arg-type]
    ),
}


def test_a_number_the_venue_would_refuse_is_a_typed_error_before_anything_leaves_or_is_written() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        standing = await trader.submit(buy())
        await stage.until(5)
        count = Ledger(stage, trader)
        before = count()
        for why, request in BAD.items():
            error = await refused(trader.orders.submit(request))
            assert isinstance(error, CheckFailed), why
            assert count() == before, why
        error = await refused(trader.orders.batch([buy(), BAD["beside the tick"]]))
        assert isinstance(error, CheckFailed)
        change = Amendment(limit_price=Decimal("60000.05"))
        error = await refused(trader.orders.amend(standing.client_id, change))
        assert isinstance(error, CheckFailed)
        assert count() == before

    perform(scene)


def test_what_was_asked_for_and_what_was_sent_are_both_in_the_journal_and_at_the_venue() -> None:
    async def scene(stage: AccountStage) -> None:
        trader = await stage.start()
        request = buy(qty="0.01234567", price="60000.10")
        order = await trader.submit(request)
        change = Amendment(qty=Decimal("0.0123450"), limit_price=Decimal("59999.9"))
        await trader.orders.amend(order.client_id, change)
        await stage.until(stage.now_s + 1)

        (intent,) = [one for one in trader.journal.records() if isinstance(one, Intent)]
        assert intent.requested == intent.sent == request
        assert str(intent.requested.qty) == "0.01234567"
        (amended,) = [one for one in trader.journal.records() if isinstance(one, AmendIntent)]
        assert amended.requested == amended.sent == change
        (true,) = stage.truth.orders(order.client_id)
        assert (Decimal(true["qty"]), Decimal(true["limit_price"])) == (change.qty, change.limit_price)
        known = trader.orders.get(order.client_id)
        assert known is not None
        assert (known.state, known.qty, known.limit_price) == (
            OrderState.WORKING, change.qty, change.limit_price,
        )  # fmt: skip

    perform(scene)


EXACT = (
    "model/order.py", "model/account.py", "model/instrument.py", "core/ledger.py", "core/lifecycle.py",
    "engine/order*.py", "engine/placing.py", "engine/amends.py", "engine/cancels.py", "engine/blotter.py",
    "engine/risk.py", "engine/records.py", "engine/reconcile.py", "engine/intake.py", "engine/balances.py",
    "venues/kraken/order_*.py", "venues/kraken/rest_trading.py", "venues/kraken/rest_orders.py",
    "venues/kraken/reports.py", "venues/kraken/answers.py",
)  # fmt: skip
"""Where prices, quantities and balances pass."""

SECONDS = frozenset({"charge", "_charge", "ask"})
"""Functions that tell or take seconds, and callables of their kind."""


def floats(tree: ast.AST) -> Iterator[int]:
    """Where a tree names `float` for something that is not a time: seconds end in `_s`."""
    of_time: set[ast.AST] = set()
    for node in ast.walk(tree):
        name, said = None, None
        if isinstance(node, ast.arg):
            name, said = node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, said = node.target.id, node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name, said = node.name, node.returns
        if name is not None and said is not None and (name.endswith("_s") or name in SECONDS):
            of_time.update(ast.walk(said))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "float" and node not in of_time:
            yield node.lineno


def test_no_float_touches_a_price_or_a_quantity_on_its_way() -> None:
    paths = [path for pattern in EXACT for path in SOURCE.glob(pattern)]
    assert len(paths) >= len(EXACT) + 6
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in paths
        for line in floats(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("price = float(text)", 1),
        ("def sent(qty: float) -> None: ...", 1),
        ("def worth() -> float: ...", 1),
        ("qty: float | None = None", 1),
        ("numbers = list(map(float, texts))", 1),
        ("def wait(delay_s: float) -> None: ...", 0),
        ("deadline_s: float = 2.0", 0),
        ("def charge(symbol: str) -> float: ...", 0),
    ],
)
def test_the_search_for_floats_finds_each_way_to_use_one(source: str, count: int) -> None:
    assert len(list(floats(ast.parse(source)))) == count
