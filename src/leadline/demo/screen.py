"""The demo for a terminal: two venues, the faults, the totals, drawn four times a second."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from leadline.app.system import System
from leadline.core.book import BookView
from leadline.demo.incidents import Incident
from leadline.demo.readers import Row
from leadline.demo.result import Result
from leadline.demo.script import SYMBOLS
from leadline.demo.side import Side
from leadline.demo.standing import Standing
from leadline.demo.words import MEANING, Announced, difference, duration, levels_spent, price_line, span_us
from leadline.engine.topic_state import State, TopicState
from leadline.model.level import Level
from leadline.model.market import Channel
from leadline.model.market import Level as BookLevel
from leadline.model.reading import UNVALIDATED, Reading, Source

if TYPE_CHECKING:
    from leadline.demo.run import Demo

WIDEST = 118
_ROOMY = 114
"""From this width on trades and bars are shown beside the book."""

_OTHER_LINES = 30
"""What the screen takes besides the lines of the faults."""

_OTHER_LINES_LOW = 22
"""The same where there is no room for rules and for all of the totals."""

_PLACES = {symbol.partition("/")[0]: place for place, symbol in enumerate(SYMBOLS)}

_LEVEL_STYLE = {
    Level.FULL: "green",
    Level.DEGRADED: "yellow",
    Level.EMERGENCY_ONLY: "red",
    Level.OUTAGE: "bold red",
}
_FAULTS_WITH_RULES = 3
_LEAST_FAULTS = 2
_STATE_WORDS = {State.ACKED_NO_DATA: "no data", State.ACKED_QUIET: "quiet", State.WANTED: "not acked"}
_SOURCE_STYLE = {Source.STREAM: "green", Source.REST: "yellow", Source.CACHE: "yellow"}


class Screen:
    """A view that takes the whole terminal while the demo runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._demo: Demo | None = None
        self._live = Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def opened(self, demo: Demo) -> None:
        self._demo = demo
        self._live.start()

    def told(self, incident: Incident) -> None:
        """The next drawing shows it."""

    def news(self, event: Announced, side: Side) -> None:
        """The next drawing shows it."""

    def redraw(self) -> None:
        assert self._demo is not None, "drawn before the demo"
        self._live.update(picture(self._demo, self._console.width, self._console.height), refresh=True)

    def closed(self) -> None:
        self._live.stop()


def picture(demo: Demo, width: int, height: int) -> RenderableType:
    """Everything as it stands now, in so much room."""
    tall = height >= _OTHER_LINES + _FAULTS_WITH_RULES
    room = height - (_OTHER_LINES if tall else _OTHER_LINES_LOW)
    line = [Rule(style="dim")] if tall else []
    stage = Table.grid()
    stage.add_column(width=min(WIDEST, width))
    for part in (
        _head(demo),
        *(_level(side) for side in demo.sides),
        *line,
        _market(demo, roomy=width >= _ROOMY),
        Text(price_line(demo.price.report()), "bold", no_wrap=True, overflow="ellipsis"),
        *line,
        faults(demo.incidents.all, max(_LEAST_FAULTS, room), demo.first.system.clock.mono_ns()),
        *line,
        totals(demo, demo.result(), whole=tall),
    ):
        stage.add_row(part)
    return Group(Text(""), stage) if tall else stage


def _head(demo: Demo) -> RenderableType:
    elapsed_s = min(demo.elapsed_s, demo.seconds)
    head = Table.grid(expand=True)
    head.add_column(ratio=1)
    head.add_column(justify="right", width=34)
    title = Text.assemble(("leadline demo", "bold"), ("  Kraken and Binance, both local", "dim"))
    passed = Table.grid(padding=(0, 1, 0, 0))
    passed.add_row(
        ProgressBar(demo.seconds, elapsed_s, width=18, complete_style="cyan", finished_style="cyan"),
        Text(f"{elapsed_s:.0f} of {demo.seconds:.0f} s"),
    )
    title.no_wrap, title.overflow = True, "ellipsis"
    head.add_row(title, passed)
    return head


def _level(side: Side) -> Text:
    """The service level of one venue as a whole, and beneath it why, where there is a why."""
    system = side.system
    level, lines = system.level, system.lines.lines
    up = sum(line.connected for line in lines)
    text = Text.assemble((f"{side.name:8}", "bold"), "  ")
    text.append(f"● {up} of {len(lines)} lines", "green" if up == len(lines) else "yellow" if up else "red")
    text.append("  ")
    text.append(level.name, f"bold {_LEVEL_STYLE[level]}")
    text.append(f"  {MEANING[level]}")
    if reasons := _reasons(system, up):
        text.append(f"\n{'':10}{reasons}", "dim")
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _reasons(system: System, up: int) -> str:
    found = [(one.divergence, one.pattern) for one in system.feed.validator.open]
    differences = (difference(one.symbol, one.what, one.ours, one.theirs, name) for one, name in found)
    line = [] if up else [system.feed.stats.line]
    return "; ".join([*line, *differences, *system.levels.reasons])


# --- the market ---


def _market(demo: Demo, *, roomy: bool) -> Table:
    """A row for each symbol and venue, those of one thing beneath each other."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", expand=True)
    table.add_column("", style="dim", no_wrap=True, min_width=7)
    table.add_column("", style="bold", no_wrap=True, min_width=13)
    for name in ("bid", "ask"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True, width=6)
    table.add_column("proof", no_wrap=True, width=11)
    table.add_column("confidence" if roomy else "conf", justify="right", no_wrap=True)
    table.add_column("level", no_wrap=True, width=14)
    for name in ("age", "trades", "last trade") if roomy else ():
        table.add_column(name, justify="right", no_wrap=True)
    rows = [row for side in demo.sides for row in _rows(side)]
    for _, cells in sorted(rows, key=lambda row: row[0]):
        table.add_row(*(cells if roomy else cells[:-3]))
    return table


def _rows(side: Side) -> Iterator[tuple[int, list[RenderableType]]]:
    """The rows of one venue, each with the place of what it is about."""
    topics = {
        topic.subscription.symbol: topic
        for topic in side.system.feed.stats.topics
        if topic.subscription.channel is Channel.BOOK
    }
    reference = side.system.market.reference
    for standing in side.standings():
        row, instrument = side.readers.rows[standing.symbol], reference.instrument(standing.symbol)
        cells = _cells(row, topics.get(row.symbol), standing, instrument.price_precision)
        yield _PLACES.get(instrument.base, len(_PLACES)), cells


def _cells(row: Row, topic: TopicState | None, standing: Standing, decimals: int) -> list[RenderableType]:
    book = row.book
    bid = book.value.best_bid if book else None
    ask = book.value.best_ask if book else None
    return [
        standing.venue,
        row.symbol,
        Text(_price(bid.price if bid else None, decimals), "green"),
        Text(_price(ask.price if ask else None, decimals), "red"),
        _source(book, bid),
        _proof(book, bid, topic),
        Text(f"{standing.confidence:.2f}", "red" if standing.confidence < UNVALIDATED else ""),
        Text(standing.level.name, _LEVEL_STYLE[standing.level]),
        _age(book),
        f"{row.trades:,}",
        _price(row.last, decimals),
    ]


def _source(book: Reading[BookView] | None, bid: BookLevel | None) -> Text:
    if book is None or bid is None:
        return Text("–", "dim")
    return Text(book.source.value, _SOURCE_STYLE.get(book.source, ""))


def _proof(book: Reading[BookView] | None, bid: BookLevel | None, topic: TopicState | None) -> Text:
    if book is None or bid is None:
        reason = _STATE_WORDS.get(topic.state, topic.state.value) if topic else "not read yet"
        return Text(f"✗ {reason}", "bold red")
    if book.verified:
        return Text(f"✓ {book.value.verified_depth} levels", "green")
    return Text("○ unproven", "yellow")


def _age(book: Reading[BookView] | None) -> Text:
    if book is None:
        return Text("–", "dim")
    age_s = book.age_s
    return Text(duration(age_s * 1000), "red" if age_s > book.bound_s else "")


def _price(price: Decimal | None, decimals: int) -> str:
    """In the instrument's own decimals, because REST appends zeros."""
    return "–" if price is None else f"{price:.{decimals}f}"


# --- the faults ---


def faults(incidents: list[Incident], most: int, now_ns: int | None = None) -> Table:
    """The latest faults, oldest first: what was done, when it was noticed, when all was live again."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("fault", no_wrap=True, width=11)
    table.add_column("what is done to the venue", no_wrap=True, ratio=1)
    table.add_column("noticed after", justify="right", no_wrap=True, width=13)
    table.add_column("all live again", justify="right", no_wrap=True, width=14)
    if not incidents:
        table.add_row("", Text("none yet: this is what a calm market looks like", "dim"), "", "")
    for incident in incidents[-most:]:
        over = incident.recovered_ms is not None
        style = "" if over else "bold"
        table.add_row(
            Text(incident.step.kind, "cyan" if over else "bold yellow"),
            Text(incident.step.what, style),
            _noticed(incident, now_ns),
            _recovered(incident, now_ns),
        )
    return table


def _noticed(incident: Incident, now_ns: int | None) -> Text:
    if incident.detected_ms is not None:
        return Text(duration(incident.detected_ms))
    if incident.without_effect:
        return Text("harmless", "dim")
    return _waiting(incident, now_ns)


def _recovered(incident: Incident, now_ns: int | None) -> Text:
    if incident.recovered_ms is None:
        return _waiting(incident, now_ns)
    return Text(f"✓ {duration(incident.recovered_ms)}", "green")


def _waiting(incident: Incident, now_ns: int | None) -> Text:
    if now_ns is None:
        return Text("not yet", "bold red")
    return Text(f"… {duration((now_ns - incident.since_ns) / 1e6)}", "yellow")


# --- the totals ---


def totals(demo: Demo, result: Result, *, whole: bool = True) -> Table:
    """The counts so far; not `whole`, the two that matter most."""
    verdicts = demo.venue.verdicts
    wrong = Text(f"{verdicts.wrong:,} wrong", "bold red" if verdicts.wrong else "bold green")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=8)
    table.add_column(no_wrap=True)
    table.add_row("levels", levels_spent(demo.first, demo.elapsed_s))
    table.add_row(
        "judged",
        Text.assemble(f"{verdicts.compared:,} values held against the venues' own history, ", wrong),
    )
    if whole:
        for name, words in _counts(result):
            table.add_row(name, words)
    return table


def _counts(result: Result) -> Iterator[tuple[str, str]]:
    for one, proof in zip(result.venues, ("checksum", "the chain of changes"), strict=True):
        books = one.books
        words = f"{books.updates:,} book messages, {books.proven:,} proven by {proof}"
        yield one.venue, f"{words}, {books.wrong} failed it; {books.rebuilt} rebuilt"
    readings, latency = result.readings, result.latency_us
    told = f"{readings.stream:,} from the stream, {readings.rest:,} from REST, {readings.cache:,} from cache"
    changes = f"{result.failover.count} failovers, {result.switches.count} switches of line"
    yield "readings", f"{told}; {changes}, {result.gaps} gaps"
    took = "–"
    if latency.p50 is not None and latency.p99 is not None:
        took = f"{span_us(latency.p50)} at the median, {span_us(latency.p99)} at p99"
    yield "latency", f"{took}, from a frame to its first subscriber; {result.frames:,} frames"
