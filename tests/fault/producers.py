#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that are numbered (Tallywheel-Producer, Tallywheel-Sequence), step by step.

    tests/fault/producers.py

What a second try is told, which headers are no sense, what is forgotten; and requests of which the
server took the beginning before it was killed: sent again, each event counts once, by hand or by
`tallywheel send`.
"""

import http.client
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from tallywheel_server import BINARY, Results, Server  # noqa: E402

CONFIG = {
    "streams": {"keyed": {"fields": {"who": "string", "n": "int"}, "key": "who"},
                "keyless": {"fields": {"who": "string", "n": "int"}}},
    "metrics": {name: {"stream": name, "value": "sum(n)", "every": "1m", "by": ["who"]}
                for name in ("keyed", "keyless")},
    "boards": {"board": {"stream": "keyed", "member": "who", "score": "count()"}},
}
SEQUENCES = 8
SETTINGS = ["partitions=3", "workers=2", "batch_bytes=4KiB",
            f"limits.producer_sequences={SEQUENCES}", "limits.producers=5"]


def number(name, sequence):
    return {"Tallywheel-Producer": name, "Tallywheel-Sequence": str(sequence)}


def make_rows(count):
    return [{"who": f"w{line % 17}", "n": 1 << (line % 20)} for line in range(count)]


class Check:
    def __init__(self, server, results):
        self.server = server
        self.results = results
        self.wanted = {"keyed": 0, "keyless": 0}

    def total(self, stream):
        answer = self.server.get_json(f"/v1/metrics/{stream}", start="-6h", by="")
        return sum(point[1] for series in answer["series"] for point in series["points"])

    def send(self, what, stream, rows, headers, taken, before):
        """`taken` of the rows are new, `before` were there."""
        answer = self.server.send(stream, rows, headers)
        tree = answer.json()
        self.results.equal(f"{what}: answer", (answer.status, tree.get("accepted"),
                                               tree.get("duplicates")), (200, taken, before))
        if taken == len(rows):
            self.wanted[stream] += sum(row["n"] for row in rows)
        self.results.equal(f"{what}: total", self.total(stream), self.wanted[stream])

    def refused(self, what, headers, status, code):
        answer = self.server.send("keyed", make_rows(5), headers)
        self.results.equal(f"{what}: answer", (answer.status, answer.error()[0]), (status, code))
        self.results.equal(f"{what}: total", self.total("keyed"), self.wanted["keyed"])


def check_answers(check):
    for stream in ("keyed", "keyless"):
        rows = make_rows(700)
        check.send("first", stream, rows, number("a", 1), 700, 0)
        check.send("again", stream, rows, number("a", 1), 0, 700)
        check.send("another producer", stream, rows, number("b", 1), 700, 0)
        check.send("another number", stream, rows, number("a", 2), 700, 0)
        check.send("the first again", stream, rows, number("a", 1), 0, 700)
        check.send("nobody", stream, rows, {}, 700, 0)
        check.wanted[stream] += sum(row["n"] for row in make_rows(300))
        check.send("longer", stream, rows + make_rows(300), number("a", 2), 300, 700)


def check_headers(check):
    check.refused("no sequence", {"Tallywheel-Producer": "a"}, 400, "invalid")
    check.refused("no producer", {"Tallywheel-Sequence": "1"}, 400, "invalid")
    check.refused("a long name", number("x" * 129, 1), 400, "invalid")
    for text in ("-1", "1.5", "x", "18446744073709551616", "1 2"):
        check.refused(f"sequence {text}", number("a", text), 400, "invalid")
    check.send("the longest", "keyed", make_rows(9), number("x" * 128, 18446744073709551615), 9, 0)
    check.send("the lowest", "keyed", make_rows(9), number("zero", 0), 9, 0)
    check.send("the lowest again", "keyed", make_rows(9), number("zero", 0), 0, 9)


def check_forgetting(check):
    rows = make_rows(51)  # three of each: every partition hears of all
    for sequence in range(10, 10 + SEQUENCES + 2):
        check.send("many", "keyed", rows, number("many", sequence), 51, 0)
    check.refused("forgotten", number("many", 11), 409, "conflict")
    check.send("remembered", "keyed", rows, number("many", 12), 0, 51)
    for name in "cdefg":
        check.send("names", "keyed", rows, number(name, 1), 51, 0)
    check.send("a forgotten name", "keyed", rows, number("many", 12), 51, 0)


def begin(server, stream, rows, headers):
    """Sends rows as the beginning of a body, and waits until some of them have been folded."""
    before = events(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("POST", f"/v1/streams/{stream}/events")
    for name, value in {"Transfer-Encoding": "chunked", "Content-Type": "application/x-ndjson",
                        **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    connection.send(b"%x\r\n%b\r\n" % (len(text), text))
    end = time.monotonic() + 30
    while events(server) == before and time.monotonic() < end:
        time.sleep(0.005)
    return connection


def events(server):
    return sum(stream["events"] for stream in server.get_json("/v1/status")["streams"])


def check_cut_off(check):
    for stream in ("keyed", "keyless"):
        for sequence, cut in ((1000, 3), (1001, 500), (1002, 4000), (1003, 4999)):
            what = f"{stream}, cut off after {cut}"
            rows = make_rows(5000)
            headers = number("cut", sequence)
            connection = begin(check.server, stream, rows[:cut], headers)
            check.server.kill()
            connection.close()
            check.server.start()
            answer = check.server.send(stream, rows, headers).json()
            check.results.check(what, 0 < answer["duplicates"] <= cut and
                                answer["accepted"] + answer["duplicates"] == 5000, answer)
            check.wanted[stream] += sum(row["n"] for row in rows)
            check.results.equal(f"{what}: total", check.total(stream), check.wanted[stream])
            check.send(f"{what}: again", stream, rows, headers, 0, 5000)


def check_send(check):
    """The command, over several connections, with the server killed twice on the way."""
    rows = make_rows(60000)
    path = check.server.folder / "rows.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = [str(BINARY), "send", "--stream", "keyless",
               "--url", f"127.0.0.1:{check.server.port}", "--connections", "3",
               "--batch-bytes", "64KiB", "--rate", "60000", "--quiet", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as sending:
        before = events(check.server)
        for _ in range(2):
            end = time.monotonic() + 30
            while events(check.server) < before + 10000 and time.monotonic() < end:
                time.sleep(0.005)
            check.server.kill()
            check.server.start()
            before = events(check.server)
        output = sending.communicate(timeout=60)[0]
    check.results.check("send: it ends well", sending.returncode == 0, output)
    check.wanted["keyless"] += sum(row["n"] for row in rows)
    check.results.equal("send: total", check.total("keyless"), check.wanted["keyless"])


def main():
    results = Results()
    with Server(CONFIG, settings=SETTINGS) as server:
        check = Check(server, results)
        check_answers(check)
        check_headers(check)
        check_forgetting(check)
        check_cut_off(check)
        check_send(check)
        entries = server.get_json("/v1/boards/board/top", n=100)["entries"]
        rows = next(stream["events"] for stream in server.get_json("/v1/status")["streams"]
                    if stream["name"] == "keyed")
        results.equal("the board", sum(entry["score"] for entry in entries), rows)
    results.exit()


if __name__ == "__main__":
    main()
