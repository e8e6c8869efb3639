"""What one connection may subscribe to of level3: symbols, rate by tier, one depth a symbol (dossier §7)."""

from __future__ import annotations

from leadline.emulator.accounts import Account
from leadline.emulator.kraken.auth import Tokens
from leadline.emulator.kraken.streams import TopicKey
from leadline.emulator.limits import TokenBucket

MOST_SYMBOLS = 200
COSTS = {10: 5, 100: 25, 1000: 100}
"""What a subscription counts for by its depth."""
STANDARD_PER_S = 200
PRO_PER_S = 500


class Level3Access:
    """The level3 subscriptions of one connection and the tokens they were made with."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._bucket: TokenBucket | None = None
        self._held: dict[TopicKey, str] = {}

    def serve(self, account: Account, now_ns: int) -> None:
        """Note who asks: the rate depends on the tier."""
        if self._bucket is None:
            per_s = PRO_PER_S if account.tier == "pro" else STANDARD_PER_S
            self._bucket = TokenBucket(per_s, per_s, now_ns)

    def taken(self, key: TopicKey, token: str, now_ns: int) -> str:
        """Take one more symbol in, or say why not (the words are assumed)."""
        if any(one.symbol == key.symbol for one in self._held):
            return "Already subscribed"
        if len(self._held) >= MOST_SYMBOLS:
            return "Subscription limit exceeded"
        if self._bucket is not None and not self._bucket.take(now_ns, COSTS[int(key.option or 0)]):
            return "Exceeded msg rate"
        self._held[key] = token
        self._tokens.used(token, now_ns)
        return ""

    def left(self, key: TopicKey, now_ns: int) -> None:
        """Give a symbol up, if it was taken here."""
        token = self._held.pop(key, None)
        if token is not None:
            self._tokens.released(token, now_ns)

    def closed(self, now_ns: int) -> None:
        """The connection is over: its tokens begin to age."""
        for key in list(self._held):
            self.left(key, now_ns)
