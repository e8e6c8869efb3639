from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.engine.checkpoint import (
    AccountCheckpoint,
    Damaged,
    KeptBar,
    KeptBook,
    KeptTicker,
    MarketCheckpoint,
    OtherVersion,
    decode,
    encode,
)
from leadline.model.account import Balance, Wallet, WalletKind
from leadline.model.compact import CompactBook
from leadline.model.market import Bar, Side, Ticker
from leadline.model.order import Fee, Fill, Order, OrderKind, OrderRequest, OrderState

D = Decimal

MARKET = MarketCheckpoint(
    at_ns=7,
    venue="kraken",
    tickers=(
        KeptTicker(5, Ticker("BTC/USD", D("1.10"), D(1), D("1.20"), D(1), None, D(3), None, None, None)),
    ),
    books=(KeptBook(6, CompactBook("BTC/USD", 1, 8, ((110, 3),), ((120, 4),), "2026-11-21T10:00:00Z")),),
    bars=(KeptBar(4, Bar("BTC/USD", 60, 0, *[D("1.10")] * 4, D(2), D("1.15"), 3)),),
)

ACCOUNT = AccountCheckpoint(
    at_ns=7,
    venue="kraken",
    account="main",
    orders=(
        Order(
            client_id="c",
            symbol="BTC/USD",
            side=Side.BUY,
            kind=OrderKind.LIMIT,
            state=OrderState.PARTIALLY_FILLED,
            requested=OrderRequest(
                symbol="BTC/USD", side=Side.BUY, kind=OrderKind.LIMIT, qty=D("2.0"), limit_price=D("1.10")
            ),
            fills=(
                Fill(
                    exec_id="e",
                    order_id="o",
                    symbol="BTC/USD",
                    side=Side.BUY,
                    qty=D("0.50"),
                    price=D("1.10"),
                    cost=D("0.550"),
                    fees=(Fee("USD", D("0.00143")),),
                ),
            ),
        ),
    ),
    balances=(Balance("USD", (Wallet(WalletKind.SPOT, "main", D("100.0000")),), D(0)),),
    balances_at_ns=6,
)


def test_what_is_kept_comes_back_to_the_last_digit() -> None:
    assert decode(encode(MARKET), MarketCheckpoint) == MARKET
    assert decode(encode(ACCOUNT), AccountCheckpoint) == ACCOUNT


@given(st.integers(0, len(encode(ACCOUNT)) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_noticed(place: int, change: int) -> None:
    blob = bytearray(encode(ACCOUNT))
    blob[place] ^= change
    with pytest.raises(Damaged):
        decode(bytes(blob), AccountCheckpoint)


@given(st.integers(0, len(encode(ACCOUNT)) - 1))
def test_a_torn_file_is_noticed(length: int) -> None:
    with pytest.raises(Damaged):
        decode(encode(ACCOUNT)[:length], AccountCheckpoint)


def test_another_version_is_named_and_not_read() -> None:
    import hashlib

    content = b"whatever a later program writes"
    digest = hashlib.sha256(b"9 " + content).hexdigest()
    blob = f"leadline checkpoint 9 {len(content)} {digest}\n".encode() + content

    with pytest.raises(OtherVersion, match="version 9, this program reads version 1") as caught:
        decode(blob, MarketCheckpoint)
    assert caught.value.version == 9


def test_a_checkpoint_of_the_market_is_none_of_an_account() -> None:
    with pytest.raises(Damaged, match="another form"):
        decode(encode(MARKET), AccountCheckpoint)
