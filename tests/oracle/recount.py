# SPDX-License-Identifier: Apache-2.0
"""What a server must answer, counted the slow way: from all rows, for every question anew.

Shares nothing with the engine. Rows come per partition, in the order in which its journal has them;
what they mean is written down in src/engine/stream_state.h (which rows count), src/score/score.h
(scores and when they were reached), src/strategy/ (values) and src/metric/ (panes and labels).
"""

import collections
import math

INT_MIN = -(1 << 63)
INT_MAX = (1 << 63) - 1
FLOAT_MAX = 1.7976931348623157e308


def label(value):
    """A field as label text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value == math.floor(value) and abs(value) < 2**53:
            return str(int(value))
        for digits in (15, 16, 17):
            text = f"{value:.{digits}g}"
            if float(text) == value:
                return text
    return str(value)


# ---- which rows count ----

class Stream:
    """`definition`: times in ms. `partitions`: lists of rows in journal order."""

    def __init__(self, definition, partitions):
        self.definition = definition
        self.late = 0
        self.duplicates = 0
        self.watermarks = []
        self.accepted = []  # (partition, event_ms, row), per partition in journal order
        for partition, rows in enumerate(partitions):
            self._fold(partition, rows)

    def event_ms(self, row):
        field = self.definition.get("time")
        return row["arrived_at"] if field is None else row[field]

    def _fold(self, partition, rows):
        id_field = self.definition.get("id")
        lateness = self.definition["lateness_ms"]
        watermark = None
        seen = {}
        for row in rows:
            at = self.event_ms(row)
            if id_field is not None and self._is_remembered(seen.get(row[id_field]), watermark):
                self.duplicates += 1
                continue
            if watermark is not None and at < watermark - lateness:
                self.late += 1
                continue
            watermark = at if watermark is None else max(watermark, at)
            if id_field is not None:
                seen[row[id_field]] = at
            self.accepted.append((partition, at, row))
        self.watermarks.append(watermark)

    def _is_remembered(self, at, watermark):
        """Ids are kept for `dedupe`, and at most a quarter longer (src/engine/dedupe.c)."""
        if at is None:
            return False
        window = self.definition["dedupe_ms"]
        width = max(1, window // 4)
        return (at // width + 1) * width + window > watermark


# ---- boards ----

class Entry:
    def __init__(self):
        self.score = None
        self.reached = None
        self.latest = None

    def fold(self, strategy, value, at, is_int):
        getattr(self, "_" + strategy)(value, at, is_int)

    def _set(self, value, at, is_int):
        if self.score is None or self.score != value:
            self.score, self.reached = value, at

    def _last(self, value, at, is_int):
        if self.score is not None and at < self.latest:
            return
        self.latest = at
        self._set(value, at, is_int)

    def _sum(self, value, at, is_int):
        if self.score is None:
            self.score, self.reached = value, at
            return
        if value == 0:
            return
        low, high = (INT_MIN, INT_MAX) if is_int else (-FLOAT_MAX, FLOAT_MAX)
        self.score = min(max(self.score + value, low), high)
        self.reached = max(self.reached, at)

    _add = _sum

    def _best(self, value, at, better):
        if self.score is None or better:
            self.score, self.reached = value, at
        elif value == self.score:
            self.reached = min(self.reached, at)

    def _max(self, value, at, is_int):
        self._best(value, at, self.score is not None and value > self.score)

    def _min(self, value, at, is_int):
        self._best(value, at, self.score is not None and value < self.score)

    def _count(self, value, at, is_int):
        self.score = (self.score or 0) + 1
        self.reached = at if self.reached is None else max(self.reached, at)


class Board:
    """{segment: {member: Entry}} by `strategy` of `field`, and what one can ask of it."""

    def __init__(self, definition):
        self.order = definition.get("order", "desc")
        self.ties = definition.get("ties", "first")
        self.by = definition.get("by", [])
        self.segments = collections.defaultdict(dict)

    def fold(self, stream, member, strategy, field, is_int, since=0):
        """`since`: rows that were sent before are not counted (it was defined later)."""
        for _, at, row in stream.accepted:
            value = 1 if field is None else row.get(field)
            if value is None or row[member] is None or row["sent"] < since:
                continue
            segment = tuple(label(row.get(name)) for name in self.by)
            self.update(segment, label(row[member]), strategy, value, at, is_int)
        return self

    def update(self, segment, member, strategy, value, at, is_int):
        entry = self.segments[segment].setdefault(member, Entry())
        entry.fold(strategy, value, at, is_int)
        return entry

    def score_key(self, score):
        return -score if self.order == "desc" else score

    def key(self, member, entry):
        tie = {"first": entry.reached, "last": -entry.reached, "member": 0}[self.ties]
        return (self.score_key(entry.score), tie, member.encode())

    def ranking(self, segment):
        """[(member, score, reached)], best first."""
        entries = self.segments.get(segment, {})
        order = sorted((self.key(member, entry), member) for member, entry in entries.items())
        return [(member, entries[member].score, entries[member].reached) for _, member in order]

    @staticmethod
    def ranks(ranking, style):
        ranks = []
        dense = 0
        for position, (_, score, _) in enumerate(ranking):
            same = position > 0 and ranking[position - 1][1] == score
            if style == "ordinal":
                ranks.append(position + 1)
            elif style == "competition":
                ranks.append(ranks[-1] if same else position + 1)
            else:
                dense += not same
                ranks.append(dense)
        return ranks


# ---- metrics ----

class Cell:
    """The rows of one series in one step of time."""

    def __init__(self):
        self.rows = 0
        self.values = []  # (event_ms, value)

    def read(self, strategy, is_int):
        """(value, how far a float may be off)."""
        values = [value for _, value in self.values]
        if strategy == "count":
            return len(values), 0
        if not values:
            return None, 0
        if strategy == "min":
            return min(values), 0
        if strategy == "max":
            return max(values), 0
        if strategy == "last":
            return max(self.values)[1], 0
        total = sum(values) if is_int else math.fsum(values)
        off = 0
        if not is_int:
            # Compensated sums: an error of the result, and one of second order of all terms.
            off = 1e-12 * abs(total) + 1e-30 * len(values) * math.fsum(map(abs, values))
        if strategy == "sum":
            if is_int and not INT_MIN <= total <= INT_MAX:
                return float(total), 1e-12 * abs(total)
            return total, off
        mean = total / len(values)
        return mean, max(off / len(values), 1e-12 * abs(mean))


class Metric:
    def __init__(self, stream, definition, strategy, field, is_int, since=0):
        self.definition = definition
        self.every = definition["every_ms"]
        self.by = definition.get("by", [])
        self.strategy = strategy
        self.is_int = is_int
        self.rows = []  # (labels, pane start, event_ms, value)
        keep = definition.get("keep_ms", 0)
        for partition, at, row in stream.accepted:
            if row["sent"] < since:
                continue
            pane = at // self.every
            if keep and pane < (stream.watermarks[partition] - keep) // self.every:
                continue
            value = 1 if field is None else row.get(field)
            labels = tuple(label(row.get(name)) for name in self.by)
            self.rows.append((labels, pane * self.every, at, value))

    def latest_start(self, count, step, where):
        """Where the `count` newest steps that hold rows begin."""
        wanted = [(self.by.index(name), values) for name, values in where.items()]
        steps = {pane // step * step for labels, pane, _, _ in self.rows
                 if all(labels[i] in values for i, values in wanted)}
        return sorted(steps)[-count:][0] if steps else None

    def pane_starts(self):
        return sorted({start for _, start, _, _ in self.rows})

    def query(self, start, end, step, by, where):
        """{labels by `by`: {step start: Cell}} of the panes that start in [start, end)."""
        picked = [self.by.index(name) for name in by]
        wanted = [(self.by.index(name), values) for name, values in where.items()]
        series = collections.defaultdict(lambda: collections.defaultdict(Cell))
        for labels, pane, at, value in self.rows:
            if not start <= pane < end or any(labels[i] not in values for i, values in wanted):
                continue
            cell = series[tuple(labels[i] for i in picked)][pane // step * step]
            cell.rows += 1
            if value is not None:
                cell.values.append((at, value))
        return series

    def labels(self):
        return {name: sorted({labels[i] for labels, _, _, _ in self.rows})
                for i, name in enumerate(self.by)}
