from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from binance_orders import API_KEY, API_SECRET
from leadline.errors import ConfigError
from leadline.venues.binance.auth import Credentials, Signer
from vectors import VECTORS, needs_vectors

ED25519_PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIGdkYXRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q0
-----END PRIVATE KEY-----"""


def signer() -> Signer:
    return Signer(Credentials(API_KEY, API_SECRET))


def test_the_published_example_is_signed_as_published() -> None:
    payload = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943"
    )
    fields = [tuple(field.split("=")) for field in payload.split("&")]
    signature = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    assert signer().query([(name, value) for name, value in fields]) == f"{payload}&signature={signature}"


@needs_vectors
def test_every_published_payload_gives_its_published_signature() -> None:
    text = (VECTORS / "binance" / "rest" / "signing_vectors.json").read_text()
    vectors = json.loads(text)["vectors"]
    assert len(vectors) > 4
    for vector in vectors:
        told = Signer(Credentials(API_KEY, vector["secret"])).sign(vector["payload"])
        assert told == vector["signature"], vector["id"]


@needs_vectors
def test_parameters_that_are_not_ascii_are_percent_encoded_before_they_are_signed() -> None:
    text = (VECTORS / "binance" / "rest" / "signing_vectors.json").read_text()
    (vector,) = [one for one in json.loads(text)["vectors"] if "params_before_encoding" in one]
    fields = [part.split("=") for part in vector["params_before_encoding"].split("&")]
    told = Signer(Credentials(API_KEY, vector["secret"])).query([(name, value) for name, value in fields])
    assert told == f"{vector['payload']}&signature={vector['signature']}"


def test_the_websocket_api_signs_all_parameters_sorted_with_the_key_among_them() -> None:
    told = signer().ws({"symbol": "币安人生USDT", "timestamp": 17, "price": "43187.00"})
    payload = f"apiKey={API_KEY}&price=43187.00&symbol=币安人生USDT&timestamp=17"
    assert told["signature"] == hmac.new(API_SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert (told["apiKey"], told["timestamp"]) == (API_KEY, 17)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (ED25519_PEM, "is an Ed25519 key"),
        ("MC4CAQAwBQYDK2VwBCIEIGdkYXRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q0", "is an Ed25519 key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----", "is an RSA key"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----", "is an RSA key"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 50, "is an RSA key"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----", "is a PEM file"),
        (API_SECRET[:32] + "\n" + API_SECRET[32:], "white space"),
        (API_SECRET[:-1], "63 characters instead of 64"),
        (API_SECRET[:-1] + "!", "characters that no HMAC key has"),
    ],
)
def test_what_is_no_hmac_secret_is_told_before_anything_is_sent_and_not_shown(text: str, said: str) -> None:
    for credentials in (Credentials(API_KEY, text), Credentials(text, API_SECRET)):
        with pytest.raises(ConfigError, match=said) as caught:
            Signer(credentials)
        assert not text or text not in str(caught.value)


def test_neither_half_of_a_key_is_in_its_repr() -> None:
    shown = repr(Credentials(API_KEY, API_SECRET))
    assert API_KEY not in shown
    assert API_SECRET not in shown
