from __future__ import annotations

import pytest

from leadline.emulator.binance.frames import result
from leadline.emulator.binance.stream_control import ControlError, ControlMessage, read


def test_a_request_is_read() -> None:
    assert read('{"method":"SUBSCRIBE","params":["a@b"],"id":7}') == ControlMessage("SUBSCRIBE", 7, ("a@b",))
    assert read('{"method":"LIST_SUBSCRIPTIONS"}') == ControlMessage("LIST_SUBSCRIPTIONS", None)
    assert read('{"method":"SET_PROPERTY","params":["combined",false],"id":0}').combined is False


@pytest.mark.parametrize(
    "name", ["605a6d20-6588-4cb9-afa0-b0ab087507ba", "605a6d2065884cb9afa0b0ab087507ba", "x1"]
)
def test_a_text_as_official_clients_send_it_is_an_id_too_and_is_echoed(name: str) -> None:
    assert read(f'{{"method":"LIST_SUBSCRIPTIONS","id":"{name}"}}').request_id == name
    assert result(None, name) == f'{{"result":null,"id":"{name}"}}'
    with pytest.raises(ControlError) as caught:
        read(f'{{"method":"subscribe","id":"{name}"}}')
    assert caught.value.request_id == name


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", 3, "Invalid JSON: expected value at line 1 column 1"),
        ("[]", 2, "Invalid request"),
        ('{"id":1}', 2, "missing field `method`"),
        ('{"method":"subscribe","id":1}', 2, "unknown variant subscribe, expected one of `SUBSCRIBE`"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":""}', 2, "request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":"a b"}', 2, "request ID must be an unsigned integer"),
        (f'{{"method":"SUBSCRIBE","params":["a"],"id":"{"7" * 37}"}}', 2, "must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":1.5}', 2, "request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":-1}', 2, "request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":true}', 2, "request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "array of strings"),
        ('{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean"),
        ('{"method":"GET_PROPERTY","params":[1],"id":1}', 2, "property name must be a string"),
        ('{"method":"GET_PROPERTY","params":["combined",true],"id":1}', 2, "too many parameters"),
    ],
)
def test_what_is_wrong_is_named_with_the_venues_number(text: str, code: int, message: str) -> None:
    with pytest.raises(ControlError) as caught:
        read(text)
    assert caught.value.code == code
    assert message in caught.value.message
