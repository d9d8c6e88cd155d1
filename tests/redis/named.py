#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Defined boards and streams by the commands of Redis, against a recount in Python.

    tests/redis/named.py --tallywheel build/release/tallywheel --partitions 3 [--seed 1] [--ops 900]

Boards with and without a stream, with segments, seasons, whole numbers and both orders are written
and read over RESP2 and RESP3, in pipelines of random commands whose replies must be those of the
recount, in order; after kill -9 all must be as before. Streams are written by XADD and read back
by XRANGE, XREVRANGE and XREAD; live topics are subscribed to.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import resp
import servers
import tallywheel_server

WEEK_MS = 7 * 86400 * 1000
BASE_MS = 1700438400000  # a Monday, midnight UTC

CONFIG = {
    "limits": {"resp_push_bytes": "512KiB"},
    "streams": {
        "plays": {
            "fields": {"player": "string", "points": "int", "region": "string", "match": "string",
                       "at": "time", "won": "bool", "weight": "float"},
            "key": "player", "time": "at", "id": "match", "lateness": "90d", "dedupe": "90d",
        },
        "raw": {"fields": {"a": "string", "n": "int"}},
    },
    "boards": {
        "direct": {"ties": "member"},
        "whole": {"type": "int", "order": "asc", "ties": "member"},
        "teams": {"by": ["region", "kind"], "ties": "member"},
        "season": {"stream": "plays", "member": "player", "score": "sum(points)",
                   "by": ["region"], "ties": "member"},
        "best": {"stream": "plays", "member": "player", "score": "max(points)", "order": "asc",
                 "ties": "member"},
        "weekly": {"stream": "plays", "member": "player", "score": "sum(points)",
                   "period": "weekly", "keep": 10, "ties": "member"},
    },
}


class Board:
    """A sorted set whose ties stand as on a board with `ties: member`."""

    def __init__(self, order="desc", whole=False):
        self.desc = order == "desc"
        self.whole = whole
        self.scores = {}

    def ascending(self):
        """Redis's order: ascending by score; from the best on, equal ones by their bytes."""
        best_first = sorted(self.scores.items(),
                            key=lambda item: (-item[1] if self.desc else item[1],
                                              item[0].encode()))
        return best_first[::-1] if self.desc else best_first

    def ordered(self, reverse=False):
        return self.ascending()[::-1] if reverse else self.ascending()

    def rank(self, member, reverse=False):
        for i, (name, _) in enumerate(self.ordered(reverse)):
            if name == member:
                return i
        return None

    def add(self, flags, pairs):
        added = changed = 0
        result = None
        for score, member in pairs:
            old = self.scores.get(member)
            new = score + (old or 0) if "INCR" in flags else score
            if (old is None and "XX" in flags) or (old is not None and "NX" in flags):
                continue
            if old is not None and (("GT" in flags and not new > old) or
                                    ("LT" in flags and not new < old)):
                continue
            self.scores[member] = new
            added += old is None
            changed += old is not None and new != old
            result = new
        if "INCR" in flags:
            return result
        return added + changed if "CH" in flags else added


def number(value):
    """A score as a reply has it."""
    if isinstance(value, (bytes, str)):
        text = value.decode() if isinstance(value, bytes) else value
        return float(text) if not text.lstrip("-").isdigit() else int(text)
    return value


def pairs_of(reply):
    if reply and isinstance(reply[0], list):
        return [(name.decode(), number(score)) for name, score in reply]
    return [(reply[i].decode(), number(reply[i + 1])) for i in range(0, len(reply), 2)]


def names_of(reply):
    return [name.decode() for name in reply]


class Test:
    def __init__(self, options):
        self.results = tallywheel_server.Results()
        self.random = random.Random(options.seed)
        self.options = options
        self.server = servers.Tallywheel(options.tallywheel, options.partitions, CONFIG)
        self.boards = {"direct": Board(), "whole": Board("asc", True),
                       "teams:EU:x": Board(), "teams:EU:y:z": Board()}
        self.fed = {"season:EU": Board(), "season:a:b@c": Board(), "best": Board("asc")}
        self.weeks = {}
        self.events = []  # (id, fields) of raw and plays, in the order of XADD
        self.equal = self.results.equal
        self.check = self.results.check

    def connect(self, protocol=2):
        client = resp.Client(self.server.address[1])
        if protocol == 3:
            client.call("HELLO", 3)
        return client

    # ---- random commands on boards without a stream ----

    def member(self):
        return f"m{self.random.randrange(60)}"

    def score(self, board):
        if board.whole:
            return self.random.choice([self.random.randrange(-20, 20),
                                       2**53 + self.random.randrange(5), -2**60 + 1])
        return self.random.choice([self.random.randrange(-20, 20), self.random.random() * 10])

    def make_write(self, key, board):
        kind = self.random.randrange(10)
        if kind == 0:
            members = [self.member() for _ in range(self.random.randrange(1, 4))]
            gone = len({m for m in members if m in board.scores})
            for member in members:
                board.scores.pop(member, None)
            return ["ZREM", key, *members], gone
        if kind == 1:
            member, score = self.member(), self.random.randrange(-3, 4)
            return ["ZINCRBY", key, score, member], board.add(["INCR"], [(score, member)])
        if kind == 2:
            return self.make_update(key, board)
        flags = self.random.choice([[], [], ["NX"], ["XX"], ["GT"], ["LT"], ["XX", "GT"], ["CH"],
                                    ["GT", "CH"], ["XX", "CH"], ["INCR"], ["INCR", "NX"],
                                    ["INCR", "XX"], ["INCR", "GT"], ["INCR", "LT"]])
        count = 1 if "INCR" in flags else self.random.randrange(1, 5)
        pairs = [(self.score(board), self.member()) for _ in range(count)]
        if "INCR" in flags and board.whole:
            pairs = [(self.random.randrange(-3, 4), self.member())]
        words = [word for score, member in pairs for word in (score, member)]
        return ["ZADD", key, *flags, *words], board.add(flags, pairs)

    def make_update(self, key, board):
        member, score = self.member(), self.score(board)
        flags = self.random.choice([[], ["REV"], ["GT", "REV"], ["XX"], ["NX", "REV"]])
        reverse = "REV" in flags
        old = board.scores.get(member)
        old_rank = board.rank(member, reverse)
        board.add(flags, [(score, member)])
        rank = board.rank(member, reverse)
        if rank is None:
            return ["TW.UPDATE", key, *flags, score, member], None
        came_from = old_rank if old is not None else len(board.scores) - 1
        return (["TW.UPDATE", key, *flags, score, member],
                {"old_score": old, "score": board.scores[member], "old_rank": old_rank,
                 "rank": rank, "passed": max(0, came_from - rank)})

    def make_read(self, key, board):
        kind = self.random.randrange(9)
        reverse = self.random.random() < 0.5
        low, high = sorted([self.random.randrange(-25, 25), self.random.randrange(-25, 25)])
        size = len(board.scores)
        if kind == 0:
            return ["ZCARD", key], size
        if kind == 1:
            count = sum(low < s <= high for s in board.scores.values())
            return ["ZCOUNT", key, f"({low}", high], count
        if kind == 2:
            members = [self.member() for _ in range(3)]
            return ["ZMSCORE", key, *members], [board.scores.get(m) for m in members]
        if kind == 3:
            member = self.member()
            return ["ZREVRANK" if reverse else "ZRANK", key, member], board.rank(member, reverse)
        if kind == 4:
            start, stop = self.random.randrange(-70, 70), self.random.randrange(-70, 70)
            wanted = self.slice(board.ordered(reverse), start, stop)
            command = ["ZREVRANGE", key, start, stop] if reverse else ["ZRANGE", key, start, stop]
            return command + ["WITHSCORES"], wanted
        if kind in (5, 6):
            offset, limit = self.random.randrange(0, 10), self.random.randrange(-1, 10)
            wanted = [item for item in board.ordered(reverse) if low <= item[1] < high][offset:]
            wanted = wanted[:limit] if limit >= 0 else wanted
            if kind == 5:
                bounds = [f"({high}", low, "REV"] if reverse else [low, f"({high}"]
                return ["ZRANGE", key, bounds[0], bounds[1], "BYSCORE", *bounds[2:], "LIMIT",
                        offset, limit, "WITHSCORES"], wanted
            words = (["ZREVRANGEBYSCORE", key, f"({high}", low] if reverse
                     else ["ZRANGEBYSCORE", key, low, f"({high}"])
            return words + ["WITHSCORES", "LIMIT", offset, limit], wanted
        if kind == 7:
            member, reach = self.member(), self.random.randrange(4)
            place = board.rank(member, reverse)
            if place is None:
                wanted = None
            else:
                around = list(enumerate(board.ordered(reverse)))
                wanted = [[i, name, score] for i, (name, score) in
                          around[max(0, place - reach):place + reach + 1]]
            return ["TW.AROUND", key, member, reach] + (["REV"] if reverse else []), wanted
        members = [self.member() for _ in range(4)]
        among = [item for item in board.ordered(reverse) if item[0] in members]
        return (["TW.AMONG", key, len(members), *members] + (["REV"] if reverse else []),
                [[i, name, score, board.rank(name, reverse)]
                 for i, (name, score) in enumerate(among)])

    @staticmethod
    def slice(items, start, stop):
        size = len(items)
        start = max(0, start + size if start < 0 else start)
        stop = stop + size if stop < 0 else min(stop, size - 1)
        return items[start:stop + 1] if start <= stop else []

    def plain(self, command, reply):
        """A reply as the recount has it."""
        name = command[0]
        if isinstance(reply, resp.Error) or reply is None:
            return reply
        if "WITHSCORES" in command:
            return pairs_of(reply)
        if name == "TW.UPDATE":
            if isinstance(reply, list):
                reply = dict(zip(reply[::2], reply[1::2]))
            return {key.decode(): number(value) for key, value in reply.items()}
        if name in ("TW.AROUND", "TW.AMONG"):
            return [[row[0], row[1].decode(), number(row[2]), *row[3:]] for row in reply]
        if name == "ZMSCORE":
            return [number(score) for score in reply]
        return number(reply)

    def random_commands(self, count):
        clients = [self.connect(2), self.connect(3)]
        for _ in range(count // 25):
            client = self.random.choice(clients)
            expected = []
            for _ in range(25):
                key, board = self.random.choice(list(self.boards.items()))
                make = self.make_write if self.random.random() < 0.5 else self.make_read
                command, wanted = make(key, board)
                client.send(*command)
                expected.append((command, wanted))
            for command, wanted in expected:
                self.equal(" ".join(map(str, command)), self.plain(command, client.read()), wanted)
        for client in clients:
            client.close()

    # ---- whole boards ----

    def whole_board(self, client, key, board):
        ordered = board.ascending()
        self.equal(f"{key} ascending", pairs_of(client.call("ZRANGE", key, 0, -1, "WITHSCORES")),
                   ordered)
        self.equal(f"{key} descending",
                   pairs_of(client.call("ZREVRANGE", key, 0, -1, "WITHSCORES")),
                   ordered[::-1])
        seen, cursor = [], "0"
        while True:
            cursor, some = client.call("ZSCAN", key, cursor, "COUNT", 7)
            seen += pairs_of(some)
            if cursor == b"0":
                break
        self.equal(f"ZSCAN {key}", sorted(seen), sorted(ordered))
        some = names_of(client.call("ZRANDMEMBER", key, 10))
        self.check(f"ZRANDMEMBER {key} 10", len(set(some)) == min(10, len(ordered)) == len(some) and
                   set(some) <= set(board.scores), some)
        some = names_of(client.call("ZRANDMEMBER", key, -30))
        self.check(f"ZRANDMEMBER {key} -30", len(some) == (30 if ordered else 0) and
                   set(some) <= set(board.scores), some)
        everyone = client.call("ZRANDMEMBER", key, 1000)
        self.equal(f"ZRANDMEMBER {key} 1000", sorted(names_of(everyone)), sorted(board.scores))

    def all_boards(self):
        for protocol in (2, 3):
            with self.connect(protocol) as client:
                for key, board in {**self.boards, **self.fed}.items():
                    self.whole_board(client, key, board)
                for start, board in self.weeks.items():
                    day = datetime.datetime.fromtimestamp(start / 1000, datetime.timezone.utc)
                    self.whole_board(client, f"weekly@{start}", board)
                    self.whole_board(client, f"weekly@{day:%Y-%m-%d}", board)
                if self.weeks:
                    self.whole_board(client, "weekly", self.weeks[max(self.weeks)])

    def keys(self):
        with self.connect() as client:
            equal = self.equal
            equal("TYPE", client.call("TYPE", "direct"), "zset")
            equal("TYPE of a stream", client.call("TYPE", "plays"), "stream")
            equal("EXISTS", client.call("EXISTS", "direct", "plays", "no such key", "whole"), 3)
            equal("TTL", client.call("TTL", "direct"), -1)
            equal("ENCODING", client.call("OBJECT", "ENCODING", "direct"), b"skiplist")
            equal("KEYS", client.call("KEYS", "*"), [])
            equal("DBSIZE", client.call("DBSIZE"), 0)
            equal("a plain key with a colon", client.call("ZADD", "direct:x", 1, "m"), 1)
            equal("another plain key", client.call("ZADD", "directx", 1, "m"), 1)
            equal("DEL of these", client.call("DEL", "direct:x", "directx"), 2)
            for words, text in (
                    (("ZADD", "season:EU", 1, "x"), "takes its scores from stream \"plays\""),
                    (("ZCARD", "season"), "its keys are season:<region>"),
                    (("ZCARD", "teams:EU"), "its keys are teams:<region>:<kind>"),
                    (("ZADD", "whole", "1.5", "x"), "no whole number"),
                    (("ZADD", "direct", "inf", "x"), "finite"),
                    (("ZADD", "direct", 1, ""), "empty"),
                    (("ZADD", "direct", 1, b"\xff"), "UTF-8"),
                    (("ZADD", "direct", "x", "m"), "not a valid float"),
                    (("ZPOPMIN", "direct"), "members leave it by ZREM"),
                    (("BZPOPMIN", "direct", 1), "members leave it by ZREM"),
                    (("ZMPOP", 1, "direct", "MIN"), "members leave it by ZREM"),
                    (("ZREMRANGEBYRANK", "direct", 0, 1), "members leave it by ZREM"),
                    (("DEL", "direct", "other"), "no plain key"),
                    (("RENAME", "direct", "other"), "no plain key"),
                    (("RENAME", "other", "direct"), "no plain key"),
                    (("EXPIRE", "direct", 10), "no plain key"),
                    (("PERSIST", "direct"), "no plain key"),
                    (("ZRANGEBYLEX", "direct", "-", "+"), "ranges by member"),
                    (("ZUNIONSTORE", "direct", 1, "other"), "nothing can be stored"),
                    (("ZRANGESTORE", "direct", "other", 0, -1), "nothing can be stored"),
                    (("COPY", "other", "direct"), "nothing can be stored"),
                    (("WATCH", "direct"), "can not be watched"),
                    (("ZCARD", "plays"), "WRONGTYPE"),
                    (("XADD", "direct", "*", "a", 1), "WRONGTYPE"),
                    (("ZADD", "weekly@2023-11-20", 1, "m"), "stream \"plays\""),
                    (("ZCARD", "weekly@tomorrow"), "season"),
                    (("ZCARD", "weekly@1999-01-04"), "keeps no season"),
                    (("XTRIM", "plays", "MAXLEN", 1), "is the journal"),
                    (("XGROUP", "CREATE", "plays", "g", "$"), "is the journal")):
                reply = client.try_call(*words)
                self.check(" ".join(map(str, words)),
                           isinstance(reply, resp.Error) and text in reply.text, reply)

    def as_sources(self):
        """A board as one of the keys of a command on plain keys."""
        with self.connect() as client:
            direct, teams = self.boards["direct"].scores, self.boards["teams:EU:x"].scores
            client.call("DEL", "plain", "result")
            plain = {f"m{i}": float(i) for i in range(0, 60, 2)}
            client.call("ZADD", "plain", *[word for m, s in plain.items() for word in (s, m)])
            union = {m: direct.get(m, 0) + 2 * plain.get(m, 0) for m in {*direct, *plain}}
            got = client.call("ZUNIONSTORE", "result", 2, "direct", "plain", "WEIGHTS", 1, 2)
            self.equal("ZUNIONSTORE", got, len(union))
            rows = dict(pairs_of(client.call("ZRANGE", "result", 0, -1, "WITHSCORES")))
            self.check("its scores", rows.keys() == union.keys() and
                       all(math.isclose(rows[m], union[m], abs_tol=1e-9) for m in union), rows)
            self.equal("ZINTERCARD", client.call("ZINTERCARD", 3, "direct", "teams:EU:x", "plain"),
                       len({*direct} & {*teams} & {*plain}))
            self.equal("ZDIFF", sorted(names_of(client.call("ZDIFF", 2, "direct", "plain"))),
                       sorted({*direct} - {*plain}))
            self.equal("ZRANGESTORE", client.call("ZRANGESTORE", "result", "direct", 0, 4),
                       min(5, len(direct)))
            self.equal("what it stored", pairs_of(client.call("ZRANGE", "result", 0, -1,
                                                              "WITHSCORES")),
                       sorted(self.boards["direct"].ascending()[:5],
                              key=lambda item: (item[1], item[0])))
            self.equal("COPY", client.call("COPY", "direct", "copied"), 1)
            self.equal("the copy", client.call("ZCARD", "copied"), len(direct))
            client.call("DEL", "plain", "result", "copied")

    def transaction(self):
        with self.connect() as client:
            client.call("ZADD", "direct", 7, "multi")
            for words in (("MULTI",), ("ZINCRBY", "direct", 3, "multi"),
                          ("ZSCORE", "direct", "multi"),
                          ("ZADD", "plain", 1, "x"), ("ZREM", "direct", "multi"),
                          ("ZSCORE", "direct", "multi"), ("EXISTS", "direct", "plain"), ("EXEC",),
                          ("DEL", "plain")):
                reply = client.call(*words)
                if words == ("EXEC",):
                    self.equal("EXEC", reply, [b"10", b"10", 1, 1, None, 2])

    # ---- streams ----

    def add_events(self, count):
        random_ = self.random
        client = self.connect()
        batch = []
        for i in range(count):
            player = f"p{random_.randrange(40)}"
            region = random_.choice(["EU", "a:b@c"])
            at = BASE_MS + random_.randrange(3 * WEEK_MS)
            points = random_.randrange(-5, 50)
            fields = {"player": player, "points": f" +0{points} " if points >= 0 else str(points),
                      "region": region, "match": f"match{len(self.events)}-{i}", "at": str(at),
                      "won": random_.choice(["yes", "F", "1"]), "weight": "1.50"}
            words = [word for item in fields.items() for word in item]
            client.send("XADD", "plays", "*", *words)
            kept = {**fields, "points": str(points), "weight": "1.5",
                    "won": "false" if fields["won"] == "F" else "true"}
            batch.append(("plays", kept))
            segment = self.fed[f"season:{region}"].scores
            segment[player] = segment.get(player, 0) + points
            best = self.fed["best"].scores
            best[player] = max(best.get(player, points), points)
            week = BASE_MS + (at - BASE_MS) // WEEK_MS * WEEK_MS
            season = self.weeks.setdefault(week, Board()).scores
            season[player] = season.get(player, 0) + points
            if i % 3 == 0:
                client.send("XADD", "raw", "*", "n", i)
                batch.append(("raw", {"n": str(i)}))
        for name, fields in batch:
            reply = client.read()
            if self.check("XADD", isinstance(reply, bytes), reply):
                self.events.append((name, tuple(map(int, reply.split(b"-"))), fields))
        last = batch[0][1]
        reply = client.try_call("XADD", "plays", "*", *[w for item in last.items() for w in item])
        self.check("a duplicate", isinstance(reply, resp.Error) and reply.code == "DUPLICATE",
                   reply)
        reply = client.try_call("XADD", "plays", "*", "player", "old", "match", f"old{count}",
                                "at", "2020-01-01")
        self.check("a late one", isinstance(reply, resp.Error) and reply.code == "LATE", reply)
        for words, text in (
                (("player", "x", "at", 1700000000, "match", "n", "points", "many"), "whole number"),
                (("player", "x", "at", "yesterday", "match", "n"), "is not a time"),
                (("player", "x", "at", 1700000000, "match", "n", "nothing", 1), "has no field"),
                (("at", 1700000000, "match", "n"), "missing field"),
                (("player", "x", "player", "y"), "twice"),
                (("player",), "wrong number of arguments")):
            reply = client.try_call("XADD", "plays", "*", *words)
            self.check(f"XADD {words}", isinstance(reply, resp.Error) and text in reply.text, reply)
        self.equal("XADD to nothing", client.call("XADD", "none", "NOMKSTREAM", "*", "a", 1), None)
        client.close()

    @staticmethod
    def event(row):
        """(id, fields) of a row of a reply."""
        name, words = row
        words = [word.decode() for word in words]
        return tuple(map(int, name.split(b"-"))), dict(zip(words[::2], words[1::2]))

    def known(self, stream):
        return sorted((number_, fields) for name, number_, fields in self.events if name == stream)

    def read_streams(self):
        client = self.connect()
        for stream in ("plays", "raw"):
            known = self.known(stream)
            ids = [number_ for number_, _ in known]
            self.check(f"ids of {stream} are unique", len(set(ids)) == len(ids))
            self.equal(f"XLEN {stream}", client.call("XLEN", stream), len(known))
            rows = [self.event(row) for row in client.call("XRANGE", stream, "-", "+")]
            # Duplicates and late events are in the journal as well.
            rows = [row for row in rows if row[0] in set(ids)]
            self.equal(f"XRANGE {stream}", rows, known)
            back = [self.event(row) for row in client.call("XREVRANGE", stream, "+", "-")]
            self.equal(f"XREVRANGE {stream}", [row for row in back if row[0] in set(ids)],
                       known[::-1])
            low, high = sorted(self.random.sample(range(len(known)), 2))
            text = ["%d-%d" % ids[low], "%d-%d" % ids[high]]
            rows = [self.event(row) for row in client.call("XRANGE", stream, *text)]
            self.equal("a range", [row for row in rows if row[0] in set(ids)],
                       known[low:high + 1])
            rows = [self.event(row) for row in client.call("XRANGE", stream, "(" + text[0], "+",
                                                           "COUNT", 5)]
            self.check("behind an id", len(rows) <= 5 and rows == sorted(rows, key=lambda r: r[0])
                       and all(row[0] > ids[low] for row in rows), rows)
            self.equal(f"XREAD of {stream}, piece by piece",
                       [row for row in self.follow(client, stream) if row[0] in set(ids)], known)
        self.equal("XREAD at the end", client.call("XREAD", "STREAMS", "plays", "raw", "$", "$"),
                   None)
        self.equal("XRANGE of nothing", client.call("XRANGE", "none", "-", "+"), [])
        client.close()

    def follow(self, client, stream):
        rows, last = [], "0"
        while True:
            reply = client.call("XREAD", "COUNT", 7, "STREAMS", stream, last)
            if reply is None:
                return rows
            self.equal("XREAD's shape", (len(reply), reply[0][0]), (1, stream.encode()))
            rows += [self.event(row) for row in reply[0][1]]
            last = "%d-%d" % rows[-1][0]

    def block(self):
        reader, writer = self.connect(3), self.connect()
        reader.send("XREAD", "BLOCK", 20000, "STREAMS", "raw", "plays", "$", "$")
        began = time.monotonic()
        while b"blocked_clients:1\r" not in writer.call("INFO", "clients"):
            if not self.check("it blocks", time.monotonic() - began < 10):
                break
            time.sleep(0.005)
        got = []
        # The reader may begin to wait only after the first event was there: it is sent again.
        done = threading.Event()

        def read():
            got.append(reader.read())
            done.set()

        thread = threading.Thread(target=read)
        thread.start()
        while not done.is_set():
            reply = writer.call("XADD", "raw", "*", "n", 12345)
            self.events.append(("raw", tuple(map(int, reply.split(b"-"))), {"n": "12345"}))
            done.wait(0.05)
        thread.join()
        rows = [self.event(row) for row in got[0][b"raw"]]
        self.check("XREAD BLOCK", set(got[0]) == {b"raw"} and
                   all(row in self.known("raw") for row in rows), got)
        # Nobody misses anything who goes on with the last id while others write.
        self.read_while_writing(writer, reader)
        began = time.monotonic()
        self.equal("XREAD BLOCK in vain", reader.call("XREAD", "BLOCK", 60, "STREAMS", "raw", "$"),
                   None)
        self.check("it waited", time.monotonic() - began >= 0.05)
        reader.send("XREAD", "BLOCK", 0, "STREAMS", "raw", "$")
        reader.close()  # who leaves while it waits leaves nothing behind
        writer.close()

    def read_while_writing(self, writer, reader):
        last = writer.call("XADD", "raw", "*", "n", 0)
        self.events.append(("raw", tuple(map(int, last.split(b"-"))), {"n": "0"}))
        # Of that millisecond others may still come, with smaller ids.
        last = b"%d-%d" % (self.events[-1][1][0] - 1, 2**64 - 1)
        before = {number_ for name, number_, _ in self.events if name == "raw"}
        count = 600
        writers = [self.connect() for _ in range(3)]
        lists = [[], [], []]

        def write(client, mine):
            for i in range(count // 3):
                mine.append((tuple(map(int, client.call("XADD", "raw", "*", "n", i).split(b"-"))),
                             {"n": str(i)}))

        threads = [threading.Thread(target=write, args=pair) for pair in zip(writers, lists)]
        for thread in threads:
            thread.start()
        rows = []
        while len({row[0] for row in rows} - before) < count:
            reply = reader.call("XREAD", "BLOCK", 10000, "STREAMS", "raw", last)
            if not self.check("rows keep coming", reply is not None, len(rows)):
                break
            rows += [self.event(row) for row in reply[b"raw"]]
            last = b"%d-%d" % rows[-1][0]
        for thread in threads:
            thread.join()
        written = sorted((row for mine in lists for row in mine), key=lambda row: row[0])
        ids = {row[0] for row in written}
        self.equal("a reader beside three writers", [row for row in rows if row[0] in ids], written)
        self.events += [("raw", number_, fields) for number_, fields in written]
        for client in writers:
            client.close()

    # ---- live topics ----

    def topics(self):
        for protocol in (2, 3):
            channel = "tw:boards/direct/top?n=3"
            with self.connect(protocol) as watcher, self.connect() as writer:
                watcher.send("SUBSCRIBE", channel)
                self.equal("SUBSCRIBE", list(watcher.read()), [b"subscribe", channel.encode(), 1])
                message = watcher.read()
                first = json.loads(message[2])
                self.equal("the message", message[:2], [b"message", channel.encode()])
                self.equal("a snapshot first", first["event"], "snapshot")
                top = self.boards["direct"].ordered(True)[:3]
                self.equal("its entries", [(row["member"], row["score"])
                                           for row in first["answer"]["entries"]], top)
                writer.call("ZADD", "direct", 1000 + protocol, "leader")
                change = json.loads(watcher.read()[2])
                self.equal("then a change", change["event"], "change")
                self.check("with the leader", any(row["member"] == "leader" and
                                                  row["score"] == 1000 + protocol
                                                  for row in change["changed"]), change)
                reply = writer.try_call("PUBLISH", channel, "x")
                self.check("PUBLISH", isinstance(reply, resp.Error), reply)
                watcher.send("UNSUBSCRIBE", channel)
                while True:  # a change may have been on its way
                    reply = watcher.read()
                    if reply[0] == b"unsubscribe":
                        break
                writer.call("ZREM", "direct", "leader")
                self.equal("PING after it", watcher.call("PING"), "PONG")
                watcher.send("SUBSCRIBE", "tw:boards/nothing/top")
                watcher.read()
                error = json.loads(watcher.read()[2])
                self.equal("a topic that is none", error["event"], "error")

    def slow_watcher(self):
        """Who does not read misses messages, and is neither cut off nor waited for."""
        watcher = resp.Client(self.server.address[1])
        watcher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        channels = [f"tw:boards/direct/top?n=100&offset={i}" for i in range(150)]
        watcher.send("SUBSCRIBE", *channels)
        writer = self.connect()
        board = self.boards["direct"]
        end = time.monotonic() + 30
        gaps = 0
        for _ in range(40):
            pairs = [(self.random.random() * 100, f"m{i}") for i in range(60)]
            self.equal("others go on", writer.call(
                "ZADD", "direct", *[word for pair in pairs for word in pair]),
                       board.add([], pairs))
            time.sleep(0.05)  # about half a tick: there is something new on each
        board.add([], [(12345, "last")])
        writer.call("ZADD", "direct", 12345, "last")
        watcher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        tops = {}
        while time.monotonic() < end and (gaps == 0 or tops.get(channels[0]) != "last"):
            message = watcher.read()
            if message[0] != b"message":
                continue
            told = json.loads(message[2])
            gaps += told["event"] == "gap"
            for row in told.get("answer", {}).get("entries", []) + told.get("changed", []):
                if row["rank"] == 1:
                    tops[message[1].decode()] = row["member"]
        self.check("a slow client is told of a gap", gaps > 0)
        self.equal("and of how things are then", tops.get(channels[0]), "last")
        writer.close()
        watcher.close()

    def run(self):
        ops = self.options.ops
        self.keys()
        self.random_commands(ops // 2)
        self.add_events(ops // 5)
        self.all_boards()
        self.read_streams()
        self.as_sources()
        self.transaction()
        self.server.kill()
        self.server.start()
        self.all_boards()
        self.read_streams()
        self.random_commands(ops // 2)
        self.add_events(ops // 10)
        self.block()
        self.read_streams()
        self.topics()
        self.slow_watcher()
        self.server.kill()
        self.server.start()
        self.all_boards()
        self.read_streams()
        self.server.check()
        self.server.close()
        self.results.exit()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tallywheel", default=os.environ.get("TALLYWHEEL"))
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ops", type=int,
                        default=1500 if tallywheel_server.size() == "full" else 500)
    Test(parser.parse_args()).run()


if __name__ == "__main__":
    main()
