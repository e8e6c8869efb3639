from __future__ import annotations

from leadline.emulator.binance.errors import refused


def test_a_refusal_has_code_text_and_status() -> None:
    one = refused(-1102, "price")
    assert (one.code, one.status) == (-1102, 400)
    assert one.message == "Mandatory parameter 'price' was not sent, was empty/null, or malformed."


def test_keys_times_and_limits_have_statuses_of_their_own() -> None:
    assert [refused(code).status for code in (-2014, -2015, -1007, -1021)] == [401, 401, 408, 400]
    assert refused(-1015, "300 orders per TEN_SECONDS").status == 429
