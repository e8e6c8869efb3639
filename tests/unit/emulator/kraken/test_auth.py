from __future__ import annotations

import json
import random
from typing import Any

import pytest

from emulated import START_NS, S
from leadline.emulator.accounts import Account
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.faults import NonceStrict
from leadline.emulator.kraken.auth import LOCKOUT_NONCES, Gate, Tokens, signature
from leadline.emulator.kraken.form import parsed
from leadline.emulator.orders import Refused
from vectors import VECTORS, needs_vectors

PATH = "/0/private/Balance"
FORM = "application/x-www-form-urlencoded"


class Caller:
    """Signs for one account and tells what the gate says."""

    def __init__(self) -> None:
        self.account = Account("one", random.Random(1), "pro", {})
        self.board = FaultBoard()
        self.gate = Gate({self.account.api_key: self.account}, self.board)

    def call(self, nonce: int | str, now_ns: int = START_NS, **changed: Any) -> str:
        """Empty where the request is let in, else the refusal."""
        body = f"nonce={nonce}".encode()
        sign = signature(self.account.secret, PATH, str(nonce), body)
        headers = {"API-Key": self.account.api_key, "API-Sign": sign} | changed
        try:
            self.gate.admit(PATH, headers.items(), body, parsed(body, FORM), now_ns)
        except Refused as refused:
            return refused.text
        return ""


@needs_vectors
def test_the_published_signatures_are_reproduced() -> None:
    path = VECTORS / "kraken" / "rest" / "signing_vectors.json"
    known = json.loads(path.read_text())["vectors"]

    assert len(known) > 5
    for one in known:
        made = signature(one["api_secret_b64"], one["uri_path"], one["nonce"], one["body"].encode())
        assert made == one["api_sign"]


def test_a_signed_request_is_let_in() -> None:
    assert Caller().call(1) == ""


def test_header_names_are_read_in_any_case() -> None:
    caller = Caller()
    body = b'{"nonce":5}'
    sign = signature(caller.account.secret, PATH, "5", body)
    headers = [("api-key", caller.account.api_key), ("API-SIGN", sign)]

    admitted = caller.gate.admit(PATH, headers, body, parsed(body, "application/json"), START_NS)
    assert admitted is caller.account


@pytest.mark.parametrize("changed", [{"API-Key": "unknown"}, {"API-Key": ""}])
def test_an_unknown_key_is_refused(changed: dict[str, str]) -> None:
    assert Caller().call(1, **changed) == "EAPI:Invalid key"


@pytest.mark.parametrize("changed", [{"API-Sign": "AAAA"}, {"API-Sign": ""}, {"API-Sign": "ä"}])
def test_a_wrong_signature_is_refused_and_takes_no_nonce(changed: dict[str, str]) -> None:
    caller = Caller()

    assert caller.call(1, **changed) == "EAPI:Invalid signature"
    assert caller.call(1) == ""


def test_a_nonce_must_be_greater_than_the_last() -> None:
    caller = Caller()

    answers = [caller.call(nonce) for nonce in (10, 10, 9, 11)]
    assert answers == ["", "EAPI:Invalid nonce", "EAPI:Invalid nonce", ""]
    assert caller.gate.key(caller.account.api_key).refused == 2


@pytest.mark.parametrize("nonce", ["", "x", "-1", "1.5", 2**64, "9" * 5_000])
def test_a_nonce_is_an_unsigned_64_bit_number(nonce: int | str) -> None:
    assert Caller().call(nonce) == "EAPI:Invalid nonce"
    assert Caller().call(2**64 - 1) == ""


def test_a_window_lets_earlier_nonces_in_unless_the_fault_forbids_it() -> None:
    caller = Caller()
    caller.gate.key(caller.account.api_key).window = 5

    assert [caller.call(nonce) for nonce in (10, 6, 5, 4)] == ["", "", "", "EAPI:Invalid nonce"]
    caller.board.put(NonceStrict(), START_NS)
    assert caller.call(6) == "EAPI:Invalid nonce"


def test_many_refused_nonces_lock_the_key_for_a_quarter_of_an_hour() -> None:
    caller = Caller()
    caller.call(100)
    for second in range(LOCKOUT_NONCES):
        assert caller.call(1, START_NS + second * S) == "EAPI:Invalid nonce"

    locked_ns = START_NS + (LOCKOUT_NONCES - 1) * S
    assert caller.call(101, locked_ns + 899 * S) == "EGeneral:Temporary lockout"
    assert caller.call(101, locked_ns + 900 * S) == ""


def test_refused_nonces_far_apart_lock_nothing() -> None:
    caller = Caller()
    caller.call(100)
    for number in range(3 * LOCKOUT_NONCES):
        assert caller.call(1, START_NS + number * 4 * S) == "EAPI:Invalid nonce"


def tokens() -> tuple[Tokens, Account]:
    return Tokens(random.Random(1)), Account("one", random.Random(1), "pro", {})


def test_a_token_is_void_after_15_minutes_unused() -> None:
    known, account = tokens()
    token = known.issue(account, START_NS)

    assert known.account(token, START_NS + 899 * S) is account
    assert known.account(token, START_NS + 900 * S) is None
    assert known.account("other", START_NS) is None


def test_a_used_token_lives_on_until_15_minutes_after_the_last_connection_lets_go() -> None:
    known, account = tokens()
    token = known.issue(account, START_NS)
    known.used(token, START_NS + S)
    known.used(token, START_NS + S)
    known.released(token, START_NS + 5_000 * S)

    assert known.account(token, START_NS + 9_000 * S) is account
    known.released(token, START_NS + 10_000 * S)
    assert known.account(token, START_NS + 10_899 * S) is account
    assert known.account(token, START_NS + 10_900 * S) is None


def test_no_two_tokens_are_alike() -> None:
    known, account = tokens()

    assert len({known.issue(account, START_NS) for _ in range(100)}) == 100
