"""What looking at one thing has told."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing looked at: whether it works, what was found, and what to do where it does not."""

    name: str
    ok: bool
    found: str
    advice: str = ""
