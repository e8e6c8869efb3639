"""Makes docs/liveness.svg and the table in docs/liveness.md anew. Run `python docs/liveness_picture.py`."""

from __future__ import annotations

from math import log10
from pathlib import Path
from xml.sax.saxutils import escape

from leadline.bench.liveness import FEEDS, LEARNED, Judged, Sample, compare

PICTURE = Path(__file__).with_suffix("").with_name("liveness.svg")
PAGE = Path(__file__).with_name("liveness.md")
TABLE_BEGINS, TABLE_ENDS = "<!-- table -->\n", "<!-- end of table -->"

PANEL_W, PANEL_H = 330, 220
LEFT, TOP, GAP_X, GAP_Y = 62, 96, 46, 84
WIDTH = LEFT + 2 * PANEL_W + GAP_X + 24
HEIGHT = TOP + 2 * PANEL_H + GAP_Y + 70
LONGEST_S = 60.0
LEAST_H, MOST_H = 1.0, 2000.0
NONE_W = 48  # the column of those without any
LINE_H = 15

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 } .feed { font-weight: 600 } .faint { fill: #57606a }
  .paper { fill: #ffffff } .plot { fill: #f6f8fa; stroke: #d0d7de } .grid { stroke: #d0d7de; stroke-width: 1 }
  .fixed { fill: #57606a; stroke: #57606a } .learned { fill: #0969da; stroke: #0969da }
  polyline.front { fill: none; stroke-width: 1.5; stroke-dasharray: 3 4 }
  .span { stroke-width: 3; stroke-linecap: round } text.fixed, text.learned { stroke: none }
  text.learned { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9198a1 }
    .paper { fill: #0d1117 } .plot { fill: #151b23; stroke: #3d444d } .grid { stroke: #3d444d }
    .fixed { fill: #9198a1; stroke: #9198a1 } .learned { fill: #4493f8; stroke: #4493f8 }
  }
"""


def main() -> None:
    """Run the comparison, draw it, and write its figures."""
    judged = compare()
    PICTURE.write_text(drawn(judged), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(TABLE_BEGINS)
    after = rest.split(TABLE_ENDS)[1]
    PAGE.write_text(before + TABLE_BEGINS + table(judged) + TABLE_ENDS + after, encoding="utf-8")


def table(judged: list[Judged]) -> str:
    """The figures as Markdown."""
    titles = ("feed", "rule", "asked in vain, an hour", "alarms without REST, an hour")
    lines = [
        f"| {' | '.join(titles)} | dead: p50 / p99 s | failing: p50 / p99 s |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for one in judged:
        lines.append(
            f"| {one.feed} | {one.rule} | {one.questions_h:.2f} | {one.alarms_h:.2f}"
            f" | {one.dead_p50_s:.1f} / {one.dead_p99_s:.1f}"
            f" | {one.failing_p50_s:+.1f} / {one.failing_p99_s:+.1f} |"
        )
    return "\n".join(lines) + "\n"


def drawn(judged: list[Judged]) -> str:
    """The picture: a panel for each feed, its rules by what they cost and how late they are."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>Detection delay against false suspicions, learned bound and fixed time-outs</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 32, "How late a dead stream is found, and what that costs while it lives", "title"),
        _text(
            LEFT, 54, "dot: median, bar: to the 99th percentile of 200 deaths; lower left is better", "faint"
        ),
    ]
    for number, feed in enumerate(FEEDS):
        left = LEFT + number % 2 * (PANEL_W + GAP_X)
        top = TOP + number // 2 * (PANEL_H + GAP_Y)
        parts += _panel(feed, [one for one in judged if one.feed == feed.name], left, top)
    middle = LEFT + PANEL_W + GAP_X / 2
    parts.append(
        _text(
            middle,
            HEIGHT - 18,
            "suspicions of a living stream, an hour: each asks REST once",
            "faint",
            "middle",
        )
    )
    axis_y = TOP + PANEL_H + GAP_Y / 2
    parts.append(
        f'<text class="faint" text-anchor="middle" transform="translate(20 {axis_y}) rotate(-90)">'
        "seconds from the first message lost until REST says so</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _panel(feed: Sample, judged: list[Judged], left: float, top: float) -> list[str]:
    parts = [
        f'<rect class="plot" x="{left}" y="{top}" width="{PANEL_W}" height="{PANEL_H}"/>',
        _text(left, top - 10, feed.name, "feed"),
        _text(left + PANEL_W, top - 10, feed.words, "faint", "end"),
    ]
    for seconds in (0, 15, 30, 45, 60):
        y = _y(seconds, top)
        if 0 < seconds < LONGEST_S:
            parts.append(f'<path class="grid" d="M{left} {y:.1f}h{PANEL_W}"/>')
        parts.append(_text(left - 8, y + 4, str(seconds), "faint", "end"))
    for questions_h, label in ((0, "0"), (1, "1"), (10, "10"), (100, "100"), (1000, "1000")):
        x = _x(questions_h, left)
        if questions_h:
            parts.append(f'<path class="grid" d="M{x:.1f} {top}v{PANEL_H}"/>')
        parts.append(_text(x, top + PANEL_H + 18, label, "faint", "middle"))
    fixed = [one for one in judged if one.rule != LEARNED]
    points = " ".join(f"{_x(one.questions_h, left):.1f},{_y(one.dead_p50_s, top):.1f}" for one in fixed)
    parts.append(f'<polyline class="fixed front" points="{points}"/>')
    highest_y = top + PANEL_H + LINE_H  # labels from the lowest up, none over another
    for one in sorted(judged, key=lambda one: one.dead_p50_s):
        label_y = min(_y(one.dead_p50_s, top) + 5, highest_y - LINE_H)
        parts += _mark(one, left, top, label_y)
        highest_y = label_y
    return parts


def _mark(one: Judged, left: float, top: float, label_y: float) -> list[str]:
    kind = "learned" if one.rule == LEARNED else "fixed"
    x = _x(one.questions_h, left)
    middle_y, highest_y = _y(one.dead_p50_s, top), _y(one.dead_p99_s, top)
    label_x, anchor = (
        (x - 11, "end") if one.questions_h > LEAST_H and kind == "learned" else (x + 11, "start")
    )
    return [
        f'<path class="span {kind}" d="M{x:.1f} {middle_y:.1f}V{highest_y:.1f}"/>',
        f'<circle class="{kind}" cx="{x:.1f}" cy="{middle_y:.1f}" r="5"/>',
        _text(label_x, label_y, one.rule, kind, anchor),
    ]


def _x(questions_h: float, left: float) -> float:
    if questions_h < LEAST_H:
        return left + NONE_W / 2
    share = log10(questions_h / LEAST_H) / log10(MOST_H / LEAST_H)
    return left + NONE_W + share * (PANEL_W - NONE_W)


def _y(seconds: float, top: float) -> float:
    return top + PANEL_H * (1 - min(seconds, LONGEST_S) / LONGEST_S)


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


if __name__ == "__main__":
    main()
