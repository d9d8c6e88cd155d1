# SPDX-License-Identifier: Apache-2.0
"""Random events for the oracle: streams, metrics, boards, rows, and bodies to send them in."""

import datetime
import gzip
import json

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# Durations are in ms here; definition() writes them as the API wants them.
STREAMS = {
    "plays": {
        "fields": {"player": "string", "n": "int", "x": "float", "region": "string",
                   "level": "int", "vip": "bool", "w": "float", "match": "string", "at": "time"},
        "key": "player", "time": "at", "id": "match", "dedupe_ms": 5 * MINUTE,
        "lateness_ms": 20 * SECOND,
    },
    "users": {
        "fields": {"user": "int", "n": "int", "x": "float", "country": "string", "at": "time"},
        "key": "user", "time": "at", "lateness_ms": 0,
    },
    "crowd": {
        "fields": {"player": "string", "n": "int", "x": "float", "team": "string", "at": "time"},
        "key": "player", "time": "at", "lateness_ms": 24 * HOUR,
    },
    "pings": {
        "fields": {"host": "string", "n": "int", "x": "float", "up": "bool"},
        "lateness_ms": 30 * SECOND,
    },
}

STRATEGIES = ["count", "sum", "avg", "min", "max", "last"]


def call(strategy, field):
    return f"{strategy}({field or ''})"


def make_metrics():
    metrics = {}

    def add(name, stream, strategy, field, by, every_ms, keep_ms=0):
        metrics[name] = {"stream": stream, "strategy": strategy, "field": field, "by": by,
                         "every_ms": every_ms, "keep_ms": keep_ms}

    shapes = [([], SECOND), (["region"], 10 * SECOND), (["region", "level"], MINUTE),
              (["vip"], 7 * SECOND), (["w", "region"], MINUTE), (["level"], 100)]
    add("plays_count", "plays", "count", None, ["region"], SECOND)
    for at, strategy in enumerate(STRATEGIES):
        for offset, field in enumerate(("n", "x")):
            by, every_ms = shapes[(at * 2 + offset) % len(shapes)]
            add(f"plays_{strategy}_{field}", "plays", strategy, field, by, every_ms)
            add(f"users_{strategy}_{field}", "users", strategy, field,
                ["country"] if offset else [], HOUR if at % 2 else 30 * SECOND)
    add("plays_kept", "plays", "sum", "n", ["region"], 5 * SECOND, keep_ms=3 * MINUTE)
    add("plays_by_player", "plays", "max", "x", ["player", "vip"], 5 * MINUTE)
    add("plays_regions", "plays", "count", "region", [], 10 * SECOND)
    add("crowd_count", "crowd", "count", None, ["team"], HOUR)
    add("crowd_mean", "crowd", "avg", "x", [], HOUR)
    add("pings_count", "pings", "count", "up", ["host", "up"], SECOND)
    add("pings_last", "pings", "last", "n", ["host"], SECOND)
    return metrics


def make_boards():
    boards = {}
    orders = [("desc", "first"), ("asc", "last"), ("desc", "member"), ("asc", "first"),
              ("desc", "last"), ("asc", "member")]

    def add(name, stream, member, strategy, field, by, at):
        order, ties = orders[at % len(orders)]
        boards[name] = {"stream": stream, "member": member, "strategy": strategy, "field": field,
                        "by": by, "order": order, "ties": ties}

    for at, strategy in enumerate(["last", "sum", "max", "min"]):
        add(f"plays_{strategy}_n", "plays", "player", strategy, "n", [], at)
        add(f"plays_{strategy}_x", "plays", "player", strategy, "x", ["region"], at + 2)
        add(f"users_{strategy}_n", "users", "user", strategy, "n", ["country"], at + 1)
    add("plays_events", "plays", "player", "count", None, ["region", "vip"], 4)
    add("plays_levels", "plays", "player", "last", "n", ["level", "w"], 0)
    add("crowd_last", "crowd", "player", "last", "n", [], 0)
    add("crowd_team", "crowd", "player", "sum", "x", ["team"], 2)
    return boards


def make_late():
    """What is defined, or defined anew, when half of the rows are there: it begins with the rest.
    """
    return {
        "metrics": {
            "late_sum": {"stream": "plays", "strategy": "sum", "field": "n", "by": ["region"],
                         "every_ms": 10 * SECOND, "keep_ms": 0},
            "late_extra": {"stream": "plays", "strategy": "max", "field": "extra", "by": ["level"],
                           "every_ms": MINUTE, "keep_ms": 0},
            "plays_count": {"stream": "plays", "strategy": "count", "field": None, "by": ["vip"],
                            "every_ms": 2 * SECOND, "keep_ms": 0},
        },
        "boards": {
            "late_board": {"stream": "plays", "member": "player", "strategy": "sum", "field": "x",
                           "by": [], "order": "desc", "ties": "first"},
            "late_extra": {"stream": "plays", "member": "player", "strategy": "min",
                           "field": "extra", "by": ["region"], "order": "asc", "ties": "last"},
            "plays_events": {"stream": "plays", "member": "player", "strategy": "count",
                             "field": None, "by": [], "order": "asc", "ties": "member"},
        },
    }


def definition(kind, item):
    """As the API takes it."""
    if kind == "streams":
        result = {name: item[name] for name in ("fields", "key", "time", "id") if name in item}
        result["lateness"] = f"{item['lateness_ms']}ms"
        if "id" in item:
            result["dedupe"] = f"{item['dedupe_ms']}ms"
        return result
    if kind == "metrics":
        result = {"stream": item["stream"], "value": call(item["strategy"], item["field"]),
                  "by": item["by"], "every": f"{item['every_ms']}ms"}
        if item["keep_ms"]:
            result["keep"] = f"{item['keep_ms']}ms"
        return result
    return {"stream": item["stream"], "member": item["member"],
            "score": call(item["strategy"], item["field"]), "order": item["order"],
            "ties": item["ties"], "by": item["by"]}


# ---- rows ----

REGIONS = ["EU", "US", "ASIA", "", "a b/c", "Å\"\\n'", "東京"]
HUGE_INTS = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63) + 1, 2**62, -(2**62)]
HUGE_FLOATS = [1e300, -1e300, 1e-300, 2.0**53 + 2, 5e-324, 123456789.123456789]


class Generator:
    """`random` decides everything. `streams` may get more fields while it is used."""

    def __init__(self, random, base_ms, streams):
        self.random = random
        self.streams = streams
        self.base_ms = base_ms
        self.made = {name: 0 for name in STREAMS}
        self.recent_ids = []

    def integer(self):
        kind = self.random.random()
        if kind < 0.04:
            return self.random.choice(HUGE_INTS)
        if kind < 0.5:
            return self.random.randint(-5, 20)
        return self.random.randint(-100000, 100000)

    def real(self):
        kind = self.random.random()
        if kind < 0.02:
            return self.random.choice(HUGE_FLOATS)
        if kind < 0.1:
            return 0.0
        if kind < 0.4:
            return self.random.randint(-40, 40) / 4
        return self.random.uniform(-1000, 1000)

    def maybe(self, value, absent=0.08):
        return None if self.random.random() < absent else value

    def row(self, stream):
        index = self.made[stream]
        self.made[stream] += 1
        row = getattr(self, "_" + stream)(index)
        if "extra" in self.streams[stream]["fields"]:
            row["extra"] = self.maybe(self.integer(), 0.3)
        return row

    def _at(self, index, step_ms, lateness_ms):
        """Time goes on; some rows are behind, a few beyond the lateness."""
        at = self.base_ms + index * step_ms
        kind = self.random.random()
        if kind < 0.4:
            at -= self.random.randint(0, max(lateness_ms, 1) // 2)
        elif kind < 0.45:
            at -= self.random.randint(0, lateness_ms * 2 + 200)
        return at

    def _plays(self, index):
        if self.recent_ids and self.random.random() < 0.05:
            match = self.random.choice(self.recent_ids)
            # The same event again meets the one before only with the same key.
            at = self._at(index, 60, 20 * SECOND)
            return {**match, "at": self.random.choice([match["at"], match["at"] + 5, at])}
        row = {
            "player": f"p{int(self.random.paretovariate(0.8)) % 400}",
            "n": self.maybe(self.integer()), "x": self.maybe(self.real()),
            "region": self.maybe(self.random.choice(REGIONS)),
            "level": self.maybe(self.random.randint(-1, 3)),
            "vip": self.maybe(self.random.random() < 0.3, 0.2),
            "w": self.maybe(self.random.choice([0.5, -1.25, 3.0, 1e21])),
            "match": f"m{index}", "at": self._at(index, 60, 20 * SECOND),
        }
        self.recent_ids.append(row)
        if len(self.recent_ids) > 200:
            self.recent_ids.pop(self.random.randrange(100))
        return row

    def _users(self, index):
        return {"user": self.random.choice([-1, 0, 2**53 + 1, *range(1, 150)]),
                "n": self.maybe(self.integer()), "x": self.maybe(self.real()),
                "country": self.maybe(self.random.choice(["NO", "IN", "US"])),
                "at": self._at(index, 200, 0)}

    def _crowd(self, index):
        return {"player": f"{self.random.choice('ÄBCdé')} player {self.random.randrange(12000)}",
                "n": self.random.randint(0, 300), "x": self.random.randint(-8, 8) / 8,
                "team": self.random.choice("rgb"), "at": self._at(index, 100, HOUR)}

    def _pings(self, index):
        return {"host": self.maybe(f"h{self.random.randrange(5)}"), "n": self.maybe(index),
                "x": self.maybe(self.real()), "up": self.maybe(self.random.random() < 0.9)}

    # ---- as text ----

    def time_text(self, at):
        kind = self.random.randrange(7)
        if kind == 0:
            return f'"{self.rfc3339(at)}"'
        if kind == 1:
            return f"{at // 1000}.{at % 1000:03d}"
        if kind == 2:
            return str(at * 1000 + self.random.randrange(1000))
        if kind == 3:
            return str(at * 1000000 + self.random.randrange(1000000))
        if kind == 4:
            return f'"{at}"'
        return str(at)

    def rfc3339(self, at):
        hours = self.random.choice([0, 2, -5])
        zone = datetime.timezone(datetime.timedelta(hours=hours))
        moment = datetime.datetime.fromtimestamp(at // 1000, zone)
        offset = "Z" if hours == 0 else f"{'+' if hours > 0 else '-'}{abs(hours):02d}:00"
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}" + offset

    def text(self, stream, row):
        """The row as one JSON object on one line: fields in any order, null or left out."""
        fields = self.streams[stream]["fields"]
        parts = []
        for name, value in row.items():
            if value is None and self.random.random() < 0.5:
                continue
            if value is not None and fields[name] == "time":
                text = self.time_text(value)
            elif fields[name] == "int" and value is not None and self.random.random() < 0.05:
                text = f"{value}.0" if abs(value) < 2**53 else str(value)
            else:
                text = json.dumps(value, ensure_ascii=self.random.random() < 0.5)
            parts.append(f'"{name}":{text}')
        if self.random.random() < 0.1:
            parts.append('"unknown":{"a":[1,{"b":null}],"c":"}"}')
        if self.random.random() < 0.3:
            self.random.shuffle(parts)
        return "{" + ",".join(parts) + "}"

    def bad_text(self):
        return self.random.choice(["{", "[1]", '{"n":1,}', "nonsense", '{"n":"x"}', "17"])

    def body(self, stream, rows):
        """(body, headers, how many bad rows are in it): one of the forms that the API takes."""
        lines = [self.text(stream, row) for row in rows]
        bad = 0
        headers = {}
        form = self.random.randrange(4)
        if form == 0 and lines:
            body = "[" + ",\n".join(lines) + "]"
            headers["Content-Type"] = "application/json"
        elif form == 1 and len(lines) == 1:
            body = lines[0].replace("{", "{\n", 1)
        else:
            if self.random.random() < 0.2:
                bad = self.random.randint(1, 3)
                for _ in range(bad):
                    lines.insert(self.random.randint(0, len(lines)), self.bad_text())
            ending = self.random.choice(["\n", "\r\n"])
            body = ending.join(lines) + self.random.choice(["", ending])
            headers["Content-Type"] = "application/x-ndjson"
        body = body.encode()
        if self.random.random() < 0.25:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        return body, headers, bad
