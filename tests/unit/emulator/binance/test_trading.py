from __future__ import annotations

import json
import random
from typing import Any

import pytest

from emulated import START_NS
from leadline.emulator.binance import truth
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, row
from leadline.emulator.binance.ports import Row
from leadline.emulator.binance.trading import Trading
from leadline.emulator.binance.weights import AddressWeights
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Market
from pit import ALGO, MS, ORDER, Pit, Reply, StillMarks

LIVE = tuple(one for one in DEMO_CONTRACTS if one.symbol in ("BTCUSDT", "ETHUSDT"))


def test_a_name_is_given_once_and_the_same_seed_gives_the_same_key() -> None:
    pit = Pit()
    assert pit.trading.named("me") is pit.account
    with pytest.raises(ValueError, match="choose another name"):
        pit.trading.account("me")
    assert pit.trading.demo.api_key == Pit().trading.demo.api_key != Pit(seed=2).trading.demo.api_key
    assert len(pit.account.api_key) == len(pit.account.secret) == 64


def test_a_contract_is_traded_by_its_row_as_it_is_now() -> None:
    pit = Pit()
    assert pit.trading.terms("BTCUSDT") is pit.trading.terms("BTCUSDT")
    pit.rows["BTCUSDT"] = {**pit.rows["BTCUSDT"], "quantityPrecision": 2}
    assert pit.order(price="49000.0", quantity="0.015").code == -1111


class Floor(Pit):
    """A market that lives, in which an account does whatever comes to its mind."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        pairs: list[Pair] = [one.pair for one in LIVE]
        self.market = Market(pairs, seed=seed, rate=40, start_ns=START_NS, history_minutes=1)
        self.marks = StillMarks()
        self.weights = AddressWeights()
        self.rows: dict[str, Row] = {one.symbol: row(one, one.pair, one.status) for one in LIVE}
        self.trading = Trading(
            self.market, self.marks, lambda: self.rows, self.weights, self.board, seed=seed
        )
        self.account = self.trading.account("me", {"USDT": 20_000 * 10**8})
        self.listen_key = self.trading.streams.keys.start(self.account, self.now_ns)
        self.trading.subscribe(self.listen_key, self._heard)
        self.dice = random.Random(seed)
        self.follow()

    def follow(self) -> None:
        for symbol, listing in self.market.listings.items():
            bid, ask = listing.best
            assert bid and ask
            self.mark(str((bid[0] + ask[0]) / 2 / 10**listing.pair.price_precision), symbol)

    def step(self) -> None:
        self.now_ns += self.dice.randint(20, 400) * MS
        self.market.advance(self.now_ns)
        self.wait(0)
        self.follow()
        self.dice.choice((self.enter, self.enter, self.enter, self.alter, self.leave, self.watch))()

    def price(self, symbol: str, away: float) -> str:
        pair = self.market.listings[symbol].pair
        ticks = round(self.marks.mark(symbol) / 10**8 * 10**pair.price_precision * (1 + away))
        return f"{ticks / 10**pair.price_precision:.{pair.price_precision}f}"

    def enter(self) -> None:
        symbol = self.dice.choice(("BTCUSDT", "ETHUSDT"))
        terms: dict[str, object] = {"symbol": symbol, "side": self.dice.choice(("BUY", "SELL"))}
        terms |= {"quantity": f"{self.dice.uniform(0.002, 0.4):.3f}"}
        if self.dice.random() < 0.3:
            terms |= {"reduceOnly": "true"}
        if self.dice.random() < 0.4:
            self.ask("POST", ORDER, type="MARKET", **terms)
            return
        kind = self.dice.choice(("GTC", "GTC", "GTC", "IOC", "FOK", "GTX"))
        away = self.dice.uniform(-0.001, 0.001)
        self.ask("POST", ORDER, type="LIMIT", timeInForce=kind, price=self.price(symbol, away), **terms)

    def some_order(self) -> tuple[str, int] | None:
        found = list(self.account.open_orders)
        return self.dice.choice(found) if found else None

    def alter(self) -> None:
        one = self.some_order()
        if one is not None:
            order = self.account.orders[one]
            terms = {"symbol": one[0], "side": order.ticket.side, "orderId": one[1]}
            price = self.price(one[0], self.dice.uniform(-0.001, 0.001))
            self.ask("PUT", ORDER, price=price, quantity=f"{self.dice.uniform(0.002, 0.4):.3f}", **terms)

    def leave(self) -> None:
        one = self.some_order()
        if one is not None:
            self.ask("DELETE", ORDER, symbol=one[0], orderId=one[1])

    def watch(self) -> None:
        away = self.dice.choice((-0.0004, 0.0004))
        terms: dict[str, object] = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "type": "STOP_MARKET"}
        terms |= {"side": "BUY" if away > 0 else "SELL", "quantity": "0.020"}
        self.ask("POST", ALGO, triggerPrice=self.price("BTCUSDT", away), **terms)


def reopened(events: list[dict[str, Any]]) -> dict[str, str]:
    """The last position amount of each contract as told."""
    told: dict[str, str] = {}
    for one in events:
        for each in one["a"]["P"]:
            told[each["s"]] = each["pa"]
    return told


def check(floor: Floor, account: Account) -> None:
    assert account.wallets["USDT"] == account.opening["USDT"] + sum(one.amount for one in account.income)
    for symbol, listing in floor.market.listings.items():
        fills = [one for one in account.trades if one.symbol == symbol]
        amount = sum(one.qty if one.side == "BUY" else -one.qty for one in fills)
        assert account.position(symbol, "BOTH").amount == amount
        for order in account.open_of(symbol):
            assert order.engine_id is not None
            resting = listing.book.order(order.engine_id)
            assert resting is not None
            assert (resting.remaining, resting.price) == (order.remaining, order.price)
    for order in account.orders.values():
        assert order.executed == sum(one.qty for one in order.trades) <= order.qty
        assert order.cost == sum(one.qty * one.price for one in order.trades)


def closings_only_close(account: Account) -> None:
    amounts: dict[str, int] = {}
    for one in account.trades:
        before = amounts.get(one.symbol, 0)
        after = amounts[one.symbol] = before + (one.qty if one.side == "BUY" else -one.qty)
        if account.orders[one.symbol, one.order_id].ticket.closing:
            assert abs(after) < abs(before) and before * after >= 0, one


@pytest.mark.parametrize("seed", range(6))
def test_whatever_an_account_does_its_books_add_up_and_its_stream_tells_all_of_it(seed: int) -> None:
    floor = Floor(seed)
    for _ in range(400):
        floor.step()
        check(floor, floor.account)
    floor.wait(1)
    account = floor.account
    assert len(account.trades) > 30
    closings_only_close(account)
    told = [one.body for one in floor.events if one.kind == "ORDER_TRADE_UPDATE"]
    trades = [(one["o"]["s"], one["o"]["t"]) for one in told if one["o"]["x"] == "TRADE"]
    light = [(one.body["s"], one.body["t"]) for one in floor.events if one.kind == "TRADE_LITE"]
    assert sorted(trades) == sorted(light) == sorted((one.symbol, one.trade_id) for one in account.trades)
    last = {(one["o"]["s"], one["o"]["i"]): one["o"]["X"] for one in told}
    assert last == {key: order.status for key, order in account.orders.items()}
    balances = [one.body for one in floor.events if one.kind == "ACCOUNT_UPDATE"]
    rest = {
        one["symbol"]: float(one["positionAmt"]) for one in floor.ask("GET", "/fapi/v2/positionRisk").value
    }
    assert {name: float(amount) for name, amount in reopened(balances).items()} == {
        name: rest[name] for name in reopened(balances)
    }
    assert balances[-1]["a"]["B"][0]["wb"] == floor.ask("GET", "/fapi/v3/balance").value[0]["balance"]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_plays_the_same_play(seed: int) -> None:
    plays = []
    for _ in range(2):
        floor = Floor(seed)
        for _ in range(60):
            floor.step()
        floor.wait(1)
        plays.append(([one.text for one in floor.events], truth.orders(floor.account, floor.market.listings)))
    assert json.dumps(plays[0]) == json.dumps(plays[1])


class Hedger(Floor):
    """The same in hedge mode, BTCUSDT on isolated margin; each order is for one side or the other."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        super().ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        super().ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")

    def ask(
        self, method: str, path: str, account: Account | None = None, signed: bool = True, **params: object
    ) -> Reply:
        if method == "POST":
            params.pop("reduceOnly", None)
            params["positionSide"] = self.dice.choice(("LONG", "SHORT"))
        return super().ask(method, path, account, signed, **params)


@pytest.mark.parametrize("seed", range(3))
def test_in_hedge_mode_no_side_ever_turns_into_the_other(seed: int) -> None:
    floor = Hedger(seed)
    account = floor.account
    for _ in range(300):
        floor.step()
        for one in account.positions.values():
            assert one.amount >= 0 if one.side == "LONG" else one.amount <= 0
            assert one.isolated_wallet >= 0
    for one in account.positions.values():
        fills = [
            each for each in account.trades if (each.symbol, each.position_side) == (one.symbol, one.side)
        ]
        assert one.amount == sum(each.qty if each.side == "BUY" else -each.qty for each in fills)
    assert account.wallets["USDT"] == account.opening["USDT"] + sum(one.amount for one in account.income)
    assert len(account.trades) > 30
