from __future__ import annotations

from leadline.emulator.faults import KINDS, KINDS_OF


def test_the_whole_vocabulary_is_known() -> None:
    vocabulary = (
        "CLOSE REFUSE STALL HALF_OPEN ACK_NO_DATA DROP DUP REORDER CORRUPT SUB_REJECT SUB_RATE REPLY STATUS "
        "RATE INSTRUMENT ACCEPT_THEN_DROP TOKEN_INVALID NONCE_STRICT SHUFFLE SKEW LAG MISSTATE BACKEND "
        "UNSEEN FORCE_CLOSE DELIST LISTENKEY_EXPIRE OLD_ROUTES"
    )
    assert set(vocabulary.split(" ")) == set(KINDS)


def test_a_venue_suffers_what_it_has_and_both_suffer_what_both_have() -> None:
    assert {"NONCE_STRICT", "TOKEN_INVALID"} <= KINDS_OF["kraken"].keys() - KINDS_OF["binance"].keys()
    assert {"BACKEND", "DELIST"} <= KINDS_OF["binance"].keys() - KINDS_OF["kraken"].keys()
    assert KINDS_OF["kraken"].keys() | KINDS_OF["binance"].keys() == KINDS.keys()
