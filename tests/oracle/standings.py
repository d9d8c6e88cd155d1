# SPDX-License-Identifier: Apache-2.0
"""What boards must say, counted the slow way: every entry keeps all its rows and is scored anew.

Shares nothing with the engine. What is right is written down in src/score/score.h (scores and when
they were reached), src/rank/rank_key.h (the order), src/engine/board_seasons.h, rolling.h,
member_expiry.h and milestones.h (time). A board is modelled for each partition by itself, as it
sees its rows; what is asked of all partitions is put together at the end.
"""

import functools

import periods

UNTIMED = ("member", "shared")
REFERENCE_MS = 1_760_000_000_000  # near the times of all rows: decayed sums are compared as of it


# ---- scores ----

def _latest(rows):
    return max(at for at, _ in rows)


def score_last(rows, _):
    score = reached = latest = None
    for at, values in rows:
        if latest is not None and at < latest:
            continue
        latest = at
        if score is None or values[0] != score:
            score, reached = values[0], at
    return score, reached


def score_sum(rows, _):
    moved = [(at, values) for index, (at, values) in enumerate(rows) if index == 0 or values[0]]
    return sum(values[0] for _, values in rows), _latest(moved)


def _best(rows, best):
    return best, min(at for at, values in rows if values[0] == best)


def score_max(rows, _):
    return _best(rows, max(values[0] for _, values in rows))


def score_min(rows, _):
    return _best(rows, min(values[0] for _, values in rows))


def score_count(rows, _):
    return len(rows), _latest(rows)


def score_average(rows, _):
    return sum(values[0] for _, values in rows) / len(rows), _latest(rows)


def score_weighted_average(rows, _):
    # All weights of the test are above 0.
    weights = sum(values[1] for _, values in rows)
    return sum(values[0] * values[1] for _, values in rows) / weights, _latest(rows)


def score_decayed_sum(rows, half_life):
    """As of 1970 in units of the latest event, so that what is compared stays near 1."""
    latest = _latest(rows)
    return (Decayed(sum(values[0] * 2.0 ** ((at - latest) / half_life) for at, values in rows),
                    latest, half_life),
            _latest([(at, values) for index, (at, values) in enumerate(rows)
                     if index == 0 or values[0]]))


def score_lua(rows, _):
    """The script of the test: a sum of values that are not 0."""
    return float(sum(values[0] for _, values in rows)), _latest(rows)


class Decayed:
    """A decayed sum at a time."""

    def __init__(self, value, at, half_life):
        self.value, self.at, self.half_life = value, at, half_life

    def shown(self, at):
        return self.value * 2.0 ** ((self.at - at) / self.half_life)


class Score:
    """A call such as sum(points), of fields of a row."""

    def __init__(self, text, order):
        name, _, inside = text.rstrip(")").partition("(")
        arguments = [part.strip() for part in inside.split(",") if part.strip()]
        self.text = text
        self.order = order
        self.name = name
        self.half_life = None
        if name == "decayed_sum":
            self.half_life = int(arguments.pop().rstrip("d")) * periods.DAY
        if name == "lua":
            arguments.pop(0)
        self.fields = arguments
        self.function = globals()["score_" + name]

    def has(self, row):
        return all(row.get(field) is not None for field in self.fields)

    def of(self, rows):
        """(score, reached) of [(at, row)], or None if no row has the fields."""
        mine = [(at, [row[field] for field in self.fields]) for at, row in rows if self.has(row)]
        return self.function(mine, self.half_life) if mine else None


# ---- one partition ----

class Entry:
    def __init__(self):
        self.rows = []
        self.fired = set()
        self.bucket = None
        self.cached = None


class Season:
    def __init__(self, bounds):
        self.bounds = bounds
        self.closed = False
        self.entries = {}  # (segment, member) -> Entry


class Hosted:
    """A board on one partition."""

    def __init__(self, board):
        self.board = board
        self.watermark = None
        self.seasons = {}  # by start
        self.gone = None
        self.fired = []  # of all time: (milestone, member, segment, season start, at)

    def current(self):
        if self.watermark is None:
            return None
        return self.seasons[self.board.season_of(self.watermark)[0]]

    def season(self, at):
        bounds = self.board.season_of(at)
        return self.seasons.setdefault(bounds[0], Season(bounds))

    def _expire(self, season, watermark):
        if not self.board.expire or season.closed:
            return
        width = self.board.expire // 64
        now = min(watermark, season.bounds[1] - 1) // width
        for key, entry in list(season.entries.items()):
            if now - entry.bucket > 64:
                del season.entries[key]

    def _roll(self, season):
        if not self.board.rolling:
            return
        start = self.board.window_start(self.watermark)
        for key, entry in list(season.entries.items()):
            kept = [row for row in entry.rows if row[0] >= start]
            if len(kept) != len(entry.rows):
                entry.rows, entry.cached = kept, None
            if not kept:
                del season.entries[key]

    def _move(self, at, lateness):
        """The watermark, and what it does before the row is folded."""
        if self.watermark is not None and at <= self.watermark:
            return
        self.watermark = at
        self.season(at)
        for season in self.seasons.values():
            self._expire(season, at)
            self._roll(season)
        self._close(lateness)

    def _close(self, lateness):
        if self.board.period is None:
            return
        for season in self.seasons.values():
            season.closed = season.closed or self.watermark >= season.bounds[1] + lateness
        closed = sorted(start for start, season in self.seasons.items() if season.closed)
        for start in closed[:max(0, len(closed) - self.board.keep)]:
            end = self.seasons.pop(start).bounds[1]
            self.gone = end if self.gone is None else max(self.gone, end)

    def fold(self, at, row, lateness):
        self._move(at, lateness)
        if self.board.rolling and at < self.board.window_start(self.watermark):
            return
        season = self.season(at)
        member = row["player"]
        if not self.board.scores[0].has(row):
            return
        segment = tuple(row.get(field) or "" for field in self.board.by)
        entry = season.entries.setdefault((segment, member), Entry())
        before = self.board.reached_milestones(entry, at) if entry.rows else 0
        entry.rows.append((at, row))
        entry.cached = None
        if self.board.expire:
            width = self.board.expire // 64
            now = min(self.watermark, season.bounds[1] - 1) // width
            bucket = max(at // width, now - 64)
            entry.bucket = bucket if entry.bucket is None else max(bucket, entry.bucket)
        if self.board.milestones:
            self._fire(season, segment, member, entry, before, at)

    def _fire(self, season, segment, member, entry, before, at):
        first = 0 if self.board.every_row else before
        for index in range(first, self.board.reached_milestones(entry, at)):
            if index not in entry.fired:
                entry.fired.add(index)
                self.fired.append((self.board.milestones[index], member, segment,
                                   season.bounds[0] if self.board.period else None, at))

    def remove(self, member, wanted):
        """`wanted`: {position among `by`: label}. From all seasons that are not closed."""
        removed = 0
        for season in self.seasons.values():
            if season.closed:
                continue
            for segment, name in list(season.entries):
                if name == member and all(segment[at] == text for at, text in wanted.items()):
                    del season.entries[segment, name]
                    removed += 1
        return removed


# ---- a board over all partitions ----

class Standing:
    """A row of an answer. `key` is what it is ordered by, but for decayed sums."""

    def __init__(self, board, member, scores, reached):
        self.member = member
        self.scores = scores
        self.reached = reached
        self.level = tuple(self._word(score, value)
                           for score, value in zip(board.scores, scores))
        time = 0 if board.ties in UNTIMED else reached if board.ties == "first" else -reached
        self.key = (self.level, time, member.encode())

    @staticmethod
    def _word(score, value):
        """Smaller is better; one without a value is the worst."""
        if value is None:
            return (1, 0)
        if isinstance(value, Decayed):
            value = value.shown(REFERENCE_MS)
        return (0, -value if score.order == "desc" else value)


class Board:
    def __init__(self, definition, partitions, from_ms, to_ms):
        self.definition = definition
        self.ties = definition["ties"]
        self.by = definition.get("by", [])
        self.keep = definition.get("keep", 10)
        self.expire = definition.get("expire_ms", 0)
        self.milestones = definition.get("milestones", [])
        self.scores = [Score(definition["score"], definition["order"])]
        self.scores += [Score(item["score"], item["order"])
                        for item in definition.get("subscores", [])]
        period = definition.get("period", "none")
        self.rolling = period["rolling_ms"] if isinstance(period, dict) and "pane_ms" in period \
            else None
        self.pane = period["pane_ms"] if self.rolling else None
        self.period = None
        if period != "none" and not self.rolling:
            self.period = periods.Period(period, definition.get("time_zone"), from_ms, to_ms)
        self.every_row = self.rolling is not None or self.decays
        self.hosted = [Hosted(self) for _ in range(partitions)]
        self.banned = set()

    @property
    def decays(self):
        return any(score.half_life for score in self.scores)

    @functools.lru_cache(maxsize=100_000)
    def season_of(self, at):
        return self.period.season(at) if self.period else (-(1 << 62), 1 << 62)

    def window_start(self, watermark):
        return watermark // self.pane * self.pane - self.rolling + self.pane

    def fold(self, partition, at, row, lateness):
        if row["player"] not in self.banned:
            self.hosted[partition].fold(at, row, lateness)

    def scored(self, entry):
        """([score, subscores…], reached)"""
        if entry.cached is None:
            found = [score.of(entry.rows) for score in self.scores]
            entry.cached = ([None if item is None else item[0] for item in found],
                            max(item[1] for item in found if item is not None))
        return entry.cached

    def reached_milestones(self, entry, at):
        value = self.scored(entry)[0][0]
        if isinstance(value, Decayed):
            value = value.shown(at)
        desc = self.scores[0].order == "desc"
        count = 0
        while count < len(self.milestones) and (value >= self.milestones[count] if desc
                                                else value <= self.milestones[count]):
            count += 1
        return count

    # ---- what all partitions say together ----

    def starts(self):
        """Seasons that can be read, newest first."""
        gone = [hosted.gone for hosted in self.hosted if hosted.gone is not None]
        starts = {start for hosted in self.hosted for start in hosted.seasons}
        return sorted((start for start in starts if not gone or start >= max(gone)), reverse=True)

    def current_start(self):
        starts = [hosted.current().bounds[0] for hosted in self.hosted
                  if hosted.watermark is not None]
        return max(starts) if starts else None

    def facts(self, start, lateness):
        """(end, closed, final, entries)"""
        here = [hosted.seasons[start] for hosted in self.hosted if start in hosted.seasons]
        end = here[0].bounds[1]
        closed = all(season.closed for season in here)
        final = closed and all(start in hosted.seasons or
                               (hosted.watermark is not None and hosted.watermark >= end + lateness)
                               for hosted in self.hosted)
        return end, closed, final, sum(len(season.entries) for season in here)

    def segments(self, start):
        return sorted({segment for hosted in self.hosted if start in hosted.seasons
                       for segment, _ in hosted.seasons[start].entries})

    def ranking(self, start, segment):
        """Standings, best first."""
        found = []
        for hosted in self.hosted:
            if start not in hosted.seasons:
                continue
            for (where, member), entry in hosted.seasons[start].entries.items():
                if where == segment:
                    found.append(Standing(self, member, *self.scored(entry)))
        return sorted(found, key=lambda standing: standing.key)


def ranks(ranking, style):
    given = []
    for at, standing in enumerate(ranking):
        if style == "ordinal" or at == 0:
            given.append(at + 1)
        elif standing.level == ranking[at - 1].level:
            given.append(given[-1])
        else:
            given.append(given[-1] + 1 if style == "dense" else at + 1)
    return given


def above(ranking, style):
    """How many members stand above, for a percentile."""
    return [rank - 1 for rank in ranks(ranking, "ordinal" if style == "ordinal"
                                       else "competition")]
