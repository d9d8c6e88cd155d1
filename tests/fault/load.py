# SPDX-License-Identifier: Apache-2.0
"""Writers that load a server while it is killed or its disk is full, and what must be true then.

Each writer is a thread with a connection of its own. It remembers what was acknowledged, sends
again what was not where that is harmless, and notes as possible what it may not send again:

    ids        rows with ids: sent again until they are acknowledged
    produced   rows without, in requests that are numbered (Tallywheel-Producer): the same
    keyless    the same for a stream without a key
    plain      rows that nothing guards: never sent again, so an unanswered one may count or not
    commands   ZINCRBY and ZADD by a client of Redis: as plain

check() compares every metric, board and key with that, to the last event.
"""

import collections
import http.client
import json
import random
import threading
import time

import resp

FIELDS = {"who": "string", "n": "int"}
CONFIG = {
    "streams": {
        "ids": {"fields": {**FIELDS, "id": "string"}, "key": "who", "id": "id", "dedupe": "1h"},
        "produced": {"fields": FIELDS, "key": "who"},
        "keyless": {"fields": FIELDS},
        "plain": {"fields": {**FIELDS, "serial": "int"}, "key": "who"},
    },
    "metrics": {},
    "boards": {},
}
for _name in CONFIG["streams"]:
    CONFIG["metrics"][f"{_name}_count"] = {"stream": _name, "value": "count()", "every": "1m",
                                           "keep": "1d", "by": ["who"]}
    CONFIG["metrics"][f"{_name}_sum"] = {"stream": _name, "value": "sum(n)", "every": "1m",
                                         "keep": "1d", "by": ["who"]}
    if _name != "keyless":
        CONFIG["boards"][f"{_name}_board"] = {"stream": _name, "member": "who", "score": "sum(n)"}

PEOPLE = 40
PAGE = 100000
REPLY_SECONDS_MAX = 60


class Load:
    """All writers. They run while the gate is open; pause() waits until each is at rest."""

    def __init__(self, server, resp_port, seed, rows_max=600):
        self.server = server
        self.resp_port = resp_port
        self.rows_max = rows_max
        self.gate = threading.Event()
        self.ending = False
        self.tally = collections.Counter()
        self.lock = threading.Lock()
        self.writers = [Writer(self, kind, number, f"{seed} {kind} {number}")
                        for kind in ("ids", "produced", "keyless", "plain") for number in range(2)]
        self.writers += [Commands(self, number, f"{seed} commands {number}") for number in range(2)]
        for writer in self.writers:
            writer.start()

    def run(self):
        for writer in self.writers:
            writer.resting.clear()
        self.gate.set()

    def pause(self, seconds=REPLY_SECONDS_MAX):
        self.gate.clear()
        for writer in self.writers:
            if not writer.resting.wait(seconds):
                raise RuntimeError(f"{writer.name} has no answer after {seconds} s: {writer.last}")

    def end(self):
        self.ending = True
        self.gate.set()
        for writer in self.writers:
            writer.join(REPLY_SECONDS_MAX)
            if writer.connection is not None:
                writer.connection.close()

    def count(self, what, by=1):
        with self.lock:
            self.tally[what] += by

    def check(self, results, when):
        for kind in ("ids", "produced", "keyless"):
            counts, sums = collections.Counter(), collections.Counter()
            for writer in self.writers:
                if writer.kind == kind:
                    counts.update(writer.counts)
                    sums.update(writer.sums)
            self._check_stream(results, when, kind, counts, sums)
        self._check_plain(results, when)
        with resp.Client(self.resp_port) as client:
            for writer in self.writers:
                if writer.kind == "commands":
                    writer.check(results, when, client)

    def _check_stream(self, results, when, kind, counts, sums):
        for metric, wanted in (("count", counts), ("sum", sums)):
            answer = self.server.get_json(f"/v1/metrics/{kind}_{metric}", start="-6h", by="who")
            got = {series["labels"]["who"]: sum(point[1] for point in series["points"])
                   for series in answer["series"]}
            results.equal(f"{when}: {metric} of {kind}", got, dict(wanted))
        if kind != "keyless":
            entries = self.server.get_json(f"/v1/boards/{kind}_board/top", n=10000)["entries"]
            results.equal(f"{when}: board of {kind}",
                          {entry["member"]: entry["score"] for entry in entries}, dict(sums))

    def _check_plain(self, results, when):
        """What is in the journal is what counts; it holds all that was acknowledged, once."""
        counts, sums, serials = collections.Counter(), collections.Counter(), collections.Counter()
        for partition in range(len(self.server.get_json("/v1/status")["partitions"])):
            start = 0
            while True:
                rows = self.server.get("/v1/streams/plain/events", partition=partition, limit=PAGE,
                                       **{"from": start}).lines()
                for row in rows:
                    counts[row["who"]] += 1
                    sums[row["who"]] += row["n"]
                    serials[row["serial"]] += 1
                if len(rows) < PAGE:
                    break
                start = rows[-1]["offset"] + 1
        acknowledged, possible = set(), set()
        for writer in self.writers:
            if writer.kind == "plain":
                acknowledged |= writer.acknowledged
                possible |= writer.possible
        results.equal(f"{when}: plain rows twice",
                      [serial for serial, count in serials.items() if count > 1], [])
        results.equal(f"{when}: plain rows lost", sorted(acknowledged - serials.keys())[:9], [])
        results.equal(f"{when}: plain rows from nowhere",
                      sorted(serials.keys() - acknowledged - possible)[:9], [])
        self._check_stream(results, when, "plain", counts, sums)


class Resting(threading.Thread):
    """What writers of all kinds share."""

    def __init__(self, load, kind, number, seed):
        super().__init__(name=f"{kind} {number}", daemon=True)
        self.load = load
        self.kind = kind
        self.number = number
        self.random = random.Random(seed)
        self.resting = threading.Event()
        self.resting.set()
        self.connection = None
        self.last = None  # what happened to the last request

    def run(self):
        while not self.load.ending:
            if not self.load.gate.is_set():
                self.resting.set()
                self.load.gate.wait()
                continue
            self.write()

    def write(self):
        raise NotImplementedError


class Writer(Resting):
    def __init__(self, load, kind, number, seed):
        super().__init__(load, kind, number, seed)
        self.sequence = 0
        self.serial = number
        self.counts = collections.Counter()  # of what was acknowledged
        self.sums = collections.Counter()
        self.acknowledged = set()  # plain: serials
        self.possible = set()

    def make_rows(self):
        rows = []
        for _ in range(self.random.choice([1, 3, 30, self.random.randrange(1, self.load.rows_max)])):
            row = {"who": f"w{self.random.randrange(PEOPLE)}", "n": self.random.randrange(1000)}
            self.serial += 2
            if self.kind == "ids":
                row["id"] = f"{self.number}-{self.serial}"
            elif self.kind == "plain":
                row["serial"] = self.serial
            rows.append(row)
        return rows

    def write(self):
        rows = self.make_rows()
        body = "".join(json.dumps(row) + "\n" for row in rows)
        headers = {"Content-Type": "application/x-ndjson"}
        if self.kind in ("produced", "keyless"):
            self.sequence += 1
            headers["Tallywheel-Producer"] = f"writer {self.number}"
            headers["Tallywheel-Sequence"] = str(self.sequence)
        tries = 1
        while not self.post(rows, body, headers, tries):
            self.load.count("tries that failed")
            if self.kind == "plain" or self.load.ending:
                self.possible.update(row.get("serial") for row in rows)
                return
            tries += 1
            time.sleep(0.004)

    def post(self, rows, body, headers, tries):
        """Whether it was acknowledged."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.load.server.port,
                                                             timeout=REPLY_SECONDS_MAX)
            self.connection.request("POST", f"/v1/streams/{self.kind}/events", body, headers)
            reply = self.connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException) as error:
            self.last = repr(error)
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return False
        self.last = (reply.status, text[:300])
        if reply.status == 503:
            self.load.count(f"503 {json.loads(text)['error']['code']}")
            return False
        answer = json.loads(text)
        if (reply.status != 200 or answer["accepted"] + answer["duplicates"] != len(rows)
                or (tries == 1 and answer["duplicates"] > 0)):
            raise RuntimeError(f"{self.name}, try {tries}, {len(rows)} rows: {self.last}")
        self.load.count("rows acknowledged", len(rows))
        if answer["duplicates"] > 0:
            self.load.count("requests that were taken already" if answer["accepted"] == 0
                            else "requests that were completed")
        for row in rows:
            self.counts[row["who"]] += 1
            self.sums[row["who"]] += row["n"]
        self.acknowledged.update(row.get("serial") for row in rows)
        return True


class Commands(Resting):
    """Keys of this writer alone; a few commands are on their way at a time."""

    def __init__(self, load, number, seed):
        super().__init__(load, "commands", number, seed)
        self.serial = 0
        self.low = collections.Counter()  # (key, member): what was acknowledged
        self.high = collections.Counter()  # and what was not in addition
        self.scores = {}  # (key, member) of ZADD: the score, acknowledged
        self.possible = {}

    def make_command(self):
        key = f"{{{self.number}}}k{self.random.randrange(9)}"
        if self.random.randrange(2) == 0:
            return ("ZINCRBY", "i" + key, 1, f"m{self.random.randrange(20)}")
        self.serial += 1
        return ("ZADD", "a" + key, self.serial, f"u{self.serial}")

    def write(self):
        commands = [self.make_command() for _ in range(self.random.randrange(1, 40))]
        answered = 0
        try:
            if self.connection is None:
                self.connection = resp.Client(self.load.resp_port)
            self.connection.send_many(commands)
            for command in commands:
                reply = self.connection.read()
                answered += 1
                if isinstance(reply, resp.Error):
                    self.load.count(f"error {reply.text[:20]}")
                    self.note(command, True)
                else:
                    self.load.count("commands acknowledged")
                    self.note(command, False)
        except (OSError, resp.Closed) as error:
            self.last = repr(error)
            for command in commands[answered:]:
                self.note(command, True)
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            time.sleep(0.004)

    def note(self, command, unsure):
        name, key, value, member = command
        if name == "ZADD":
            (self.possible if unsure else self.scores)[key, member] = value
            return
        self.low[key, member] += not unsure
        self.high[key, member] += 1

    def check(self, results, when, client):
        wrong = []
        for number in range(9):
            key = f"a{{{self.number}}}k{number}"
            flat = client.call("ZRANGE", key, 0, -1, "WITHSCORES")
            got = {(key, member.decode()): int(score)
                   for member, score in zip(flat[::2], flat[1::2])}
            wrong += [item for item in self.scores.items()
                      if item[0][0] == key and got.get(item[0]) != item[1]]
            wrong += [item for item in got.items()
                      if self.scores.get(item[0], self.possible.get(item[0])) != item[1]]
        for key, member in list(self.high):
            score = int(client.call("ZSCORE", key, member) or 0)
            if not self.low[key, member] <= score <= self.high[key, member]:
                wrong.append((key, member, score, self.low[key, member], self.high[key, member]))
            self.low[key, member] = self.high[key, member] = score  # now it is known
        results.equal(f"{when}: keys of {self.name}", wrong[:9], [])
