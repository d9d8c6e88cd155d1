#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of board against a brute-force sort, over random events, removals and restarts.

    tests/oracle/seasons.py [--seed N] [--partitions 1,2,3,8]

One stream feeds all boards: every score strategy with every rule for ties, and among them all
periods (with a time zone, over a change of its clocks), orders, subscores, `by`, `keep`, `expire`
and `milestones`. Few scores and few times make masses of ties; some events are out of order, within
the lateness and beyond it. Members are removed, banned and renamed in between. All answers are
compared with standings.py on the way, after kill -9 and restart, and after SIGTERM and restart.
"""

import argparse
import json
import pathlib
import random
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import periods  # noqa: E402
import standings  # noqa: E402
import tallywheel_server  # noqa: E402
from periods import DAY, HOUR, MINUTE  # noqa: E402

SIZES = {"small": {"rows": 700, "boards": 14, "names": 16},
         "full": {"rows": 3000, "boards": 36, "names": 36}}
LATENESS = 6 * HOUR
STRATEGIES = ["last(points)", "sum(points)", "max(points)", "min(points)", "count()",
              "average(points)", "weighted_average(points, weight)", "decayed_sum(points, 10d)",
              "lua(add.lua, points)"]
TIES = ["first", "last", "member", "shared"]
PERIODS = ["none", "hourly", "daily", "weekly", "monthly", {"cron": "30 2 * * *"},
           {"cron": "*/90 5-23/6 * * 1,3,6"}, {"rolling": "12h", "pane": "1h"},
           {"rolling": "2d", "pane": "6h"}]
SUBSCORES = ["max(points)", "count()", "sum(level)", "last(level)", "min(weight)", "sum(amount)",
             "average(level)", "weighted_average(points, weight)"]
MILESTONES = {"desc": [1.5, 3.5, 7.5, 12.5], "asc": [1.5, 0.5, -1.5, -4.5]}
SCRIPT = """
function fold(state, at, value)
    state[1] = state[1] + value
    return state[1]
end
function merge(state, other)
    state[1] = state[1] + other[1]
    return state[1]
end
"""
FIELDS = {"player": "string", "points": "int", "weight": "int", "level": "int", "amount": "float",
          "region": "string", "league": "string", "at": "time"}
# The clocks of Berlin, New York and Sydney are changed in between.
SPANS = [(1742900000000, "Europe/Berlin"), (1761200000000, "Europe/Berlin"),
         (1741300000000, "America/New_York"), (1761900000000, "America/New_York"),
         (1743500000000, "Australia/Sydney"), (1759400000000, "Australia/Sydney")]
SPAN_MS = 9 * DAY
MS = {"h": HOUR, "d": DAY}


def quote(text):
    return urllib.parse.quote(text, safe="")


def near(got, wanted):
    if got is None or wanted is None or isinstance(wanted, int):
        return got == wanted and isinstance(got, int) == isinstance(wanted, int)
    return not isinstance(got, bool) and abs(got - wanted) <= 1e-9 * max(1, abs(wanted))


def duration(text):
    return int(text[:-1]) * MS[text[-1]]


class Seasons:
    def __init__(self, seed, partitions, workers, results):
        self.random = random.Random(f"seasons {seed} {partitions}")
        self.size = SIZES[tallywheel_server.size()]
        self.partitions = partitions
        self.results = results
        self.name = f"{partitions} partitions"
        self.base, self.zone = self.random.choice(SPANS)
        self.base -= self.base % MINUTE
        self.now = self.base
        self.names = [f"n{i}" for i in range(self.size["names"])] + ["Çem", "d/e ?&", "東"]
        self.spare = [f"{name}*" for name in self.names]
        self.watermarks = [None] * partitions
        self.boards = {}
        self.server = tallywheel_server.Server(settings=[
            f"partitions={partitions}", f"workers={workers}", "segment_bytes=1MiB",
            f"batch_bytes={self.random.choice(['4KiB', '64KiB'])}"])

    # ---- definitions ----

    def put(self, path, body):
        answer = self.server.put(path, body)
        self.results.check(f"{self.name}: PUT {path}", answer.status in (200, 201),
                           f"{answer} {body}")

    def _definition(self, strategy, ties, period):
        order = self.random.choice(["desc", "desc", "asc"])
        item = {"stream": "plays", "member": "player", "score": strategy, "order": order,
                "ties": ties, "period": period}
        rolls = isinstance(period, dict) and "rolling" in period
        if self.random.random() < 0.5:
            # When `last` was reached depends on what came before: in panes that is not known.
            pool = [text for text in SUBSCORES if not (rolls and text.startswith("last"))]
            item["subscores"] = [{"score": text, "order": self.random.choice(["desc", "asc"])}
                                 for text in self.random.sample(pool, self.random.randint(1, 4))]
        if self.random.random() < 0.4:
            item["by"] = self.random.choice([["region"], ["region", "league"]])
        if period != "none" and not rolls:
            item["time_zone"] = self.random.choice([self.zone, self.zone, "UTC"])
            item["keep"] = self.random.choice([0, 1, 3, 50])
        if self.random.random() < 0.3:
            item["expire"] = self.random.choice(["8h", "32h"])
        if self.random.random() < 0.35:
            item["milestones"] = MILESTONES[order]
        return item

    def define(self):
        folder = self.server.data / "scripts"
        folder.mkdir(exist_ok=True)
        (folder / "add.lua").write_text(SCRIPT, encoding="utf-8")
        self.put("/v1/streams/plays", {"fields": FIELDS, "key": "player", "time": "at",
                                       "lateness": "6h"})
        self.put("/v1/streams/places", {"fields": {"player": "string"}, "key": "player"})
        kinds = [(strategy, ties) for strategy in STRATEGIES for ties in TIES]
        self.random.shuffle(kinds)
        turn = self.random.randrange(len(PERIODS))
        for number, (strategy, ties) in enumerate(kinds[:self.size["boards"]]):
            period = PERIODS[(turn + number) % len(PERIODS)]
            if isinstance(period, dict) and "rolling" in period and strategy.startswith("last"):
                period = "daily"
            item = self._definition(strategy, ties, period)
            name = f"b{number}"
            self.put(f"/v1/boards/{name}", item)
            self.boards[name] = standings.Board(self._modelled(item), self.partitions, self.base,
                                                self.base + SPAN_MS)

    @staticmethod
    def _modelled(item):
        item = dict(item)
        if "expire" in item:
            item["expire_ms"] = duration(item["expire"])
        period = item["period"]
        if isinstance(period, dict) and "rolling" in period:
            item["period"] = {"rolling_ms": duration(period["rolling"]),
                              "pane_ms": duration(period["pane"])}
        return item

    def find_places(self):
        """Which partition a name is at home in: only a key's own partition has its rows."""
        self.homes = {}
        rows = [{"player": name} for name in self.names + self.spare]
        self.server.send("places", rows)
        for partition in range(self.partitions):
            for row in self.server.get("/v1/streams/places/events", partition=partition,
                                       limit=1000).lines():
                self.homes[row["player"]] = partition
        self.results.equal(f"{self.name}: names have a place", len(self.homes), len(rows))

    # ---- events ----

    def _row(self):
        self.now += self.random.choice([0, 0, 1, 3]) * SPAN_MS // self.size["rows"]
        at = self.now - self.random.choice([0, 0, 0, self.random.randrange(LATENESS),
                                            self.random.randrange(2 * LATENESS)
                                            if self.random.random() < 0.3 else 0])
        # Few are often there, many seldom: those expire, and leave windows.
        name = self.random.choice(self.names[:self.random.choice([6, 20, len(self.names)])])
        if self.random.random() < 0.03:
            name = self.random.choice(self.spare)
        return {"player": name, "points": self.random.choice([-2, -1, 1, 1, 2, 3]),
                "weight": self.random.choice([1, 1, 2, 3]),
                "level": self.random.choice([None, None, 1, 2, 5]),
                "amount": self.random.choice([None, 0.25, -0.5, 1.0]),
                "region": self.random.choice(["EU", "US", None]),
                "league": self.random.choice(["a", "b"]), "at": at - at % (10 * MINUTE)}

    def play(self, count):
        rows = [self._row() for _ in range(count)]
        answer = self.server.send("plays", [{key: value for key, value in row.items()
                                             if value is not None} for row in rows])
        late = 0
        for row in rows:
            partition = self.homes[row["player"]]
            watermark = self.watermarks[partition]
            if watermark is not None and row["at"] < watermark - LATENESS:
                late += 1
                continue
            self.watermarks[partition] = max(row["at"], watermark or row["at"])
            for board in self.boards.values():
                board.fold(partition, row["at"], row, LATENESS)
        report = answer.json()
        self.results.equal(f"{self.name}: rows", (report["accepted"], report["late"]),
                           (count - late, late))

    # ---- removals ----

    def _pick(self):
        name = self.random.choice(list(self.boards))
        member = self.random.choice(self.names + self.spare[:3])
        return name, self.boards[name], member, f"/v1/boards/{name}/members/{quote(member)}"

    def _told(self, what, answer, status, **wanted):
        got = answer.json() if status == 200 == answer.status else {}
        self.results.check(f"{self.name}: {what}", answer.status == status
                           and all(got.get(key) == value for key, value in wanted.items()
                                   if status == 200), f"{answer}, wanted {status} {wanted}")

    def remove(self):
        name, board, member, path = self._pick()
        labels = {"region": ["EU", "US", ""], "league": ["a", "b"]}
        wanted = {at: self.random.choice(labels[field]) for at, field in enumerate(board.by)
                  if self.random.random() < 0.5}
        query = {f"by.{board.by[at]}": label for at, label in wanted.items()}
        removed = board.hosted[self.homes[member]].remove(member, wanted)
        self._told(f"remove {member!r} from {name}",
                   self.server.delete(path + ("?" + urllib.parse.urlencode(query) if query
                                              else "")),
                   200 if removed else 404, removed=removed)

    def ban(self):
        name, board, member, path = self._pick()
        if len(board.banned) > 5 or member in board.banned:
            return
        board.banned.add(member)
        removed = board.hosted[self.homes[member]].remove(member, {})
        self._told(f"ban {member!r} from {name}", self.server.post(path + "/ban", ""), 200,
                   removed=removed)

    def unban(self):
        name, board, _, _ = self._pick()
        if not board.banned:
            return
        member = self.random.choice(sorted(board.banned))
        board.banned.discard(member)
        self._told(f"unban {member!r} from {name}",
                   self.server.delete(f"/v1/boards/{name}/members/{quote(member)}/ban"), 200)

    def rename(self):
        name, board, member, path = self._pick()
        if self.random.random() < 0.8:  # one that is likely to work
            name = self.random.choice([name for name, board in self.boards.items()
                                       if not board.rolling and not board.expire])
            board = self.boards[name]
            here = sorted({member for hosted in board.hosted if hosted.watermark is not None
                           for _, member in hosted.current().entries})
            member = self.random.choice(here or self.names)
            path = f"/v1/boards/{name}/members/{quote(member)}"
        to = self.random.choice(self.spare + self.names[:4])
        source, target = board.hosted[self.homes[member]], board.hosted[self.homes[to]]
        if member == to or source.watermark is None or (
                target.watermark is None and board.period is None):
            return
        self._told(f"rename {member!r} to {to!r} on {name}",
                   self.server.post(path + "/rename", {"to": to}),
                   self._rename(board, member, to, source, target))

    @staticmethod
    def _rename(board, member, to, source, target):
        """The status that it must have."""
        if board.rolling or board.expire:
            return 409
        season = source.current()
        mine = [segment for segment, name in season.entries if name == member]
        if not mine:
            return 404
        if target.watermark is None or season.bounds[1] <= target.watermark - LATENESS:
            return 409  # at the other name's home the season has not begun, or is over
        others = target.season(season.bounds[0]).entries
        if to in board.banned or any(name == to for _, name in others):
            return 409
        for segment in mine:
            entry = season.entries.pop((segment, member))
            entry.fired = set()  # its milestones are told by its score from now on
            others[segment, to] = entry
        return 200

    def run(self):
        left = self.size["rows"]
        stops = [left * 2 // 3, left // 3]
        changes = [self.remove, self.ban, self.unban, *[self.rename] * 4]
        while left > 0:
            count = min(left, self.random.choice([1, 3, 30, 120]))
            left -= count
            self.play(count)
            for _ in range(self.random.choice([0, 1, 6])):
                self.random.choice(changes)()
            if stops and left < stops[0]:
                stops.pop(0)
                self.check("on the way")

    # ---- questions ----

    def check(self, when):
        for name, board in self.boards.items():
            what = f"{self.name}, {when}: {name} {json.dumps(board.definition)}"
            if board.milestones:
                self._check_milestones(what, name, board)
            if board.period is None:
                self._check_season(what, name, board, -(1 << 62), {})
                continue
            self._check_list(what, name, board)
            for start in board.starts():
                self._check_season(what, name, board, start, {"season": start})
            if board.current_start() is not None:
                self._check_season(what, name, board, board.current_start(), {})
            gone = [hosted.gone for hosted in board.hosted if hosted.gone is not None]
            if gone:
                start = board.season_of(max(gone) - 1)[0]
                self.results.equal(f"{what}: a season that is gone", self.server.get(
                    f"/v1/boards/{name}/count", season=start, **self._any_by(board)).status, 404)
            self._check_histories(what, name, board)

    @staticmethod
    def _any_by(board):
        return {f"by__{field}": "x" for field in board.by}

    def _check_milestones(self, what, name, board):
        answer = self.server.get_json(f"/v1/boards/{name}/milestones", n=1000)
        got = sorted((row["milestone"], row["member"], tuple((row.get("by") or {}).values()),
                      row.get("season") or 0, row["reached_at"]) for row in answer["milestones"])
        fired = [event for hosted in board.hosted for event in hosted.fired]
        wanted = sorted((*event[:3], event[3] or 0, event[4]) for event in fired)
        if len(wanted) <= 1000:
            self.results.equal(f"{what}: milestones", got, wanted)
        else:
            self.results.equal(f"{what}: milestones", len(got), 1000)

    def _facts(self, board, start):
        end, closed, final, entries = board.facts(start, LATENESS)
        return {"season": start, "season_end": end, "closed": closed, "final": final,
                "current": start == board.current_start()}, entries

    def _check_list(self, what, name, board):
        answer = self.server.get_json(f"/v1/boards/{name}/seasons", n=1000)
        wanted = []
        for start in board.starts():
            facts, entries = self._facts(board, start)
            wanted.append({**facts, "entries": entries})
        self.results.equal(f"{what}: seasons", answer["seasons"], wanted)

    def _check_season(self, what, name, board, start, query):
        what = f"{what} season {start if board.period else None}"
        for segment in board.segments(start):
            by = {f"by__{field}": text for field, text in zip(board.by, segment)}
            ranking = board.ranking(start, segment)
            questions = [self._check_top, self._check_page, self._check_around,
                         self._check_members, self._check_among, self._check_range]
            if query and len(self.boards) > 8:
                questions = [self._check_top, self.random.choice(questions[1:])]
            for question in questions:
                question(f"{what} {segment}", f"/v1/boards/{name}", board, ranking,
                         {**query, **by}, start)

    def _style(self, board):
        style = self.random.choice([None, "ordinal", "competition", "dense"])
        return style, style or ("competition" if board.ties == "shared" else "ordinal")

    def _scores(self, board, standing, shown_at):
        return [value.shown(shown_at) if isinstance(value, standings.Decayed) else value
                for value in standing.scores]

    def _same(self, board, row, standing, shown_at):
        """Everything about a member but its place."""
        scores = self._scores(board, standing, shown_at)
        got = [row["score"], *(row.get("subscores") or [])]
        timed = not (board.rolling and "last(" in board.definition["score"])
        return (row["member"] == standing.member and len(got) == len(scores)
                and all(map(near, got, scores))
                and (not timed or row["reached_at"] == standing.reached))

    def _check_rows(self, what, board, answer, rows, ranking, given, at):
        """Rows from place `at` on, with their ranks."""
        shown_at = answer.get("shown_at")
        wanted = ranking[at:at + len(rows)]
        bad = [(row, self._scores(board, standing, shown_at), standing.member, standing.reached,
                rank)
               for row, standing, rank in zip(rows, wanted, given[at:])
               if not self._same(board, row, standing, shown_at) or row["rank"] != rank]
        self.results.check(what, len(wanted) == len(rows) and not bad, f"{bad[:2]}")

    def _check_fading(self, what, board, answer, ranking):
        """Sums that differ by nothing but rounding may stand either way."""
        shown_at = answer["shown_at"]
        places = {standing.member: standing for standing in ranking}
        rows = answer["entries"]
        self.results.equal(f"{what}: members", sorted(row["member"] for row in rows),
                           sorted(places))
        self.results.check(f"{what}: scores", all(
            self._same(board, row, places[row["member"]], shown_at) for row in rows
            if row["member"] in places), f"{rows[:3]}")
        words = [places[row["member"]].level[0][1] for row in rows if row["member"] in places]
        self.results.check(f"{what}: order", all(a <= b + 1e-9 * max(1, abs(b))
                                                 for a, b in zip(words, words[1:])), f"{words}")

    def _check_top(self, what, path, board, ranking, query, start):
        asked, style = self._style(board)
        answer = self.server.get_json(f"{path}/top", n=1000, ranks=asked, percentile="true",
                                      **query)
        head = {"size": len(ranking), "ranks": style}
        if board.period is not None:
            facts, _ = self._facts(board, start)
            head |= {key: facts[key] for key in ("season", "season_end", "final")}
        self.results.equal(f"{what}: head of {style}", {key: answer.get(key) for key in head},
                           head)
        if board.decays:
            self._check_fading(f"{what}: top", board, answer, ranking)
            return
        self._check_rows(f"{what}: top, {style}", board, answer, answer["entries"], ranking,
                         standings.ranks(ranking, style), 0)
        self.results.equal(f"{what}: length of top", len(answer["entries"]), len(ranking))
        self.results.check(f"{what}: percentiles", all(
            len(ranking) == 1 or
            abs(row["percentile"] - 100 * (len(ranking) - 1 - above) / (len(ranking) - 1)) < 1e-4
            for row, above in zip(answer["entries"], standings.above(ranking, style))))

    def _check_page(self, what, path, board, ranking, query, start):
        asked, style = self._style(board)
        offset, n = self.random.randrange(len(ranking)), self.random.choice([1, 3, 10])
        answer = self.server.get_json(f"{path}/top", n=n, offset=offset, ranks=asked, **query)
        self.results.equal(f"{what}: length of page", len(answer["entries"]),
                           min(n, len(ranking) - offset))
        if not board.decays:
            self._check_rows(f"{what}: page from {offset}, {style}", board, answer,
                             answer["entries"], ranking, standings.ranks(ranking, style), offset)

    def _check_around(self, what, path, board, ranking, query, start):
        asked, style = self._style(board)
        at, n = self.random.randrange(len(ranking)), self.random.choice([0, 2, 6])
        answer = self.server.get_json(f"{path}/around/{quote(ranking[at].member)}", n=n,
                                      ranks=asked, **query)
        if board.decays:
            self.results.check(f"{what}: around has the member", ranking[at].member in
                               [row["member"] for row in answer["entries"]], answer)
            return
        first = max(0, at - n)
        self._check_rows(f"{what}: around {ranking[at].member!r}, {style}", board, answer,
                         answer["entries"], ranking, standings.ranks(ranking, style), first)
        self.results.equal(f"{what}: length of around", len(answer["entries"]),
                           min(len(ranking), at + n + 1) - first)

    def _list(self, ranking):
        names = [self.random.choice(ranking).member for _ in range(self.random.choice([1, 8]))]
        return names + [self.random.choice(self.names), "nobody"]

    def _ask_list(self, path, kind, names, style, query):
        body = {"members": names, "ranks": style,
                **{key.replace("__", "."): str(value) for key, value in query.items()}}
        return self.server.post(f"{path}/{kind}", json.dumps(body))

    def _check_members(self, what, path, board, ranking, query, start):
        _, style = self._style(board)
        names = self._list(ranking)
        reply = self._ask_list(path, "members", names, style, query)
        if not self.results.check(f"{what}: members", reply.status == 200, reply):
            return
        answer = reply.json()
        places = {standing.member: at for at, standing in enumerate(ranking)}
        given = standings.ranks(ranking, style)
        self.results.equal(f"{what}: names of members",
                           [row["member"] for row in answer["members"]], names)
        for row in answer["members"]:
            at = places.get(row["member"])
            good = (row["rank"] is None and row["score"] is None
                    and row.get("subscores") is None) if at is None else (
                self._same(board, row, ranking[at], answer.get("shown_at"))
                and (board.decays or row["rank"] == given[at]))
            self.results.check(f"{what}: one of members, {style}", good,
                               f"{row} {at is not None and (given[at], ranking[at].scores)}")

    def _check_among(self, what, path, board, ranking, query, start):
        _, style = self._style(board)
        names = self._list(ranking)
        reply = self._ask_list(path, "among", names, style, query)
        if not self.results.check(f"{what}: among", reply.status == 200, reply) or board.decays:
            return
        answer = reply.json()
        some = [standing for standing in ranking if standing.member in names]
        self._check_rows(f"{what}: among, {style}", board, answer, answer["entries"], some,
                         standings.ranks(some, style), 0)
        overall = {standing.member: rank for standing, rank
                   in zip(ranking, standings.ranks(ranking, style))}
        self.results.equal(f"{what}: overall ranks of {style}",
                           [row["overall_rank"] for row in answer["entries"]],
                           [overall[standing.member] for standing in some])

    def _check_range(self, what, path, board, ranking, query, start):
        bounds = {}
        for low, high in (("min", "above"), ("max", "below")):
            if self.random.random() < 0.7:
                bounds[self.random.choice([low, high])] = self._bound(board, ranking)
        tests = {"min": lambda a, b: a >= b, "above": lambda a, b: a > b,
                 "max": lambda a, b: a <= b, "below": lambda a, b: a < b}
        answer = self.server.get_json(f"{path}/count", **bounds, **query)
        scores = [self._scores(board, standing, answer.get("shown_at"))[0]
                  for standing in ranking]
        if board.decays and any(abs(score - bound) <= 1e-6 * abs(bound) for score in scores
                                for bound in bounds.values()):
            return  # its shown score has fewer digits than the sum
        wanted = sum(all(tests[name](score, bound) for name, bound in bounds.items())
                     for score in scores)
        self.results.equal(f"{what}: count {bounds}", answer["count"], wanted)

    def _bound(self, board, ranking):
        value = self.random.choice(ranking).scores[0]
        if isinstance(value, standings.Decayed):
            return value.shown(int(time.time() * 1000)) * self.random.choice([0.5, 1.5])
        return value + self.random.choice([-1, 0, 0, 1])

    def _check_histories(self, what, name, board):
        starts = board.starts()
        found = [(start, segment) for start in starts for segment in board.segments(start)]
        for start, segment in self.random.sample(found, min(len(found), 3)):
            member = self.random.choice(board.ranking(start, segment)).member
            style = self.random.choice(["ordinal", "competition"])
            by = {f"by__{field}": text for field, text in zip(board.by, segment)}
            answer = self.server.get_json(f"/v1/boards/{name}/members/{quote(member)}/history",
                                          n=1000, ranks=style, **by)
            self.results.equal(f"{what}: seasons of a history",
                               [row["season"] for row in answer["seasons"]], starts)
            for row in answer["seasons"]:
                self._check_past(f"{what}: history of {member!r} {segment}", board, member,
                                 segment, style, row)

    def _check_past(self, what, board, member, segment, style, row):
        facts, _ = self._facts(board, row["season"])
        ranking = board.ranking(row["season"], segment)
        places = {standing.member: at for at, standing in enumerate(ranking)}
        at = places.get(member)
        good = row["size"] == len(ranking) and all(row[key] == value
                                                   for key, value in facts.items())
        if at is None:
            good = good and row["rank"] is None and row["score"] is None
        else:
            shown_at = min(int(time.time() * 1000), row["season_end"])
            good = good and self._same(board, {**row, "member": member}, ranking[at], shown_at)
            good = good and (board.decays or row["rank"] == standings.ranks(ranking, style)[at])
        self.results.check(what, good, f"{row}, wanted {at} of {len(ranking)}, {facts}, "
                           f"{at is not None and ranking[at].scores}")

    # ---- scores given directly ----

    def check_direct(self):
        """A board with seasons that takes scores: ranks are those of the season of the score."""
        self.put("/v1/boards/direct", {"type": "int", "period": "hourly"})
        scores = {}
        for _ in range(12):
            updates = [{"member": self.random.choice(self.names),
                        "score": self.random.randint(0, 4)} for _ in range(4)]
            updates = list({update["member"]: update for update in updates}.values())
            answer = self.server.post("/v1/boards/direct/scores?ranks=competition",
                                      updates).json()
            season = answer["results"][0].get("season")
            for update in updates:
                scores.setdefault(season, {})[update["member"]] = update["score"]
            now = scores[season]
            for row in answer["results"]:
                self.results.equal(f"{self.name}: rank of a score given directly",
                                   (row["season"] == season, row["rank"]),
                                   (True, 1 + sum(score > row["score"]
                                                  for score in now.values())))
        for season, members in scores.items():
            top = self.server.get_json("/v1/boards/direct/top", season=season, n=1000)
            self.results.equal(f"{self.name}: scores given directly",
                               {row["member"]: row["score"] for row in top["entries"]}, members)


def run(seed, partitions, results):
    oracle = Seasons(seed, partitions, 1 + partitions % 2, results)
    with oracle.server:
        oracle.define()
        oracle.find_places()
        oracle.run()
        oracle.check_direct()
        oracle.server.kill()
        oracle.server.start()
        oracle.check("after kill -9")
        oracle.play(50)
        oracle.server.stop()
        oracle.server.start()
        oracle.check("after a restart")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--partitions", default="1,2,3,8")
    arguments = parser.parse_args()
    results = tallywheel_server.Results()
    for partitions in map(int, arguments.partitions.split(",")):
        print(f"seed {arguments.seed}, partitions {partitions}", flush=True)
        began = time.monotonic()
        run(arguments.seed, partitions, results)
        print(f"{time.monotonic() - began:.1f} s", flush=True)
    results.exit()


if __name__ == "__main__":
    main()
