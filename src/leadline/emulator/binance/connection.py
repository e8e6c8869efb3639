"""A market or user data socket of the emulated Binance: control messages in, payloads out (dossier §10, §12).

Every SUBSCRIBE is acknowledged, whatever it names; what the path does not serve stays silent.
"""

from __future__ import annotations

from leadline.emulator.binance import frames, stream_control
from leadline.emulator.binance.link import POLICY, PingedLink
from leadline.emulator.binance.stream_control import ControlError, ControlMessage
from leadline.emulator.binance.stream_names import StreamKey, parsed
from leadline.emulator.binance.streams import Streams
from leadline.emulator.binance.targets import PRIVATE, UNROUTED, Target
from leadline.emulator.binance.topics import CHANNELS
from leadline.emulator.binance.trading import Trading
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.limits import TokenBucket
from leadline.emulator.wire import Frame

MOST_STREAMS = 1_024
MESSAGES_PER_S = 10.0
MESSAGES_BURST = 15
_CHANNEL_OF_EVENT = {
    "ORDER_TRADE_UPDATE": "executions",
    "TRADE_LITE": "executions",
    "ALGO_UPDATE": "executions",
    "ACCOUNT_UPDATE": "balances",
    "ACCOUNT_CONFIG_UPDATE": "balances",
    "MARGIN_CALL": "balances",
}


class Connection(PingedLink):
    """A client's socket on one path of the streams."""

    def __init__(
        self,
        target: Target,
        connection_id: int,
        streams: Streams,
        trading: Trading,
        board: FaultBoard,
        now_ns: int,
    ) -> None:
        super().__init__(target.route, connection_id, board, now_ns)
        self._streams = streams
        self._trading = trading
        self._combined = target.combined
        self._bucket = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, now_ns)
        self._names: dict[str, StreamKey | None] = {}
        self._joined: set[str] = set()
        self._keys: set[str] = set()
        for name in target.names:
            self._subscribe(name, now_ns)
        for key, events in target.keys:
            self._listen(key, events)

    def act(self, text: str, now_ns: int) -> None:
        if not self._bucket.take(now_ns):
            self.close(POLICY, "Too many requests")
            return
        try:
            message = stream_control.read(text)
            answer = self._answer(message, now_ns)
        except ControlError as error:
            self._say(frames.refusal(error.code, error.message, error.request_id))
            if error.code == stream_control.INVALID_JSON:
                self.close(POLICY, "Invalid JSON")
            elif error.code == stream_control.TOO_MANY:
                self.close(POLICY, "Invalid request")
            return
        self._say(answer)

    def told(self, name: str, payload: Frame, now_ns: int) -> None:
        """Take one payload of a stream for sending."""
        lag = self.board.lag("ws", payload.channel, payload.symbol) if self.board.active else None
        if lag is None:
            self.deliver(self._wrapped(name, payload))
        else:
            self.later(now_ns + lag[1], lambda _: self.deliver(self._wrapped(name, payload)))

    def closed(self) -> None:
        super().closed()
        for name in list(self._joined):
            self._leave(name)
        for key in self._keys:
            self._trading.unsubscribe(key, self._heard)
        self._keys.clear()

    def rerouted(self, now_ns: int) -> None:
        """What the path serves has changed: join and leave accordingly, without a word."""
        for name, key in self._names.items():
            if key is None:
                continue
            if name in self._joined and not self._served(key):
                self._leave(name)
            elif name not in self._joined and self._served(key):
                self._join(name, key, now_ns)

    def _answer(self, message: ControlMessage, now_ns: int) -> str:
        request_id = message.request_id
        if message.method == "SUBSCRIBE":
            if len(dict.fromkeys((*self._names, *self._keys, *message.names))) > MOST_STREAMS:
                raise ControlError(stream_control.TOO_MANY, "Too many subscriptions", request_id)
            for name in message.names:
                self._subscribe(name, now_ns)
        elif message.method == "UNSUBSCRIBE":
            for name in message.names:
                self._unsubscribe(name)
        elif message.method == "LIST_SUBSCRIPTIONS":
            return frames.result([*self._names, *self._keys], request_id)
        elif message.method == "GET_PROPERTY":
            return frames.result(self._combined, request_id)
        elif message.combined is not None:
            self._combined = message.combined
        return frames.result(None, request_id)

    def _subscribe(self, name: str, now_ns: int) -> None:
        if name in self._names or name in self._keys:
            return
        key = parsed(name)
        if key is None and self.route == PRIVATE:
            self._listen(name, None)
            return
        self._names[name] = key
        if key is None or not self._served(key):
            return
        if not self.board.withholds_data(CHANNELS[key.kind], key.symbol):
            self._join(name, key, now_ns)

    def _unsubscribe(self, name: str) -> None:
        self._names.pop(name, None)
        if name in self._joined:
            self._leave(name, parsed(name))
        if name in self._keys:
            self._keys.remove(name)
            self._trading.unsubscribe(name, self._heard)

    def _served(self, key: StreamKey) -> bool:
        """Whether this path serves the stream: an unrouted one only the public family (§1.1)."""
        if self.route == UNROUTED:
            return key.family == "public" or self.board.unrouted_whole()
        return self.route == f"ws_{key.family}"

    def _join(self, name: str, key: StreamKey, now_ns: int) -> None:
        self._joined.add(name)
        self._streams.join(key, name, self, now_ns)

    def _leave(self, name: str, key: StreamKey | None = None) -> None:
        self._joined.discard(name)
        known = key or self._names.get(name)
        if known is not None:
            self._streams.leave(known, name, self)

    def _listen(self, key: str, events: frozenset[str] | None) -> None:
        """Take a user data stream; a key of nobody is acknowledged and silent too."""
        self._keys.add(key)
        self._trading.subscribe(key, self._heard, events)

    def _heard(self, listen_key: str, kind: str, text: str) -> None:
        channel = _CHANNEL_OF_EVENT.get(kind, "")
        self.deliver(self._wrapped(listen_key, Frame(text, "update", channel, telling=True)))

    def _wrapped(self, name: str, payload: Frame) -> Frame:
        text = f'{{"stream":"{name}","data":{payload.text}}}' if self._combined else payload.text
        return Frame(text, payload.kind, payload.channel, payload.symbol, payload.telling, payload.target)

    def _say(self, text: str) -> None:
        self.deliver(Frame(text, "ack", telling=True))
