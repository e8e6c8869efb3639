from __future__ import annotations

import base64
import random
import re

from emulated import START_NS
from floor import BTC, LIMIT, Floor
from leadline.emulator.accounts import EARN, SPOT, UNIT, Account, Ids, demo_funds
from leadline.emulator.market import Market, chance
from leadline.emulator.trading import Trading


def test_credentials_look_like_the_venues_and_come_from_the_seed() -> None:
    one, same, other = (Account("a", random.Random(seed), "pro", {}) for seed in (1, 1, 2))
    assert len(one.api_key) == 56
    assert len(base64.b64decode(one.secret)) == 64
    assert (one.api_key, one.secret) == (same.api_key, same.secret)
    assert one.api_key != other.api_key


def test_ids_have_the_venues_form_and_do_not_repeat() -> None:
    ids = Ids(chance(1, "ids"))
    made = [ids.new("O") for _ in range(5_000)]
    assert len(set(made)) == 5_000
    assert all(re.fullmatch(r"O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}", one) for one in made)


def test_the_demo_account_has_plenty_of_everything_listed() -> None:
    funds = demo_funds(("BTC", "PEPE", "USD"))
    assert funds["USD"] == 1_000_000 * UNIT
    assert funds["BTC"] == 10 * UNIT
    assert funds["ETH"] == 100 * UNIT
    assert funds["PEPE"] >= 1_000 * UNIT
    assert {"EUR", "USDT"} <= funds.keys()


def test_the_demo_account_exists_from_the_start() -> None:
    trading = Trading(Market((), seed=1, rate=0, start_ns=START_NS), seed=7)
    assert trading.accounts[trading.demo.api_key] is trading.demo
    assert (trading.demo.name, trading.demo.tier) == ("demo", "intermediate")


def test_an_open_order_is_found_by_its_client_id_until_it_closes() -> None:
    floor = Floor()
    order = floor.add(cl_ord_id="mine")
    assert floor.account.by_cl_ord_id("mine") is order
    floor.cancel(order)
    assert floor.account.by_cl_ord_id("mine") is None


def test_a_tag_finds_every_open_order_that_bears_it() -> None:
    floor = Floor()
    tagged = [floor.add(userref=3), floor.add(userref=3)]
    floor.add(userref=4)
    closed = floor.add(userref=3)
    floor.cancel(closed)
    assert floor.account.by_userref(3) == tagged
    assert floor.account.by_userref(0) == []


def test_what_open_orders_hold_is_not_available_and_comes_back() -> None:
    floor = Floor(usd=1_000)
    order = floor.add(qty=BTC)
    held = 99 * UNIT * 10_040 // 10_000
    assert floor.account.held("USD") == held
    assert floor.account.available("USD") == 1_000 * UNIT - held
    assert floor.account.balance("USD") == 1_000 * UNIT
    floor.cancel(order)
    assert floor.account.held("USD") == 0


def test_a_change_of_tier_reaches_every_counter() -> None:
    floor = Floor()
    floor.add()
    floor.account.set_tier("starter")
    assert floor.account.counter("BTC/USD").allowance.most == 60
    assert floor.account.counter("ETH/USD").allowance.most == 60
    assert floor.account.rest.allowance.most == 15


def test_a_ledger_line_carries_the_balance_it_leaves() -> None:
    account = Account("a", random.Random(1), "pro", {"USD": 10 * UNIT})
    entry = account.post("L1", "R1", START_NS, "trade", "", "USD", SPOT, -3 * UNIT, UNIT)
    assert entry.balance == account.balance("USD") == 6 * UNIT
    assert account.balance("USD", EARN) == 0
    assert account.ledger == [entry]


def test_orders_stand_in_the_order_of_their_making() -> None:
    floor = Floor()
    made = [floor.add(LIMIT, limit_price=price) for price in (990, 980, 985)]
    assert list(floor.account.orders.values()) == made
    floor.cancel(made[0])
    assert list(floor.account.orders.values()) == made
    assert list(floor.account.open_orders.values()) == made[1:]
