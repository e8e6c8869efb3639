from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from leadline.app.config_file import RawAlerts, RawFile

SHIPPED = (Path(__file__).resolve().parents[3] / "leadline.yaml").read_text()


def names(kind: Any) -> Iterator[str]:
    """Every name that may stand in the file, of a part and all below it."""
    if isinstance(kind, UnionType):
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is dict:
        kind = typing.get_args(kind)[1]
    if isinstance(kind, type) and issubclass(kind, Struct):
        for field in msgspec.structs.fields(kind):
            yield field.name
            yield from names(field.type)


@pytest.mark.parametrize("name", sorted(set(names(RawFile))))
def test_every_setting_stands_in_the_file_that_comes_along(name: str) -> None:
    assert re.search(rf"^[ #]*{name}:", SHIPPED, re.MULTILINE)


def test_the_address_of_a_webhook_is_in_no_repr() -> None:
    assert "T0K3N" not in repr(RawFile(alerts=RawAlerts(webhook="https://hooks.example/T0K3N")))
