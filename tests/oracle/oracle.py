#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random events into a real server, and every answer against a brute-force recount.

    tests/oracle/oracle.py [--seed N] [--partitions 1,2,3,8]

For each number of partitions a server gets the same kinds of streams, metrics and boards, random
rows in random bodies, and then all questions; again after kill -9 and restart, and after SIGTERM
and restart. Rows are read back from the journal first: they must be what was sent, per partition in
that order, each key in one partition. $TALLYWHEEL_TEST_SIZE says how much: small or full.
"""

import argparse
import collections
import copy
import pathlib
import random
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import events  # noqa: E402
import recount  # noqa: E402
import tallywheel_server  # noqa: E402
from direct import check_direct_boards, define_direct_boards  # noqa: E402
from members import Members  # noqa: E402

ROWS = {"small": {"plays": 1500, "users": 700, "crowd": 2500, "pings": 100},
        "full": {"plays": 25000, "users": 12000, "crowd": 30000, "pings": 1500}}
SAMPLES = {"small": 4, "full": 25}
HTTP_PAGE_MAX = 10000


def quote(text):
    return urllib.parse.quote(text, safe="")


def same_value(got, wanted, off=0):
    """Ints exactly and as ints; floats as near as `off`, or to one part in 10^12."""
    if wanted is None or got is None or isinstance(got, bool):
        return got is wanted
    if isinstance(wanted, int) and isinstance(got, int):
        return got == wanted
    if isinstance(wanted, int):
        return False
    return abs(got - wanted) <= max(off, 1e-12 * abs(wanted))


class Oracle:
    def __init__(self, seed, partitions, workers, results):
        self.random = random.Random(f"{seed} {partitions}")
        self.size = tallywheel_server.size()
        self.partitions = partitions
        self.results = results
        self.name = f"{partitions} partitions, {workers} workers"
        self.definitions = {"streams": copy.deepcopy(events.STREAMS),
                            "metrics": events.make_metrics(), "boards": events.make_boards()}
        self.since = {}  # (kind, name) -> how many rows of its stream had been sent
        base_ms = int(time.time() * 1000) - 24 * events.HOUR
        self.generator = events.Generator(self.random, base_ms, self.definitions["streams"])
        self.sent = {name: [] for name in events.STREAMS}
        self.totals = {name: collections.Counter() for name in events.STREAMS}
        self.server = tallywheel_server.Server(settings=[
            f"partitions={partitions}", f"workers={workers}", "segment_bytes=1MiB",
            f"batch_bytes={self.random.choice(['4KiB', '16KiB', '256KiB'])}"])

    # ---- definitions and events ----

    def define(self):
        for kind, items in self.definitions.items():
            for name, item in items.items():
                self.put(kind, name, item)

    def define_late(self):
        """A new field, and metrics and boards that begin, or begin anew, with the rows to come."""
        plays = self.definitions["streams"]["plays"]
        plays["fields"]["extra"] = "int"
        self.put("streams", "plays", plays)
        self.put("metrics", "dropped", self.definitions["metrics"]["plays_count"])
        self.put("boards", "dropped", self.definitions["boards"]["plays_events"])
        for kind, items in events.make_late().items():
            for name, item in items.items():
                self.put(kind, name, item)
                self.definitions[kind][name] = item
                self.since[kind, name] = len(self.sent[item["stream"]])
            answer = self.server.delete(f"/v1/{kind}/dropped")
            self.results.check(f"DELETE {kind}/dropped", answer.status == 204, answer)

    def put(self, kind, name, item):
        answer = self.server.put(f"/v1/{kind}/{name}", events.definition(kind, item))
        self.results.check(f"PUT {kind}/{name}", answer.status in (200, 201), answer)

    def send_all(self):
        left = dict(ROWS[self.size])
        half = sum(left.values()) // 2
        while left:
            stream = self.random.choice(list(left))
            count = min(left[stream], self.random.choice([1, 1, 3, 20, 150, 700]))
            left[stream] -= count
            if left[stream] == 0:
                del left[stream]
            if half and sum(left.values()) < half:
                half = 0
                self.define_late()
            self.send(stream, [self.generator.row(stream) for _ in range(count)])

    def send(self, stream, rows):
        body, headers, bad = self.generator.body(stream, rows)
        answer = self.server.post(f"/v1/streams/{stream}/events", body, headers)
        if not self.results.check(f"{self.name}: POST {stream}", answer.status == 200, answer):
            return
        report = answer.json()
        self.sent[stream] += rows
        self.totals[stream].update(accepted=report["accepted"], late=report["late"],
                                   duplicates=report["duplicates"])
        taken = report["accepted"] + report["late"] + report["duplicates"]
        self.results.equal(f"{self.name}: rows of a body of {stream}",
                           (taken, report["rejected_count"]), (len(rows), bad))

    # ---- the journal ----

    def read_back(self):
        """{stream: rows by partition, in the order of the journal}; what was sent, exactly."""
        journal = {}
        for stream in events.STREAMS:
            journal[stream] = [self._read_partition(stream, p) for p in range(self.partitions)]
            self._check_journal(stream, journal[stream])
        return journal

    def _read_partition(self, stream, partition):
        rows = []
        start = 0
        while True:
            lines = self.server.get(f"/v1/streams/{stream}/events", partition=partition,
                                    limit=5000, **{"from": start}).lines()
            if not lines:
                return rows
            rows += [self._typed(stream, row) for row in lines]
            start = lines[-1]["offset"] + 1

    def _typed(self, stream, row):
        """A float that is whole is written like an int, and must not be counted like one."""
        for name, kind in self.definitions["streams"][stream]["fields"].items():
            if kind == "float" and row.get(name) is not None:
                row[name] = float(row[name])
        return row

    def _check_journal(self, stream, partitions):
        fields = self.definitions["streams"][stream]["fields"]
        key = events.STREAMS[stream].get("key")

        def plain(row):
            return tuple(float(row[name]) if isinstance(row.get(name), int) and kind == "float"
                         else row.get(name) for name, kind in fields.items())

        places = {}
        for partition, rows in enumerate(partitions):
            offsets = [row["offset"] for row in rows]
            self.results.check(f"{self.name}: offsets of {stream} go up",
                               offsets == sorted(set(offsets)))
            self.results.check(f"{self.name}: rows of {stream} name their partition",
                               all(row["partition"] == partition for row in rows))
            for row in rows:
                row["sent"] = 0
                places.setdefault(row[key] if key else None, set()).add(partition)
        if key:
            self.results.check(f"{self.name}: a key of {stream} is in one partition",
                               all(len(place) == 1 for place in places.values()))
            # One connection: every partition has its rows in the order in which they were sent.
            wanted = [[] for _ in partitions]
            for at, row in enumerate(self.sent[stream]):
                place = places.get(row[key])
                if place:
                    wanted[min(place)].append((at, plain(row)))
            for partition, rows in enumerate(partitions):
                self.results.check(f"{self.name}: the order of {stream} in {partition}",
                                   [plain(row) for row in rows]
                                   == [row for _, row in wanted[partition]])
                for row, (at, _) in zip(rows, wanted[partition]):
                    row["sent"] = at
        got = collections.Counter(plain(row) for rows in partitions for row in rows)
        self.results.check(f"{self.name}: the journal of {stream} is what was sent",
                           got == collections.Counter(map(plain, self.sent[stream])))

    # ---- the recount ----

    def recount(self, journal):
        self.streams = {name: recount.Stream(events.STREAMS[name], journal[name])
                        for name in events.STREAMS}
        for name, stream in self.streams.items():
            self.results.equal(f"{self.name}: outcomes of {name}", dict(self.totals[name]),
                               {"accepted": len(stream.accepted), "late": stream.late,
                                "duplicates": stream.duplicates})
        self.counted_metrics = {}
        self.counted_boards = {}
        for name, item in self.definitions["metrics"].items():
            self.counted_metrics[name] = recount.Metric(
                self.streams[item["stream"]], item, item["strategy"], item["field"],
                self._is_int(item), self.since.get(("metrics", name), 0))
        for name, item in self.definitions["boards"].items():
            self.counted_boards[name] = recount.Board(item).fold(
                self.streams[item["stream"]], item["member"], item["strategy"], item["field"],
                self._is_int(item), self.since.get(("boards", name), 0))

    def _is_int(self, item):
        field = item["field"]
        return (field is None
                or self.definitions["streams"][item["stream"]]["fields"][field] == "int")

    # ---- questions about boards ----

    def check_boards(self, when):
        for name, board in self.counted_boards.items():
            what = f"{self.name}, {when}: board {name}"
            self._check_segments(what, name, board)
            for segment in board.segments:
                self._check_ranking(f"{what} {segment}", name, board, segment)

    def _by(self, board, segment):
        return {f"by__{field}": text for field, text in zip(board.by, segment)}

    def _check_segments(self, what, name, board):
        if not board.by:
            return
        answer = self.server.get_json(f"/v1/boards/{name}/segments")
        got = {tuple(item["by"][field] for field in board.by): item["size"]
               for item in answer["segments"]}
        self.results.equal(f"{what}: segments", got,
                           {segment: len(board.segments[segment]) for segment in board.segments})

    def _check_page(self, what, answer, ranking, ranks, first):
        entries = [(entry["rank"], entry["member"], entry["score"], entry["reached_at"])
                   for entry in answer["entries"]]
        wanted = [(ranks[first + i], *ranking[first + i]) for i in range(len(entries))
                  if first + i < len(ranking)]
        self.results.equal(f"{what}: size", answer["size"], len(ranking))
        good = len(entries) == len(wanted) and all(
            got[:2] == want[:2] and got[3] == want[3] and same_value(got[2], want[2])
            for got, want in zip(entries, wanted))
        pairs = [pair for pair in zip(entries, wanted) if pair[0] != pair[1]][:3]
        self.results.check(what, good, f"{len(entries)} entries, {len(wanted)} wanted, {pairs}")
        return len(entries)

    def _check_ranking(self, what, name, board, segment):
        ranking = board.ranking(segment)
        by = self._by(board, segment)
        path = f"/v1/boards/{name}"
        for style in ("ordinal", "competition", "dense"):
            ranks = board.ranks(ranking, style)
            pages = [(0, min(len(ranking) + 5, HTTP_PAGE_MAX))]
            pages += [(self.random.randrange(len(ranking)), self.random.choice([1, 7, 100]))
                      for _ in range(SAMPLES[self.size] if len(ranking) > 2000 else 1)]
            for offset, n in pages:
                answer = self.server.get_json(f"{path}/top", n=n, offset=offset, ranks=style, **by)
                count = self._check_page(f"{what}: top {n} from {offset}, {style}", answer, ranking,
                                         ranks, offset)
                self.results.equal(f"{what}: length of top {n} from {offset}", count,
                                   max(0, min(n, len(ranking) - offset)))
            self._check_around(what, path, ranking, ranks, style, by)
        self._check_members(what, path, ranking, by)
        self._check_search(what, path, board, ranking, by)
        for style in ("ordinal", "competition", "dense"):
            self._check_lists(what, path, board, ranking, style, by)
        for _ in range(SAMPLES[self.size]):
            self._check_range(what, path, board, ranking, by)

    def _check_around(self, what, path, ranking, ranks, style, by):
        at = self.random.randrange(len(ranking))
        n = self.random.choice([0, 1, 5, 60])
        member = ranking[at][0]
        answer = self.server.get_json(f"{path}/around/{quote(member)}", n=n, ranks=style, **by)
        first = max(0, at - n)
        count = self._check_page(f"{what}: around {member!r} {n}, {style}", answer, ranking, ranks,
                                 first)
        self.results.equal(f"{what}: length of around", count,
                           min(len(ranking), at + n + 1) - first)
        self.results.equal(f"{what}: member of around", answer["member"], member)

    def _check_members(self, what, path, ranking, by):
        places = {0, len(ranking) - 1, *(self.random.randrange(len(ranking))
                                         for _ in range(SAMPLES[self.size]))}
        for at in places:
            member, score, reached = ranking[at]
            answer = self.server.get_json(f"{path}/members/{quote(member)}", ranks="ordinal", **by)
            self.results.equal(f"{what}: member {member!r}",
                               [answer[name] for name in ("member", "rank", "size", "reached_at")],
                               [member, at + 1, len(ranking), reached])
            self.results.check(f"{what}: score of {member!r}", same_value(answer["score"], score),
                               f"got {answer['score']!r}, wanted {score!r}")
            percentile = 100 * (len(ranking) - 1 - at) / max(1, len(ranking) - 1)
            self.results.check(f"{what}: percentile of {member!r}",
                               len(ranking) == 1 or abs(answer["percentile"] - percentile) <= 1e-4,
                               f"got {answer['percentile']}, wanted {percentile}")
        self.results.equal(f"{what}: nobody",
                           self.server.get(f"{path}/members/nobody%20here", **by).status, 404)

    def _names(self, ranking):
        """Some members, a few of them twice, a few unknown; mostly neighbours and ties."""
        count = self.random.choice([1, 5, 60])
        start = self.random.randrange(len(ranking))
        names = [row[0] for row in ranking[start:start + count]]
        names += [self.random.choice(ranking)[0] for _ in range(count)]
        names += ["nobody here", self.random.choice(names)]
        self.random.shuffle(names)
        return names

    def _check_lists(self, what, path, board, ranking, style, by):
        names = self._names(ranking)
        places = {row[0]: at for at, row in enumerate(ranking)}
        ranks = board.ranks(ranking, style)
        above = board.ranks(ranking, "ordinal" if style == "ordinal" else "competition")
        wanted = {}
        for name in names:
            at = places.get(name)
            wanted[name] = (None,) * 3 if at is None else (
                ranks[at], ranking[at][2],
                100 if len(ranking) == 1
                else round(100 * (len(ranking) - above[at]) / (len(ranking) - 1), 3))

        def found(row, rank):
            percentile = row["percentile"]
            return (row[rank], row["reached_at"],
                    None if percentile is None else round(percentile, 3))

        def near(got, want):
            return got[:2] == want[:2] and (got[2] == want[2] or abs(got[2] - want[2]) <= 0.002)

        asked = {"ranks": style, **{name.replace("__", "."): text for name, text in by.items()}}
        answer = self.server.post(f"{path}/members", {"members": names, **asked}).json()
        self.results.equal(f"{what}: who many members are",
                           [row["member"] for row in answer["members"]], names)
        for row in answer["members"]:
            want = wanted[row["member"]]
            at = places.get(row["member"])
            self.results.check(f"{what}: {row['member']!r} of many, {style}",
                               near(found(row, "rank"), want), f"{row}, wanted {want}")
            self.results.check(f"{what}: score of {row['member']!r}, one of many",
                               same_value(row["score"], None if at is None else ranking[at][1]))
        answer = self.server.post(f"{path}/among", {"members": names, **asked}).json()
        among = [row for row in ranking if row[0] in set(names)]
        self.results.equal(f"{what}: missing", answer["missing"], ["nobody here"])
        self.results.equal(f"{what}: among {len(names)}, {style}",
                           [(row["rank"], row["member"]) for row in answer["entries"]],
                           [(rank, row[0])
                            for rank, row in zip(board.ranks(among, style), among)])
        for row in answer["entries"]:
            self.results.check(f"{what}: {row['member']!r} among, {style}",
                               near(found(row, "overall_rank"), wanted[row["member"]]), f"{row}")

    def _check_range(self, what, path, board, ranking, by):
        """Bounds are mostly scores that somebody has, so ties lie on them."""
        low, high = sorted(self.random.choice(ranking)[1] for _ in range(2))
        low_name = self.random.choice(["min", "above", None])
        high_name = self.random.choice(["max", "below", None])
        bounds = {name: repr(value) for name, value in ((low_name, low), (high_name, high))
                  if name is not None}

        def inside(score):
            return ((low_name is None or score > low or (low_name == "min" and score == low))
                    and (high_name is None or score < high
                         or (high_name == "max" and score == high)))

        within = [at for at, row in enumerate(ranking) if inside(row[1])]
        what = f"{what}: {bounds}"
        answer = self.server.get_json(f"{path}/count", **bounds, **by)
        self.results.equal(f"{what}: count", (answer["count"], answer["size"]),
                           (len(within), len(ranking)))
        style = self.random.choice(["ordinal", "competition", "dense"])
        offset = self.random.randrange(len(within) + 2)
        n = self.random.choice([1, 7, 100])
        answer = self.server.get_json(f"{path}/top", n=n, offset=offset, ranks=style, **bounds,
                                      **by)
        first = (within[0] if within else 0) + offset
        count = self._check_page(f"{what}: page of {n} from {offset}, {style}", answer, ranking,
                                 board.ranks(ranking, style), first)
        self.results.equal(f"{what}: length of the page of {n} from {offset}", count,
                           max(0, min(n, len(within) - offset)))

    def _check_search(self, what, path, board, ranking, by):
        member = self.random.choice(ranking)[0]
        start = self.random.randrange(len(member))
        needle = member[start:start + self.random.randint(1, 4)]
        needle = self.random.choice([needle.lower(), needle.upper(), needle])
        style = self.random.choice(["ordinal", "competition"])
        ranks = board.ranks(ranking, style)
        wanted = [(ranks[at], name, score) for at, (name, score, _) in enumerate(ranking)
                  if needle.casefold() in name.casefold()]
        answer = self.server.get_json(f"{path}/members", search=needle, n=20, ranks=style, **by)
        got = [(item["rank"], item["member"], item["score"]) for item in answer["members"]]
        self.results.equal(f"{what}: search {needle!r}, {style}", got, wanted[:20])

    # ---- questions about metrics ----

    def check_metrics(self, when):
        for name, metric in self.counted_metrics.items():
            what = f"{self.name}, {when}: metric {name}"
            starts = metric.pane_starts()
            if not starts:
                continue
            answer = self.server.get_json(f"/v1/metrics/{name}/labels")
            self.results.equal(f"{what}: labels",
                               {by: sorted(texts) for by, texts in answer["labels"].items()},
                               metric.labels())
            end = starts[-1] + metric.every
            self._check_query(f"{what}: all", name, metric, starts[0], end, 1, metric.by, {})
            for _ in range(3 if self.size == "small" else 8):
                self._check_random_query(what, name, metric, starts)
                self._check_latest(what, name, metric)

    def _check_random_query(self, what, name, metric, starts):
        factor = self.random.choice([1, 2, 5, 60])
        step = metric.every * factor
        first = self.random.choice(starts) // step * step
        end = first + step * self.random.choice([1, 3, 50, 4000])
        by = [field for field in metric.by if self.random.random() < 0.5]
        where = {}
        for field, texts in metric.labels().items():
            if self.random.random() < 0.3:
                where[field] = self.random.sample(texts, min(len(texts),
                                                             self.random.choice([1, 1, 2])))
        self._check_query(f"{what}: {first}..{end} by {by} where {where}", name, metric, first, end,
                          factor, by, where)

    def _check_latest(self, what, name, metric):
        factor = self.random.choice([1, 1, 10])
        step = metric.every * factor
        count = self.random.choice([1, 2, 60, 100000])
        start = metric.latest_start(count, step, {})
        pairs = [("latest", count), ("step", f"{step}ms"), ("by", ",".join(metric.by))]
        answer = self.server.get(f"/v1/metrics/{name}?{urllib.parse.urlencode(pairs)}")
        what = f"{what}: latest {count} by {step} ms"
        if not self.results.check(what, answer.status == 200, answer):
            return
        wanted = metric.query(start, 1 << 62, step, metric.by, {})
        self._check_answer(what, metric, answer.json(), wanted, step, metric.by)

    def _check_query(self, what, name, metric, start, end, factor, by, where):
        step = metric.every * factor
        pairs = [("start", start), ("end", end), ("step", f"{step}ms"), ("by", ",".join(by))]
        pairs += [(f"where.{field}", text) for field, texts in where.items() for text in texts]
        path = f"/v1/metrics/{name}?{urllib.parse.urlencode(pairs)}"
        answer = self.server.get(path)
        if not self.results.check(what, answer.status == 200, f"{path}: {answer}"):
            return
        wanted = metric.query(start, end, step, by, where)
        self._check_answer(what, metric, answer.json(), wanted, step, by)

    def _check_answer(self, what, metric, answer, wanted, step, by):
        got = {}
        for series in answer["series"]:
            labels = tuple(series["labels"][field] for field in by)
            points = series["points"]
            self.results.check(f"{what}: {labels} stands once", labels not in got)
            self.results.check(f"{what}: {labels} in order of time",
                               [p[0] for p in points] == sorted({p[0] for p in points}))
            got[labels] = {point[0]: point for point in points}
        steps = {labels: {at: cell.read(metric.strategy, metric.is_int)
                          for at, cell in cells.items()} for labels, cells in wanted.items()}
        # A step whose rows all lack the value may be told as null or left out.
        keep = {labels for labels, cells in steps.items()
                if any(value is not None for value, _ in cells.values())}
        self.results.check(f"{what}: series", keep <= set(got) <= set(steps),
                           f"{sorted(set(got) ^ set(steps))[:6]}")
        for labels, cells in steps.items():
            points = got.get(labels, {})
            for at, (value, off) in cells.items():
                point = points.pop(at, [at, None, None])
                self.results.check(
                    f"{what}: {labels} at {at}", same_value(point[1], value, off),
                    f"got {point[1]!r}, wanted {value!r}")
                if point[2] is not None:
                    self._check_final(what, metric, point, step)
            self.results.check(f"{what}: {labels} has no other points",
                               all(point[1] is None for point in points.values()), f"{points}")

    def _check_final(self, what, metric, point, step):
        """Final: no partition with events can still take one into the step."""
        stream = self.streams[metric.definition["stream"]]
        known = [mark for mark in stream.watermarks if mark is not None]
        closed = point[0] + step <= min(known) - stream.definition["lateness_ms"]
        self.results.check(f"{what}: {point} is final or not", point[2] in ("final", "provisional"))
        if closed:
            self.results.equal(f"{what}: {point} is closed", point[2], "final")
        # A partition that has been silent for `idle` does not hold the others back.
        open_end = point[0] + step > max(known) - stream.definition["lateness_ms"]
        if open_end:
            self.results.equal(f"{what}: {point} is open", point[2], "provisional")

    # ---- all of it ----

    def check_all(self, when):
        self.recount(self.read_back())
        self.check_boards(when)
        self.check_metrics(when)
        check_direct_boards(self, when)
        self.members.check(when)
        self._check_status(when)

    def _check_status(self, when):
        status = self.server.get_json("/v1/status")
        for item in status["streams"]:
            stream = self.streams.get(item["name"])
            if stream is None:
                continue
            self.results.equal(f"{self.name}, {when}: status of {item['name']}",
                               (item["events"], item["late"], item["duplicates"]),
                               (len(stream.accepted), stream.late, stream.duplicates))

    def run(self):
        with self.server as server:
            define_direct_boards(self)
            self.members = Members(self)
            self.members.define()
            self.members.run()
            self.define()
            self.send_all()
            self.check_all("live")
            server.kill()
            server.start()
            self.check_all("after kill -9")
            server.stop()
            server.start()
            self.check_all("after SIGTERM")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--partitions", default="1,2,3,8")
    args = parser.parse_args()
    print(f"seed {args.seed}, size {tallywheel_server.size()}", flush=True)
    results = tallywheel_server.Results()
    for at, partitions in enumerate(map(int, args.partitions.split(","))):
        began = time.monotonic()
        Oracle(args.seed, partitions, min(partitions, 1 + at % 2), results).run()
        print(f"{partitions} partitions: {time.monotonic() - began:.1f} s", flush=True)
    results.exit()


if __name__ == "__main__":
    main()
