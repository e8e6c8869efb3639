"""Signatures, and credentials that are refused without being shown."""

from __future__ import annotations

import base64
import json
import traceback
from urllib.parse import parse_qsl

import pytest

from leadline.errors import ConfigError
from leadline.net.http import Purpose
from leadline.venues.kraken.auth import Credentials, Signer
from leadline.venues.kraken.rest_private import Fields, PrivateEndpoint
from vectors import VECTORS, needs_vectors

KEY = "K" * 55 + "/"
SECRET = base64.b64encode(bytes(range(64))).decode()
DOCUMENTED = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


def endpoint(*fields: tuple[str, str], nested: Fields = ()) -> PrivateEndpoint[None]:
    return PrivateEndpoint("AddOrder", fields, 0.0, Purpose.ORDER, lambda _: None, nested)


def test_the_documented_signature_comes_out() -> None:
    fields = (
        *(("ordertype", "limit"), ("pair", "XBTUSD"), ("price", "37500"), ("type", "buy")),
        ("volume", "1.25"),
    )
    request = Signer(Credentials(KEY, DOCUMENTED)).call(endpoint(*fields)).seal(1616492376594)
    assert request.path == "/0/private/AddOrder"
    assert dict(request.headers) == {
        "API-Key": KEY,
        "API-Sign": (
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
        ),
        "Content-Type": "application/x-www-form-urlencoded",
    }


def test_json_is_signed_as_it_is_sent() -> None:
    body = (
        b'{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":"37500",'
        b'"type":"buy","volume":"1.25"}'
    )
    assert Signer(Credentials(KEY, DOCUMENTED)).sign("/0/private/AddOrder", 1616492376594, body) == (
        "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg=="
    )


@needs_vectors
def test_every_recorded_signature_comes_out() -> None:
    vectors = json.loads((VECTORS / "kraken" / "rest" / "signing_vectors.json").read_text())["vectors"]
    assert vectors
    for vector in vectors:
        signer = Signer(Credentials(KEY, vector["api_secret_b64"]))
        body = vector["body"].encode()
        assert signer.sign(vector["uri_path"], int(vector["nonce"]), body) == vector["api_sign"]


@needs_vectors
def test_every_recorded_body_is_encoded_to_the_same_bytes() -> None:
    vectors = json.loads((VECTORS / "kraken" / "rest" / "signing_vectors.json").read_text())["vectors"]
    for vector in vectors:
        fields = parse_qsl(vector["body"])
        assert fields[0] == ("nonce", vector["nonce"])
        signer = Signer(Credentials(KEY, vector["api_secret_b64"]))
        request = signer.call(endpoint(*fields[1:])).seal(int(vector["nonce"]))
        assert request.body.decode() == vector["body"]
        assert dict(request.headers)["API-Sign"] == vector["api_sign"]


def test_a_plus_is_never_a_space() -> None:
    request = Signer(Credentials(KEY, SECRET)).call(endpoint(("price", "+5%"))).seal(7)
    assert request.body == b"nonce=7&price=%2B5%25"


def test_nested_members_make_the_body_json_with_the_nonce_as_signed() -> None:
    call = Signer(Credentials(KEY, SECRET)).call(endpoint(("pair", 'A"B'), nested=(("orders", '["X","Y"]'),)))
    request = call.seal(2**63 + 5)
    assert json.loads(request.body) == {"nonce": str(2**63 + 5), "pair": 'A"B', "orders": ["X", "Y"]}
    assert dict(request.headers)["Content-Type"] == "application/json"


def test_a_one_time_password_is_in_the_signed_body_and_nowhere_else() -> None:
    call = Signer(Credentials(KEY, SECRET, otp="123456")).call(endpoint(("pair", "XBTUSD")))
    assert call.seal(7).body == b"nonce=7&pair=XBTUSD&otp=123456"
    assert call.masked == (("pair", "XBTUSD"),)


def test_neither_credentials_nor_request_show_key_secret_or_signature() -> None:
    credentials = Credentials(KEY, SECRET, otp="987654")
    request = Signer(credentials).call(endpoint(("pair", "XBTUSD"))).seal(7)
    shown = repr(credentials) + str(credentials) + repr(request) + repr(Signer(credentials))
    assert KEY not in shown
    assert SECRET not in shown
    assert "987654" not in shown
    assert dict(request.headers)["API-Sign"] not in shown


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        (Credentials("", SECRET), "API key (KRAKEN_API_KEY, venues.kraken.credentials.api_key) is empty"),
        (Credentials(KEY + "\n", SECRET), "white space"),
        (Credentials("K" * 55, SECRET), "has 55 characters instead of 56"),
        (Credentials("K" * 55 + "ü", SECRET), "characters that no key has"),
        (
            Credentials(KEY, ""),
            "private key (KRAKEN_PRIVATE_KEY, venues.kraken.credentials.private_key) is empty",
        ),
        (Credentials(KEY, " " + SECRET), "white space"),
        (Credentials(KEY, SECRET[:-3]), "is not base64"),
        (Credentials(KEY, "ü" + SECRET[1:]), "is not base64"),
        (Credentials(KEY, base64.b64encode(bytes(32)).decode()), "holds 32 bytes instead of 64"),
        (Credentials(KEY, SECRET, otp=""), "one-time password (otp) is empty"),
    ],
)
def test_malformed_credentials_are_refused_before_any_call_and_are_not_shown(
    credentials: Credentials, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Signer(credentials)
    message = str(caught.value)
    assert told in message
    assert "copy it whole" in message or "set it" in message
    trace = "".join(traceback.format_exception(caught.value))
    assert all(part not in trace for part in (credentials.api_key, credentials.secret) if len(part) > 20)
