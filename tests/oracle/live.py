#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a watcher has put together from a snapshot and changes must be what a GET answers.

    tests/oracle/live.py [--seed N]

Watches boards, members and metrics over server-sent events and over WebSocket while random events
come in; breaks connections off and comes back with the id of the last message; restarts the server
under them. Whenever it is quiet, the puzzle of each topic is compared with a fresh answer.

Topics that tell what happens are followed too: from the whole board as it was in a quiet moment,
each update must name the score and the rank that the member had in the copy, and the rank that it
gets once all updates of its message are put in.
"""

import argparse
import base64
import json
import os
import pathlib
import random
import socket
import struct
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from tallywheel_server import Results, Server, size  # noqa: E402

CONFIG = {
    "streams": {"s": {"fields": {"who": "string", "n": "int", "place": "string", "at": "time"},
                      "key": "who", "time": "at", "lateness": "1h"}},
    "metrics": {"m": {"stream": "s", "value": "sum(n)", "every": "1s", "by": ["place"]}},
    "boards": {"b": {"stream": "s", "member": "who", "score": "sum(n)"},
               "p": {"stream": "s", "member": "who", "score": "last(n)", "by": ["place"],
                     "order": "asc"}, "d": {"type": "int"}},
}
TOPICS = [
    "boards/b/top?n=10", "boards/b/top?n=5&offset=7&ranks=dense", "boards/p/top?n=8&by.place=x%20y",
    "boards/b/members/w1", "boards/b/around/w2?n=3", "boards/b/members/absent%2Fone",
    "metrics/m?latest=5", "metrics/m?by=&where.place=z&start=-1h", "boards/d/top",
    "boards/p/segments",
]
UPDATES = {"boards/b/updates": "boards/b/top?n=1000",
           "boards/b/updates?limit=500": "boards/b/top?n=1000",
           "boards/p/updates?by.place=x%20y": "boards/p/top?n=1000&by.place=x%20y"}
CHANGES = {"boards/b/changes?n=5": "boards/b/top?n=5",
           "boards/p/changes?n=3&by.place=z": "boards/p/top?n=3&by.place=z"}
ROUNDS = {"small": 6, "full": 25}
QUIET_SECONDS = 0.35
PATIENCE_SECONDS = 8


class Puzzle:
    """One topic: the answer as the messages have made it."""

    def __init__(self):
        self.answer = None
        self.error = None
        self.snapshots = 0

    def take(self, message):
        kind = message["event"]
        if kind == "snapshot":
            self.answer, self.error = message["answer"], None
            self.snapshots += 1
        elif kind == "error":
            self.answer, self.error = None, message["error"]["code"]
        elif kind == "change":
            self.change(message)

    def change(self, message):
        if "answer" in message:
            self.answer, self.error = message["answer"], None
            return
        name = next(name for name in ("entries", "members", "segments", "series")
                    if name in self.answer)
        for key, value in message.items():
            if key not in ("id", "event", "topic", "at", "changed", "removed"):
                self.answer[key] = value
        if name == "series":
            self._change_series(message["changed"])
            return

        def key_of(row):
            return json.dumps(row.get("member", row.get("by")), sort_keys=True)

        table = {key_of(row): row for row in self.answer[name]}
        for key in message.get("removed", []):
            table.pop(json.dumps(key, sort_keys=True), None)
        for row in message["changed"]:
            table[key_of(row)] = row
        # Of equal ranks (dense, competition) the order is the answer's own, which is not told.
        self.answer[name] = sorted(table.values(), key=lambda row: (row.get("rank", 0),
                                                                    key_of(row)))

    def _change_series(self, changed):
        for series in changed:
            for known in self.answer["series"]:
                if known["labels"] == series["labels"]:
                    break
            else:
                known = {"labels": series["labels"], "points": []}
                self.answer["series"].append(known)
            points = {point[0]: point for point in known["points"]}
            points.update({point[0]: point for point in series["points"]})
            known["points"] = [points[at] for at in sorted(points)]


class Updates:
    """A copy of a board, to which updates are put; None until it is known."""

    def __init__(self, topic):
        self.ascending = topic.startswith("boards/p/")
        self.copy = None
        self.wrong = []
        self.count = 0

    def ranks(self):
        order = sorted(self.copy, key=lambda member: (
            self.copy[member][0] if self.ascending else -self.copy[member][0],
            self.copy[member][1], member.encode()))
        return {member: rank for rank, member in enumerate(order, 1)}

    def take(self, message):
        if message["event"] in ("snapshot", "gap"):
            self.copy = None
        if message["event"] != "change" or self.copy is None:
            return
        before = self.ranks()
        for row in message["updates"]:
            member = row["member"]
            score, _ = self.copy.get(member, (None, None))
            if (row["old_score"], row["old_rank"]) != (score, before.get(member)):
                self.wrong.append((row, score, before.get(member)))
            self.copy[member] = (row["score"], row["reached_at"])
        after = self.ranks()
        self.wrong += [(row, after[row["member"]]) for row in message["updates"]
                       if row["rank"] != after[row["member"]]]
        self.wrong += [message] * (message["omitted"] != 0 or message["lost"]
                                   or message["size"] != len(after))
        self.count += len(message["updates"])

    def agrees(self, answer):
        entries = {row["member"]: (row["score"], row["reached_at"]) for row in answer["entries"]}
        if self.copy is None:
            self.copy = entries
        return self.copy == entries


class Changes:
    """Who is among the first, from who entered and who left."""

    def __init__(self, topic):
        self.n = int(topic.partition("?n=")[2][0])
        self.members = None
        self.wrong = []
        self.count = 0

    def take(self, message):
        if message["event"] == "snapshot":
            self.members = {row["member"] for row in message["answer"]["entries"]}
        if message["event"] != "change":
            return
        for row in message["left"]:
            if row["member"] not in self.members or row["rank"] <= self.n < row["old_rank"]:
                self.wrong.append((row, self.members))
            self.members.discard(row["member"])
        for row in message["entered"]:
            if row["member"] in self.members or row["rank"] > self.n:
                self.wrong.append((row, self.members))
            self.members.add(row["member"])
        self.count += 1

    def agrees(self, answer):
        return self.members == {row["member"] for row in answer["entries"]}


def comparable(answer):
    """Without the order among rows that share a rank, and of series."""
    answer = dict(answer)
    for name in ("entries", "members", "segments"):
        if name in answer:
            answer[name] = sorted(answer[name], key=lambda row: (
                row.get("rank", 0), json.dumps(row.get("member", row.get("by")), sort_keys=True)))
    return answer


def same(puzzle, answer):
    if "series" not in answer:
        return comparable(puzzle) == comparable(answer)
    known = {json.dumps(series["labels"], sort_keys=True): {p[0]: p for p in series["points"]}
             for series in puzzle["series"]}
    # Older points of a sliding window may still be known; none may be missing or differ.
    return all(known.get(json.dumps(series["labels"], sort_keys=True), {}).get(point[0]) == point
               for series in answer["series"] for point in series["points"])


class Watcher:
    def __init__(self, server, topics):
        self.server = server
        self.stories = {topic: Updates(topic) for topic in topics if topic in UPDATES}
        self.stories.update({topic: Changes(topic) for topic in topics if topic in CHANGES})
        self.topics = topics
        self.puzzles = {topic: Puzzle() for topic in topics if topic not in self.stories}
        self.last_id = None
        self.gaps = 0
        self.connection = None
        self.buffer = b""

    def query(self):
        return "&".join("topic=" + urllib.parse.quote(topic, safe="") for topic in self.topics)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def pump(self, seconds):
        """Takes what comes within a time. False: the connection has ended."""
        end = time.monotonic() + seconds
        for message in self.messages():  # what came with the handshake
            self.take(message)
        while time.monotonic() < end:
            self.connection.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self.connection.recv(1 << 16)
            except socket.timeout:
                return True
            except OSError:
                return False
            if not more:
                return False
            self.buffer += more
            for message in self.messages():
                self.take(message)
        return True

    def take(self, message):
        if message.get("id"):
            self.last_id = message["id"]
        # A topic that got its first answer meanwhile begins anew, and there is no other way.
        puzzle = self.puzzles.get(message.get("topic"))
        if message["event"] == "gap" and (puzzle is None or puzzle.answer is not None):
            self.gaps += 1
        if message.get("topic") in self.puzzles:
            self.puzzles[message["topic"]].take(message)
        if message.get("topic") in self.stories:
            self.stories[message["topic"]].take(message)


class SseWatcher(Watcher):
    kind = "SSE"

    def open(self):
        resume = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        self.connection = self.server.socket()
        self.connection.sendall(f"GET /v1/live?{self.query()} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                f"Accept: text/event-stream\r\n{resume}\r\n".encode())
        self.buffer = b""
        self.head = None
        self.body = b""

    def messages(self):
        if self.head is None:
            self.head, sep, rest = self.buffer.partition(b"\r\n\r\n")
            if not sep:
                self.head = None
                return
            self.chunked = b"chunked" in self.head.lower()
            self.buffer = rest
        self._unchunk()
        while b"\n\n" in self.body:
            event, _, self.body = self.body.partition(b"\n\n")
            for line in event.split(b"\n"):
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def _unchunk(self):
        if not self.chunked:
            self.body += self.buffer
            self.buffer = b""
            return
        while b"\r\n" in self.buffer:
            length, _, rest = self.buffer.partition(b"\r\n")
            count = int(length, 16)
            if len(rest) < count + 2:
                return
            self.body += rest[:count]
            self.buffer = rest[count + 2:]


class SocketWatcher(Watcher):
    kind = "WebSocket"

    def open(self):
        key = base64.b64encode(os.urandom(16)).decode()
        resume = f"&last_event_id={self.last_id}" if self.last_id else ""
        half = len(self.topics) // 2
        later = self.topics[half:]
        query = "&".join("topic=" + urllib.parse.quote(topic, safe="")
                         for topic in (self.topics if resume else self.topics[:half]))
        self.connection = self.server.socket()
        self.connection.sendall(
            f"GET /v1/live?{query}{resume} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            .encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            more = self.connection.recv(4096)
            if not more:
                raise OSError("the handshake failed")
            self.buffer += more
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError(f"the handshake failed: {head!r}")
        if not resume:
            for topic in later:
                self.send({"watch": topic})

    def send(self, message):
        self.frame(1, json.dumps(message).encode())

    def frame(self, opcode, data):
        mask = os.urandom(4)
        assert len(data) < 126
        self.connection.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask
                                + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def messages(self):
        while len(self.buffer) >= 2:
            opcode, length, start = self.buffer[0] & 15, self.buffer[1] & 127, 2
            if length == 126:
                if len(self.buffer) < 4:
                    return
                length, start = struct.unpack(">H", self.buffer[2:4])[0], 4
            elif length == 127:
                if len(self.buffer) < 10:
                    return
                length, start = struct.unpack(">Q", self.buffer[2:10])[0], 10
            if len(self.buffer) < start + length:
                return
            data = self.buffer[start:start + length]
            self.buffer = self.buffer[start + length:]
            if opcode == 1:
                yield json.loads(data)
            elif opcode == 9:
                self.frame(10, data)  # or the server takes us for dead


class Live:
    def __init__(self, seed, server, results):
        self.random = random.Random(seed)
        self.server = server
        self.results = results
        topics = TOPICS + list(UPDATES) + list(CHANGES)
        self.watchers = [SseWatcher(server, topics), SocketWatcher(server, topics[::-1]),
                         SseWatcher(server, TOPICS[:3])]

    def send(self):
        now = int(time.time() * 1000)
        rows = [{"who": f"w{self.random.randrange(30)}", "n": self.random.randint(-5, 30),
                 "place": self.random.choice(["x y", "z", ""]),
                 "at": now - self.random.randrange(9000)}
                for _ in range(self.random.choice([1, 5, 300]))]
        answers = [self.server.send("s", rows), self.server.post("/v1/boards/d/scores", {
            "member": f"d{self.random.randrange(20)}", "score": self.random.randrange(100)})]
        self.results.check("sent", all(answer.status == 200 for answer in answers), answers)

    def agree(self, watcher, topic):
        if topic in watcher.stories:
            story = watcher.stories[topic]
            answer = self.server.get("/v1/" + (UPDATES | CHANGES)[topic]).json()
            return story.agrees(answer) and not story.wrong, (vars(story), answer)
        answer = self.server.get("/v1/" + topic)
        puzzle = watcher.puzzles[topic]
        if answer.status != 200:
            return puzzle.error == answer.error()[0], (puzzle.error, answer)
        if puzzle.answer is None:
            return False, (puzzle.error, answer)
        return same(puzzle.answer, answer.json()), (puzzle.answer, answer.json())

    def settle(self, what):
        """Soon, every puzzle is what a GET answers."""
        end = time.monotonic() + PATIENCE_SECONDS
        wrong = {}
        while time.monotonic() < end:
            for watcher in self.watchers:
                watcher.pump(QUIET_SECONDS / len(self.watchers))
            wrong = {}
            for watcher in self.watchers:
                for topic in watcher.topics:
                    good, detail = self.agree(watcher, topic)
                    if not good:
                        wrong[watcher.kind, topic] = detail
            if not wrong:
                break
        self.results.check(f"{what}: what was put together is what is answered", not wrong,
                           f"{wrong}")

    def run(self, restart):
        for watcher in self.watchers:
            watcher.open()
        self.settle("at first")
        for at in range(ROUNDS[size()]):
            for _ in range(self.random.choice([1, 3, 10])):
                self.send()
                self.watchers[0].pump(self.random.choice([0.0, 0.05, 0.15]))
            if self.random.random() < 0.5:
                self.break_off(self.random.choice(self.watchers))
            self.settle(f"round {at}")
        gaps = sum(watcher.gaps for watcher in self.watchers)
        self.results.check("who was away for a moment needs no new snapshot", gaps == 0,
                           f"{gaps} gaps")
        self.results.check("all topics told something", all(
            story.count > 0 for watcher in self.watchers for story in watcher.stories.values()))
        restart()
        for watcher in self.watchers:
            watcher.close()
            watcher.open()
        self.send()
        self.settle("after a restart")
        self.results.check("after a restart there is a gap or a snapshot", all(
            watcher.gaps or puzzle.snapshots > 1 for watcher in self.watchers
            for puzzle in watcher.puzzles.values() if puzzle.answer is not None))
        for watcher in self.watchers:
            watcher.close()

    def break_off(self, watcher):
        watcher.pump(QUIET_SECONDS)
        watcher.close()
        self.send()
        time.sleep(0.15)
        watcher.open()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    seed = parser.parse_args().seed
    print(f"seed {seed}", flush=True)
    results = Results()
    with Server(CONFIG, settings=["partitions=3", "workers=2"]) as server:
        def restart():
            server.kill()
            server.start()
        Live(seed, server, results).run(restart)
    results.exit()


if __name__ == "__main__":
    main()
