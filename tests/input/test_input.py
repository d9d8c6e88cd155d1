#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind into a real server: the right status, a clear error, the rest kept.

    tests/input/test_input.py [PART]...

Parts are the functions below whose names begin with test_; without arguments all of them run.
"""

import gzip
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from tallywheel_server import BINARY, Results, Server, size  # noqa: E402

HOUR = 3600 * 1000
FIELDS = {"who": "string", "n": "int", "x": "float", "yes": "bool", "at": "time", "more": "string"}
CONFIG = {
    "streams": {"s": {"fields": FIELDS, "key": "who", "time": "at", "ahead": "1m",
                      "lateness": "30d"},
                "free": {"fields": {"note": "string", "n": "int"}}},
    "metrics": {"m": {"stream": "s", "value": "count()", "by": ["more"], "every": "1s"}},
    "boards": {"b": {"stream": "s", "member": "who", "score": "sum(n)"},
               "by": {"stream": "s", "member": "who", "score": "sum(n)", "by": ["more"]},
               "d": {"type": "int"}, "f": {}, "dby": {"type": "int", "by": ["season"]}},
}
NDJSON = {"Content-Type": "application/x-ndjson"}

results = Results()


def now():
    return int(time.time() * 1000)


def good(who="ann", **more):
    return {"who": who, "at": now(), "n": 1, **more}


def lines(*rows):
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n"
                    for row in rows)


def is_error(what, answer, status, code, *words):
    """An error in the one form that all have, that says what is meant."""
    got_code, message = answer.error()
    clear = message is not None and all(word.lower() in message.lower() for word in words)
    return results.check(what, answer.status == status and got_code == code and clear,
                         f"wanted {status} {code} {words}, got {answer}")


def rejected(what, server, body, reason, *, accepted=1, headers=None, stream="s", line=2,
             status=200):
    """One bad row among good ones: they are kept, it is listed with its line and a reason."""
    answer = server.post(f"/v1/streams/{stream}/events", body, headers or NDJSON)
    try:
        report = answer.json()
        first = report["rejected"][0] if report.get("rejected") else {}
    except ValueError:
        report, first = {}, {}
    fine = (answer.status == status and report.get("accepted") == accepted
            and first.get("line") == line and reason.lower() in first.get("reason", "").lower())
    return results.check(what, fine, f"wanted {accepted} accepted, line {line} {reason!r}; "
                                     f"got {answer}")


# ---- rows ----

WRONG_VALUES = [
    ("who", "17", "string"), ("who", "{}", "string"), ("who", "[]", "string"),
    ("who", "true", "string"), ("who", "null", "required"),
    ("n", '"1"', "int"), ("n", "1.5", "int"), ("n", "1e30", "n"), ("n", "true", "int"),
    ("n", "9223372036854775808", "n"), ("n", "-9223372036854775809", "n"),
    ("n", "-9223372036854775808", "n"), ("n", "[1]", "int"), ("n", "{}", "int"),
    ("x", '"1"', "float"), ("x", "1e999", "x"), ("x", "-1e999", "x"), ("x", "false", "float"),
    ("x", "{}", "float"), ("yes", "1", "bool"), ("yes", '"true"', "bool"), ("yes", "[]", "bool"),
    ("at", '"yesterday"', "at"), ("at", "true", "at"), ("at", "{}", "at"),
    ("at", '"2021-13-01T00:00:00Z"', "at"), ("at", '"2021-02-30"', "at"),
    ("at", '"2021-04-01T25:00:00Z"', "at"), ("at", '""', "at"), ("at", "1e40", "at"),
    ("at", "null", "required"),
    ("more", '"\\ud800"', "surrogate"), ("more", '"\\udc00x"', "surrogate"),
    ("more", '"\\ud800\\ud800"', "surrogate"),
]
BROKEN = [
    b'{"who":"a"', b'{"who":"a","at"}', b"{", b"}", b'{"who":"a",}', b"{,}", b'{"who" "a"}',
    b'{who:"a"}', b"{'who':'a'}", b'{"n":01}', b'{"n":+1}', b'{"n":.5}', b'{"n":1.}', b'{"n":0x10}',
    b'{"n":NaN}', b'{"n":Infinity}', b'{"n":nul}', b'{"n":truex}', b'{"more":"\\x"}',
    b'{"more":"\\u12"}', b'{"more":"unclosed}', b'{"more":"tab\there"}', b'{"a":1}{"b":2}',
    b'{"a":1} x', b'{"n":-}', b'{"n":1e}', b'{"n":"\x00"}', b'{"n":1 2}', b"]", b"[1,",
    b'{"more":"\xff\xfe"}', b'{"more":"\xc0\x80"}', b'{"more":"\xed\xa0\x80"}',
    b'{"more":"\xf4\x90\x80\x80"}', b"\x00", b"\x1f\x8b\x08\x00", b"\x7fELF\x02\x01\x01",
    b'{"\xff":1}', b"nonsense", b'"text"x', b'{"n":1}]', b"{}" * 3, b'{"a":[1,2}',
    b'{"a":{"b":1]}', b"<xml/>",
]


def test_rows():
    with Server(CONFIG, settings=["partitions=2"]) as server:
        for field, value, reason in WRONG_VALUES:
            row = {"who": '"bob"', "at": str(now()), field: value}
            bad = ("{" + ",".join(f'"{key}":{text}' for key, text in row.items()) + "}").encode()
            rejected(f"{field}: {value}", server, lines(good(), bad, good()), reason, accepted=2)
        for bad in BROKEN:
            rejected(f"broken {bad!r}", server, lines(good(), bad, good()), "", accepted=2)
        for bad in (b"17", b'"text"', b"null", b"true", b"[1]", b"[[]]"):
            rejected(f"no object: {bad!r}", server, lines(good(), bad, good()), "object",
                     accepted=2)
        rejected("no key", server, lines(good(), {"at": now(), "n": 1}), "who")
        rejected("no time", server, lines(good(), {"who": "x", "n": 1}), "at")
        rejected("an empty object", server, lines(good(), {}), "missing")
        rejected("the future", server, lines(good(), good(at=now() + HOUR)), "ahead")
        rejected("the far future", server, lines(good(), good(at="9999-12-31T00:00:00Z")), "ahead")
        rejected("beyond all time", server, lines(good(), good(at=2**62)), "at")
        for bomb in (b"[" * 100000, b'{"a":' * 100000, b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"):
            rejected(f"a depth bomb of {len(bomb)}", server, lines(good(), bomb, good()), "",
                     accepted=2)
        test_rows_that_are_fine(server)
        test_lists_of_rejects(server)


def test_rows_that_are_fine(server):
    for name, row in {
        "a duplicate key, the last counts": b'{"who":"dup","at":%d,"n":1,"n":41}' % now(),
        "escapes in keys": b'{"\\u0077ho":"esc","at":%d,"n":1}' % now(),
        "a NUL in a string": b'{"who":"nul\\u0000nul","at":%d,"n":7}' % now(),
        "unknown fields": b'{"who":"unk","at":%d,"zzz":{"a":[1,{"b":"}"}]}}' % now(),
        "white space": b' \t{ "who" : "ws" , "at" : %d } \r' % now(),
        "a pair of surrogates": b'{"who":"\\ud83d\\ude00","at":%d}' % now(),
        "a name like code": b'{"who":"__proto__","at":%d,"more":"<script>x</script>"}' % now(),
        "the largest int": b'{"who":"max","at":%d,"n":9223372036854775807}' % now(),
        "a small float": b'{"who":"tiny","at":%d,"x":1e-999}' % now(),
        "an empty member": b'{"who":"","at":%d}' % now(),
    }.items():
        answer = server.post("/v1/streams/s/events", row + b"\n", NDJSON)
        results.check(name, answer.status == 200 and answer.json()["accepted"] == 1, answer)
    results.equal("the last of two", server.get_json("/v1/boards/b/members/dup")["score"], 41)
    results.equal("a NUL is kept",
                  server.get_json("/v1/boards/b/members/nul%00nul")["member"]
                  if server.get("/v1/boards/b/members/nul%00nul").status == 200 else "nul\0nul",
                  "nul\0nul")


def test_lists_of_rejects(server):
    many = server.post("/v1/streams/s/events", b"bad\n" * 5000, NDJSON)
    report = many.json()
    results.check("all bad is 400, all counted, some listed",
                  many.status == 400 and report["rejected_count"] == 5000
                  and 0 < len(report["rejected"]) <= 100, many)
    empty = server.post("/v1/streams/s/events", b"", NDJSON)
    results.check("an empty body is nothing", empty.status == 200
                  and empty.json()["accepted"] == 0, empty)
    blank = server.post("/v1/streams/s/events", b"\n\r\n  \n", NDJSON)
    results.check("blank lines are nothing", blank.status == 200
                  and blank.json()["rejected_count"] == 0, blank)
    array = server.post("/v1/streams/s/events",
                        json.dumps([good(), 5, good(), {"who": 1, "at": now()}, good()]),
                        {"Content-Type": "application/json"}).json()
    results.check("elements of an array are counted from 1", array["accepted"] == 3
                  and [item["line"] for item in array["rejected"]] == [2, 4], array)
    rejected("a broken array keeps what came before", server,
             b"[" + b",".join([json.dumps(good()).encode()] * 3) + b", x, {}]", "",
             headers={"Content-Type": "application/json"}, accepted=3, line=4)
    rejected("an array that ends early", server, b"[" + json.dumps(good()).encode() + b",", "",
             headers={"Content-Type": "application/json"}, accepted=1, line=2)


def test_sizes():
    """Huge lines, strings, bodies, arrays: each limit is said, memory stays small."""
    settings = ["partitions=1", "limits.line_bytes=4KiB", "limits.string_bytes=1KiB",
                "limits.body_bytes=1MiB", "limits.rejects_listed=3"]
    with Server(CONFIG, settings=settings) as server:
        rejected("a long string", server, lines(good(), good(more="x" * 1025), good()), "1024",
                 accepted=2)
        rejected("a long key", server, lines(good(), good(who="é" * 513), good()), "1024",
                 accepted=2)
        rejected("a long line", server, lines(good(), b"x" * 5000, good()), "longer than",
                 accepted=2)
        rejected("a long line of JSON", server, lines(good(), {**good(), "z": ["y"] * 3000},
                                                      good()), "longer than", accepted=2)
        listed = server.post("/v1/streams/s/events", b"{\n" * 50, NDJSON).json()
        results.equal("rejects listed", (len(listed["rejected"]), listed["rejected_count"]),
                      (3, 50))
        body = lines(good()) * 40000
        is_error("a body with a length that is too large",
                 server.post("/v1/streams/s/events", body, NDJSON), 413, "too_large", "body")
        is_error("a body in chunks that is too large", chunked(server, body), 413, "too_large",
                 "body")
        array = b"[" + b",".join([json.dumps(good()).encode()] * 10000) + b"]"
        answer = server.post("/v1/streams/s/events", array, {"Content-Type": "application/json"})
        results.check("a long array", answer.status == 200
                      and answer.json()["accepted"] == 10000, answer)
        is_error("a definition that is too large",
                 server.put("/v1/boards/huge", b'{"by":[' + b" " * (1 << 20) + b"]}"), 413,
                 "too_large")
        is_error("too many scores", server.post("/v1/boards/d/scores",
                                                [{"member": "a", "score": 1}] * 1001), 413,
                 "too_large", "1000")
        for name, count in (("a label", 70000), ("a member", 70000), ("a label", 2000)):
            update = {"member": "m", "score": 1, "by.season": "x"}
            update["member" if name == "a member" else "by.season"] = "y" * count
            answer = server.post("/v1/boards/dby/scores", update)
            results.check(f"{name} of {count} bytes", answer.status == 400, answer)
        server.check_alive()


def chunked(server, body, piece=65536):
    """A POST with Transfer-Encoding: chunked."""
    def pieces():
        for start in range(0, len(body), piece):
            yield body[start:start + piece]
    try:
        return server.request("POST", "/v1/streams/s/events", pieces(), NDJSON)
    except OSError:
        # The server may hang up on a body that it has refused; the answer may be lost then.
        return server.request("POST", "/v1/streams/s/events", pieces(), NDJSON)


def test_gzip():
    settings = ["partitions=2", "limits.body_bytes=1MiB"]
    with Server(CONFIG, settings=settings) as server:
        zipped = {**NDJSON, "Content-Encoding": "gzip"}
        path = "/v1/streams/s/events"
        body = lines(*[good(f"g{i}") for i in range(500)])
        answer = server.post(path, gzip.compress(body), zipped)
        results.check("gzip", answer.status == 200 and answer.json()["accepted"] == 500, answer)
        twice = gzip.compress(body[:len(body) // 2]) + gzip.compress(body[len(body) // 2:])
        answer = server.post(path, twice, zipped)
        results.check("two gzip members", answer.json().get("accepted") == 500, answer)
        packed = gzip.compress(body)
        is_error("gzip cut short", server.post(path, packed[:-20], zipped), 400, "invalid", "gzip")
        is_error("gzip cut very short", server.post(path, packed[:5], zipped), 400, "invalid",
                 "gzip")
        damaged = bytearray(packed)
        damaged[len(damaged) // 2] ^= 0xff
        is_error("gzip damaged", server.post(path, bytes(damaged), zipped), 400, "invalid", "gzip")
        is_error("gzip with a wrong checksum",
                 server.post(path, packed[:-8] + b"\0\0\0\0" + packed[-4:], zipped), 400, "invalid",
                 "gzip")
        is_error("no gzip at all", server.post(path, body, zipped), 400, "invalid", "gzip")
        is_error("garbage behind gzip", server.post(path, packed + b"garbage" * 9, zipped), 400,
                 "invalid", "gzip")
        is_error("an empty gzip body", server.post(path, b"", zipped), 400, "invalid", "gzip")
        is_error("zlib is not gzip", server.post(path, zlib.compress(body), zipped), 400, "invalid",
                 "gzip")
        before = server.memory_bytes()
        for fill in (b" ", b"\n", b'{"who":"', lines(good())):
            bomb = gzip.compress(fill * (64 * 2**20 // len(fill)), 9)
            is_error(f"a gzip bomb of {fill[:4]!r}: {len(bomb)} bytes",
                     server.post(path, bomb, zipped), 413, "too_large", "body_bytes")
        grown = server.memory_bytes() - before
        results.check("bombs do not stay in memory", grown < 64 << 20, f"{grown >> 20} MiB more")
        for name in ("deflate", "br", "zstd", "gzip, gzip", "x"):
            is_error(f"Content-Encoding {name}",
                     server.post(path, body, {**NDJSON, "Content-Encoding": name}), 415,
                     "unsupported", "gzip")
        rejected("a bad row in gzip", server, gzip.compress(lines(good(), b"bad", good())), "JSON",
                 accepted=2, headers=zipped)


# ---- definitions ----

BAD_STREAMS = [
    ({}, "streams.bad.fields: missing"),
    ({"fields": {}}, "streams.bad.fields: missing"),
    ({"fields": {"a": "integr"}},
     'streams.bad.fields.a: unknown type "integr", expected one of int, float, string, bool, time'),
    ({"fields": {"a": 5}}, "streams.bad.fields.a: expected one of"),
    ({"fields": []}, "streams.bad.fields: expected fields"),
    ({"fields": {"a b": "int"}}, "is not a name"),
    ({"fields": {"a" * 70: "int"}}, "is not a name"),
    ({"fields": {f"f{i}": "int" for i in range(65)}}, "more than 64 fields"),
    ({"fields": {"a": "int"}, "key": "b"}, 'streams.bad.key: no field "b", the fields are a'),
    ({"fields": {"a": "float"}, "key": "a"}, "streams.bad.key"),
    ({"fields": {"a": "int"}, "time": "a"}, "must be time"),
    ({"fields": {"a": "bool"}, "id": "a"}, "streams.bad.id"),
    ({"fields": {"a": "int"}, "dedupe": "5m"}, "streams.bad.dedupe"),
    ({"fields": {"a": "int"}, "lateness": "-1s"}, "streams.bad.lateness"),
    ({"fields": {"a": "int"}, "lateness": "soon"}, "streams.bad.lateness"),
    ({"fields": {"a": "int"}, "lateness": 1e300}, "streams.bad.lateness"),
    ({"fields": {"a": "int"}, "latenes": "1s"}, 'did you mean "lateness"'),
    ({"fields": {"a": "int"}, "what": 1}, "unknown key"),
    ([], "expected an object"), ("text", "not valid JSON"), (None, "not valid JSON"),
]
BAD_METRICS = [
    ({}, "metrics.bad.stream: missing"),
    ({"stream": "s"}, "metrics.bad.value: missing"),
    ({"stream": "s", "value": "count()"}, "metrics.bad.every: missing"),
    ({"stream": "none", "value": "count()", "every": "1s"}, 'stream "none" is not defined'),
    ({"stream": "board:d", "value": "count()", "every": "1s"}, "is not a name"),
    ({"stream": "s", "value": "median(n)", "every": "1s"},
     'unknown strategy "median", expected one of count, sum, avg, min, max, last'),
    ({"stream": "s", "value": "sum()", "every": "1s"}, "metrics.bad.value: sum takes one field"),
    ({"stream": "s", "value": "sum(zz)", "every": "1s"}, 'has no field "zz"'),
    ({"stream": "s", "value": "sum(who)", "every": "1s"}, "string"),
    ({"stream": "s", "value": "sum(n", "every": "1s"}, "expected a call"),
    ({"stream": "s", "value": "sum(n,x)", "every": "1s"}, "2"),
    ({"stream": "s", "value": 7, "every": "1s"}, "expected a call"),
    ({"stream": "s", "value": "count()", "every": "1ms"}, "too short"),
    ({"stream": "s", "value": "count()", "every": "1s", "keep": "100ms"}, "metrics.bad.keep"),
    ({"stream": "s", "value": "count()", "every": "1s", "by": ["zz"]}, 'no field "zz"'),
    ({"stream": "s", "value": "count()", "every": "1s", "by": ["n", "n"]}, "twice"),
    ({"stream": "s", "value": "count()", "every": "1s", "by": "n"}, "expected a list"),
    ({"stream": "s", "value": "count()", "every": "1s", "by": ["n"] * 9}, "at most 8"),
]
BAD_BOARDS = [
    ({"stream": "s"}, "boards.bad.member: missing"),
    ({"stream": "s", "member": "who"}, "boards.bad.score: missing"),
    ({"stream": "none", "member": "who", "score": "sum(n)"}, 'stream "none" is not defined'),
    ({"stream": "s", "member": "zz", "score": "sum(n)"}, 'no field "zz"'),
    ({"stream": "s", "member": "more", "score": "sum(n)"}, "must be the key"),
    ({"stream": "free", "member": "note", "score": "sum(n)"}, "must be the key"),
    ({"stream": "s", "member": "who", "score": "avg(n)"},
     'unknown strategy "avg", expected one of last, sum, max, min, count'),
    ({"stream": "s", "member": "who", "score": "sum(who)"}, "expected int or float"),
    ({"stream": "s", "member": "who", "score": "count(n)"}, "write count()"),
    ({"stream": "s", "member": "who", "score": "sum(n)", "order": "up"},
     'boards.bad.order: unknown order "up", expected one of desc, asc'),
    ({"stream": "s", "member": "who", "score": "sum(n)", "ties": "x"}, "first, last, member"),
    ({"stream": "s", "member": "who", "score": "sum(n)", "by": ["who"]}, "is the member"),
    ({"stream": "s", "member": "who", "score": "sum(n)", "type": "int"}, "boards.bad.type"),
    ({"type": "string"}, "boards.bad.type"),
    ({"score": "sum(n)"}, "boards.bad.score"),
    ({"by": ["mode"]}, "meaning of its own"),
]


def test_definitions():
    with Server(CONFIG, settings=["partitions=2"]) as server:
        for kind, cases in (("streams", BAD_STREAMS), ("metrics", BAD_METRICS),
                            ("boards", BAD_BOARDS)):
            for tree, text in cases:
                answer = server.put(f"/v1/{kind}/bad", json.dumps(tree))
                is_error(f"PUT {kind} {json.dumps(tree)[:80]}", answer, 400, "invalid", text)
                is_error(f"{kind}/bad was not defined", server.get(
                    f"/v1/{kind}/bad" + ("/definition" if kind == "metrics" else "")), 404,
                    "not_found")
        for name in ("a%20b", "1st", "a" * 64, "%C3%BC", "%00", "a%2Fb", "%ff", "a%0ab", "%22"):
            answer = server.put(f"/v1/boards/{name}", {})
            results.check(f"the name {name!r}", answer.status == 400, answer)
        for body in (b"", b"{", b"{]", b'{"by":1,"by":2}', b"\xff", b"[" * 100000, b"null x"):
            is_error(f"PUT {body[:10]!r}", server.put("/v1/boards/bad", body), 400, "invalid")
        test_changes(server)


def test_changes(server):
    is_error("another key", server.put("/v1/streams/s", {"fields": FIELDS, "key": "more",
                                                         "time": "at"}), 409, "conflict", "key")
    is_error("another type", server.put("/v1/streams/s", {"fields": {**FIELDS, "n": "float"},
                                                          "key": "who", "time": "at"}), 409,
             "conflict", "streams.s.fields.n")
    is_error("a field less", server.put("/v1/streams/s", {"fields": {"who": "string", "at": "time"},
                                                          "key": "who", "time": "at"}), 409,
             "conflict", "may only be added")
    is_error("a stream in use", server.delete("/v1/streams/s"), 409, "conflict", "uses it")
    for kind in ("streams", "metrics", "boards"):
        is_error(f"DELETE what is not there: {kind}", server.delete(f"/v1/{kind}/none"), 404,
                 "not_found", "none")
    more = server.put("/v1/streams/s", {"fields": {**FIELDS, "extra": "int"}, "key": "who",
                                        "time": "at", "lateness": "30d"})
    results.check("a field more", more.status == 200 and more.json()["version"] == 2, more)
    is_error("a change of what has changed since", server.put("/v1/streams/s", {
        "fields": FIELDS, "key": "who", "time": "at", "version": 1}), 409, "conflict", "version 2")
    answer = server.send("s", [good("late-field", extra=5)])
    results.check("rows with the new field", answer.json()["accepted"] == 1, answer)
    wrong = server.send("s", [good("late-field", extra="x")])
    results.check("and its type counts", wrong.status == 400, wrong)


def fails_to_start(what, text, *words, settings=()):
    with tempfile.TemporaryDirectory(prefix="tallywheel-test-") as folder:
        path = pathlib.Path(folder) / "bad.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        command = [BINARY, "serve", "--config", path, "--data", f"{folder}/data", "--http",
                   "127.0.0.1:0", "--resp", "127.0.0.1:0"]
        for setting in settings:
            command += ["--set", setting]
        try:
            ended = subprocess.run(command, capture_output=True, timeout=20, text=True,
                                   errors="replace", check=False)
        except subprocess.TimeoutExpired:
            results.check(f"config: {what}", False, "the server runs")
            return
        results.check(f"config: {what}", ended.returncode not in (0, -6, -11)
                      and all(word in ended.stderr for word in words),
                      f"wanted {words}, got {ended.returncode} {ended.stderr[:400]!r}")


def test_config_file():
    stream = "streams: {s: {fields: {who: string, n: int}, key: who}}\n"
    for what, text, *words in (
        ("not YAML", "a: [", "bad.yaml:"),
        ("a tab", "a:\n\tb: 1\n", "bad.yaml:2"),
        ("binary", b"\x7fELF\x00\x01", "bad.yaml"),
        ("not UTF-8", b"data: \xff\xfe\xfd\n", "bad.yaml"),
        ("an unknown setting", "durabilty: fsync\n", "bad.yaml:1:1: ", "durabilty", "durability"),
        ("a bad word", "durability: maybe\n", "bad.yaml:1:", "durability", "fsync"),
        ("a bad size", "batch_bytes: lots\n", "batch_bytes"),
        ("too small", "batch_bytes: 1\n", "batch_bytes"),
        ("a bad limit", "limits: {line_bytes: 9GiB}\n", "limits.line_bytes"),
        ("an unknown limit", "limits: {line_byte: 9}\n", "line_byte", "line_bytes"),
        ("a setting twice", "tick: 1s\ntick: 2s\n", "bad.yaml:2:", "tick"),
        ("a bad address", "http: nowhere:99999\n", "http"),
        ("a bomb of aliases", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n"
                              "c: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n", "bad.yaml"),
        ("a list", "- a\n- b\n", "bad.yaml"),
        ("a bad type", "streams:\n  plays:\n    fields: {points: integr}\n",
         'bad.yaml:3:', 'streams.plays.fields.points: unknown type "integr", expected one of int, '
                        'float, string, bool, time'),
        ("a metric without a stream", "metrics:\n  m: {stream: none, value: count(), every: 1s}\n",
         'metrics.m.stream: stream "none" is not defined'),
        ("a metric of no strategy",
         stream + "metrics: {m: {stream: s, value: p99(n), every: 1s}}\n",
         "metrics.m.value", "p99"),
        ("a board of no key", stream + "boards: {b: {stream: s, member: n, score: sum(n)}}\n",
         "boards.b.member", "must be the key"),
        ("two streams of one name", "streams:\n  a: {fields: {x: int}}\n  a: {fields: {x: int}}\n",
         "bad.yaml:3:"),
        ("deep", "a: " + "[" * 5000, "bad.yaml"),
    ):
        fails_to_start(what, text, *words)
    fails_to_start("a bad --set", "", "nothing", settings=["nothing=1"])
    fails_to_start("a bad value of --set", "", "workers", settings=["workers=many"])
    with Server(CONFIG, settings=["partitions=2"]) as server:
        second = subprocess.run([BINARY, "serve", "--data", server.data, "--http", "127.0.0.1:0",
                                 "--resp", "127.0.0.1:0"],
                                capture_output=True, timeout=20, text=True, check=False)
        results.check("two servers on one folder", second.returncode != 0
                      and str(server.data) in second.stderr, second.stderr)
        taken = subprocess.run([BINARY, "serve", "--data", f"{server.folder}/other", "--http",
                                f"127.0.0.1:{server.port}"], capture_output=True, timeout=20,
                               text=True, check=False)
        results.check("two servers on one port", taken.returncode != 0
                      and str(server.port) in taken.stderr, taken.stderr)
        server.stop()
        server.settings = ["partitions=3"]
        try:
            server.start()
            results.check("another number of partitions", False, "the server runs")
        except Exception as error:  # pylint: disable=broad-except
            results.check("another number of partitions", "partitions" in str(error), error)
        server.settings = ["partitions=2"]
        server.process = None
        server.start()


# ---- queries ----

def test_queries():
    with Server(CONFIG, settings=["partitions=2"]) as server:
        server.send("s", [good("ann", more="x"), good("bob", more="y")])
        for path, status, code, *words in (
            ("/v1/boards/none/top", 404, "not_found", "none"),
            ("/v1/boards/none/members/x", 404, "not_found", "none"),
            ("/v1/boards/b/members/none", 404, "not_found", "none"),
            ("/v1/boards/b/around/none", 404, "not_found", "none"),
            ("/v1/metrics/none", 404, "not_found", "none"),
            ("/v1/metrics/none/labels", 404, "not_found", "none"),
            ("/v1/streams/none/events", 404, "not_found", "none"),
            ("/v1/streams/none", 404, "not_found", "none"),
            ("/v1/nothing", 404, "not_found"),
            ("/v1/boards/b/bottom", 404, "not_found"),
            ("/nothing/at/all", 404, "not_found"),
            ("/v1/streams/board:d/events", 404, "not_found"),
            ("/v1/boards/b/top?n=0", 400, "invalid", "n"),
            ("/v1/boards/b/top?n=-1", 400, "invalid", "n"),
            ("/v1/boards/b/top?n=1.5", 400, "invalid", "n"),
            ("/v1/boards/b/top?n=99999999999999999999", 400, "invalid", "page_entries"),
            ("/v1/boards/b/top?n=", 400, "invalid", "n"),
            ("/v1/boards/b/top?offset=x", 400, "invalid", "offset"),
            ("/v1/boards/b/top?offset=99999999999", 400, "invalid", "offset"),
            ("/v1/boards/b/top?ranks=best", 400, "invalid", "ranks", "dense"),
            ("/v1/boards/b/top?what=1", 400, "invalid", "what", "offset"),
            ("/v1/boards/b/top?n=1&n=2", 400, "invalid", "twice"),
            ("/v1/boards/b/top?by.more=x", 400, "invalid", "by.more"),
            ("/v1/boards/by/top", 400, "invalid", "by.more"),
            ("/v1/boards/by/top?by.zz=1", 400, "invalid", "by.zz"),
            ("/v1/boards/b/members?n=5", 400, "invalid", "search"),
            ("/v1/boards/b/members?search=a&n=99999", 400, "invalid", "search_results"),
            ("/v1/boards/b/top?n=%zz", 400, "invalid"),
            ("/v1/boards/b/members/%zz", 400, "invalid"),
            ("/v1/boards/b/members/%00", 400, "invalid"),
            ("/v1/metrics/m?start=yesterday", 400, "invalid", "start"),
            ("/v1/metrics/m?end=2021-13-01", 400, "invalid", "end"),
            ("/v1/metrics/m?step=1ms", 400, "invalid", "step"),
            ("/v1/metrics/m?step=1500ms", 400, "invalid", "step"),
            ("/v1/metrics/m?step=0", 400, "invalid", "step"),
            ("/v1/metrics/m?step=-1s", 400, "invalid", "step"),
            ("/v1/metrics/m?step=99999999y", 400, "invalid", "step"),
            ("/v1/metrics/m?by=zz", 400, "invalid", "zz", "more"),
            ("/v1/metrics/m?by=more,more", 400, "invalid", "twice"),
            ("/v1/metrics/m?where.zz=1", 400, "invalid", "where.zz"),
            ("/v1/metrics/m?latest=0", 400, "invalid", "latest"),
            ("/v1/metrics/m?latest=99999999999", 400, "invalid", "query_points"),
            ("/v1/streams/s/events?partition=7", 400, "invalid", "partition"),
            ("/v1/streams/s/events?limit=x", 400, "invalid", "limit"),
            ("/v1/streams/s/events?from=99999999999999999999999", 400, "invalid", "from"),
            ("/v1/live", 400, "invalid", "topic"),
        ):
            is_error(f"GET {path}", server.get(path), status, code, *words)
        for path in ("/v1/metrics/m?start=-9999999999999&end=now", "/v1/metrics/m?end=0",
                     "/v1/metrics/m?start=now&end=-5m", "/v1/boards/b/top?offset=4000000000",
                     "/v1/metrics/m?start=-8640000000000000&end=8640000000000000&step=100d",
                     "/v1/streams/s/events?from=9223372036854775807",
                     "/v1/boards/by/top?by.more=nowhere"):
            answer = server.get(path)
            results.check(f"GET {path} is fine", answer.status == 200, answer)
        test_scores(server)
        server.check_alive()


def test_scores(server):
    for update, status, reason in (
        ({}, 400, "member"), ({"member": "a"}, 400, "score"), ({"score": 1}, 400, "member"),
        ({"member": "", "score": 1}, 400, "member"), ({"member": 5, "score": 1}, 400, "member"),
        ({"member": "a", "score": "1"}, 400, "number"),
        ({"member": "a", "score": 1.5}, 400, "integer"),
        ({"member": "a", "score": -(2**63)}, 400, "integer"),
        ({"member": "a", "score": 1, "mode": "mul"}, 400, "mode"),
        ({"member": "a", "score": 1, "mode": 1}, 400, "mode"),
        (5, 400, "JSON"), ([5], 400, "object"), ("x", 400, ""), ([[]], 400, "object"),
    ):
        answer = server.post("/v1/boards/d/scores", json.dumps(update))
        results.check(f"scores {update!r}", answer.status == status
                      and reason in answer.body.decode(), answer)
    mixed = server.post("/v1/boards/d/scores", [{"member": "a", "score": 1}, {"member": "b"},
                                                {"member": "c", "score": 3}])
    results.check("a bad score among good ones", mixed.status == 200
                  and [item["member"] for item in mixed.json()["results"]] == ["a", "c"]
                  and mixed.json()["rejected"][0]["line"] == 2, mixed)
    for body in (b"", b"{", b"\xff", b'{"member":"a","score":1e999}', b"[" * 50000,
                 b'{"member":"a\\u0000","score":1}', b'{"member":"\xff","score":1}',
                 b'{"member":"a","score":99999999999999999999}'):
        is_error(f"scores {body[:40]!r}", server.post("/v1/boards/d/scores", body), 400, "invalid")
    is_error("scores of a board on a stream", server.post("/v1/boards/b/scores", {}), 409,
             "conflict", "stream")
    is_error("scores of no board", server.post("/v1/boards/none/scores", {}), 404, "not_found")
    is_error("events for no stream", server.post("/v1/streams/none/events", b"{}"), 404,
             "not_found", "none")
    is_error("events for a board's own stream",
             server.post("/v1/streams/board:d/events", b"{}"), 404, "not_found")


# ---- HTTP ----

def raw(server, data, *, half_close=False, timeout=20):
    """What the server answers to these bytes, until it closes or has answered."""
    with server.socket(timeout) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = b""
        try:
            while True:
                more = connection.recv(65536)
                if not more:
                    break
                answer += more
                head, sep, body = answer.partition(b"\r\n\r\n")
                if sep and b"\r\ncontent-length: %d\r\n" % len(body) in head.lower() + b"\r\n":
                    break
        except socket.timeout:
            answer += b" (nothing more, not closed)"
        except ConnectionResetError:
            pass
        return answer


def status_of(answer):
    parts = answer.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None


def test_http():
    with Server(CONFIG, settings=["partitions=1", "request_timeout=1s"]) as server:
        host = b"Host: 127.0.0.1\r\n"
        post = b"POST /v1/streams/s/events HTTP/1.1\r\n" + host
        for what, data, status in (
            ("garbage", b"\x00\x01\x02\x03\r\n\r\n", 400),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
            ("no version", b"GET /\r\n\r\n", 400),
            ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            ("no host", b"GET / HTTP/1.1\r\n\r\n", 400),
            ("two hosts", b"GET / HTTP/1.1\r\n" + host + host + b"\r\n", 400),
            ("another name", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
            ("bare LFs", b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n", 408),
            ("a bare LF among others", b"GET / HTTP/1.1\r\n" + host + b"A: b\nC: d\r\n\r\n", 400),
            ("space before a colon", b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400),
            ("a folded header", b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n c\r\n\r\n", 400),
            ("101 headers", b"GET / HTTP/1.1\r\n" + host
             + b"".join(b"h%d: x\r\n" % i for i in range(101)) + b"\r\n", 431),
            ("huge headers", b"GET / HTTP/1.1\r\n" + host + b"A: " + b"x" * 70000 + b"\r\n\r\n",
             431),
            ("a huge address", b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n" + host + b"\r\n", 431),
            ("headers without end", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20000, 431),
            ("two lengths", post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
            ("a length with a sign", post + b"Content-Length: +2\r\n\r\n{}", 400),
            ("a length that is no number", post + b"Content-Length: two\r\n\r\n{}", 400),
            ("a length beyond 64 bits", post + b"Content-Length: 99999999999999999999999\r\n\r\n",
             400),
            ("a length of a petabyte", post + b"Content-Length: 1125899906842624\r\n\r\n", 413),
            ("length and chunks", post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
             400),
            ("unknown coding", post + b"Transfer-Encoding: gzip\r\n\r\n", 501),
            ("a bad chunk", post + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            ("a chunk beyond 64 bits", post
             + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
            ("a chunk without end", post + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}X", 400),
            ("another site's page", b"POST /v1/streams/s/events HTTP/1.1\r\n" + host
             + b"Origin: https://evil.example\r\nContent-Length: 2\r\n\r\n{}", 403),
            ("a body too slow", post + b"Content-Length: 100\r\n\r\n{", 408),
            ("a head too slow", b"GET / HTTP/1.1\r\nHo", 408),
        ):
            answer = raw(server, data)
            results.check(f"HTTP: {what}", status_of(answer) == status,
                          f"wanted {status}, got {answer[:200]!r}")
        for method, path, status in (
            ("DELETE", "/v1/streams/s/events", 405), ("PUT", "/v1/status", 405),
            ("POST", "/v1/boards/b/top", 405), ("PATCH", "/v1/boards/b", 405),
            ("BREW", "/", 405), ("POST", "/", 405),
        ):
            answer = server.request(method, path, b"")
            is_error(f"{method} {path}", answer, status, "method", method)
            results.check(f"{method} {path}: Allow", answer.headers.get("Allow"), answer)
        results.equal("HEAD", (server.request("HEAD", "/v1/status").status,
                               server.request("HEAD", "/v1/status").body), (200, b""))
        test_aborts(server)
        test_slow_loris(server)


def test_aborts(server):
    """Clients that leave in mid body: what was whole is kept, the server goes on."""
    count = server.get_json("/v1/boards/b/top")["size"]
    body = lines(*[good(f"gone{i}") for i in range(20000)])
    for cut in (10, 200, 3000, 100000, len(body) - 1):
        with server.socket() as connection:
            connection.sendall(b"POST /v1/streams/s/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body) + body[:cut])
            if cut % 2:  # a reset instead of a goodbye
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with server.socket() as connection:
        connection.sendall(b"GET /v1/streams/s/events?limit=100000 HTTP/1.1\r\n"
                           b"Host: 127.0.0.1\r\n\r\n" * 50)
    results.check("rows before an abort may count, and the server goes on",
                  server.get_json("/v1/boards/b/top")["size"] >= count)
    server.check_alive()


def test_slow_loris(server):
    """Two hundred who dribble: each is given up after request_timeout, others are served."""
    connections = []
    for at in range(200):
        connection = server.socket(10)
        connection.sendall(b"GET / HTTP/1.1\r\nX: " if at % 2 else
                           b"POST /v1/streams/s/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           b"Content-Length: 1000\r\n\r\n")
        connections.append(connection)
    began = time.monotonic()
    results.check("others are served meanwhile", server.get("/healthz").status == 200
                  and time.monotonic() - began < 1)
    for _ in range(3):
        for connection in connections[1::2]:
            try:
                connection.sendall(b"y")
            except OSError:
                pass
        time.sleep(0.2)
    ended = 0
    for connection in connections:
        try:
            connection.settimeout(max(0.01, began + 6 - time.monotonic()))
            ended += b"408" in connection.recv(4096)[:30]
        except OSError:
            ended += 1
        connection.close()
    results.equal("who dribbles is given up", ended, 200)


# ---- limits ----

def test_limits():
    settings = ["partitions=1", "limits.connections=30", "limits.watches=5",
                "limits.definitions=10", "limits.metric_series=10", "limits.board_members=20",
                "limits.board_segments=4", "limits.query_points=1000", "limits.metric_panes=50"]
    with Server(CONFIG, settings=settings) as server:
        server.send("s", [good(f"w{i}", more=f"l{i}", n=i) for i in range(100)])
        series = server.get_json("/v1/metrics/m", start="-1h")["series"]
        by_label = {}
        for item in series:
            by_label[item["labels"]["more"]] = sum(point[1] for point in item["points"])
        results.equal("series beyond the limit are __other__",
                      (len(by_label), by_label.get("__other__"), sum(by_label.values())),
                      (11, 90, 100))
        results.equal("members beyond the limit are left out",
                      server.get_json("/v1/boards/b/top", n=100)["size"], 20)
        segments = server.get_json("/v1/boards/by/segments")["segments"]
        results.equal("segments beyond the limit are left out", len(segments), 4)
        full = [server.post("/v1/boards/d/scores", {"member": f"d{i}", "score": i})
                for i in range(22)]
        results.check("a full board refuses a new member", full[19].status == 200
                      and full[20].status == 400 and b"board_members" in full[20].body, full[20])
        results.equal("and still takes scores of the others",
                      server.post("/v1/boards/d/scores", {"member": "d3", "score": 99}).status, 200)
        extra = [server.put(f"/v1/boards/extra{i}", {}) for i in range(3)]
        is_error("definitions", extra[-1], 429, "limit", "definitions")
        old = now() - 2 * HOUR
        server.send("s", [good("p", at=old + i * 1000) for i in range(200)])
        starts = {point[0] for item in server.get_json("/v1/metrics/m", start="-3h")["series"]
                  for point in item["points"]}
        results.check("panes beyond the limit go, the oldest first", len(starts) <= 51
                      and max(starts) > now() - HOUR, f"{len(starts)} panes")
        test_watches(server)
        test_connections(server)


def test_watches(server):
    topics = "&".join(f"topic=boards/b/top?n={i}".replace("?", "%3F").replace("=", "%3D", 2)
                      .replace("topic%3D", "topic=") for i in range(1, 9))
    with server.socket(10) as connection:
        connection.sendall(f"GET /v1/live?{topics} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           "Accept: text/event-stream\r\n\r\n".encode())
        text = b""
        end = time.monotonic() + 5
        while time.monotonic() < end and not (text.count(b"event: snapshot") >= 5
                                              and text.count(b"event: error") >= 3):
            try:
                connection.settimeout(1)
                text += connection.recv(65536)
            except socket.timeout:
                break
        results.equal("watches beyond the limit are refused, the others go on",
                      (text.count(b"event: snapshot"), text.count(b"event: error")), (5, 3))
        results.check("and the reason is said", b'"code":"limit"' in text, text[-300:])
    wrong = raw_live(server, "topic=boards%2Fnone%2Ftop&topic=nonsense&topic=boards%2Fb%2Ftop", 2)
    results.check("a bad topic is an error of its own, others go on",
                  wrong.count(b"event: error") == 2 and wrong.count(b"event: snapshot") == 1, wrong)


def raw_live(server, query, errors, seconds=5):
    with server.socket(10) as connection:
        connection.sendall(f"GET /v1/live?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        text = b""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                connection.settimeout(max(0.05, end - time.monotonic()))
                text += connection.recv(65536)
            except socket.timeout:
                break
            if text.count(b"event: error") >= errors and b"event: snapshot" in text:
                break
        return text


def test_connections(server):
    server.disconnect()
    time.sleep(0.1)
    connections = [server.socket(5) for _ in range(60)]
    refused = 0
    for connection in connections[::-1]:
        connection.settimeout(0.3)
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            refused += b" 503 " in connection.recv(4096)[:20]
        except OSError:
            refused += 1
    results.check("connections beyond the limit are turned away with 503", 25 <= refused <= 35,
                  f"{refused} of 60")
    for connection in connections:
        connection.close()
    time.sleep(0.3)
    results.equal("and afterwards there is room", server.get("/healthz").status, 200)


def test_ingest_limit():
    """Events come faster than they can be committed: 429 with Retry-After, never without bound."""
    settings = ["partitions=1", "workers=1", "limits.ingest_bytes=1MiB",
                "limits.body_bytes=1MiB", "batch_bytes=1MiB"]
    with Server(CONFIG, settings=settings) as server:
        body = lines(*[good(f"w{i}", more="x" * 200) for i in range(3500)])
        answers = []

        def flood():
            client = Server.__new__(Server)
            client.__dict__ = {**server.__dict__, "connection": None}
            for _ in range(6):
                try:
                    answers.append(client.post("/v1/streams/s/events", body, NDJSON))
                except OSError as error:
                    answers.append(error)
            client.disconnect()

        threads = [threading.Thread(target=flood) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = {}
        for answer in answers:
            key = answer.status if hasattr(answer, "status") else repr(answer)
            statuses[key] = statuses.get(key, 0) + 1
        results.check("a flood is slowed down or refused, and nothing else",
                      set(statuses) <= {200, 429}, statuses)
        taken = sum(answer.json()["accepted"] for answer in answers
                    if getattr(answer, "status", 0) == 200)
        results.equal("what was acknowledged is there",
                      server.get_json("/v1/status")["streams"][0]["events"] >= taken, True)
        for answer in answers:
            if getattr(answer, "status", 0) == 429:
                results.check("429 says when to come back", answer.headers.get("Retry-After"),
                              answer)
                break
        print(f"    flood: {statuses}")
        results.check("memory of a flood", server.memory_bytes() < 400 << 20,
                      f"{server.memory_bytes() >> 20} MiB")


# ---- a storm ----

STORM_SECONDS = {"small": 3, "full": 10}
STORM_MEMORY_MAX = 256 << 20


def storm(server, seed, end, counts):
    rng = random.Random(seed)
    base = lines(*[good(f"s{i}", more=rng.choice("abc")) for i in range(30)])
    paths = [b"/v1/streams/s/events", b"/v1/boards/d/scores", b"/v1/streams/%00/events",
             b"/v1/live?topic=boards/b/top", b"/v1/metrics/m?start=-1h", b"/", b"/v1/boards/b/top"]
    while time.monotonic() < end:
        body = bytearray(base[:rng.randrange(len(base))])
        for _ in range(rng.choice([0, 1, 5, 50])):
            if body:
                body[rng.randrange(len(body))] = rng.randrange(256)
        if rng.random() < 0.2:
            body += bytes(rng.randrange(256) for _ in range(rng.randrange(2000)))
        encoding = b""
        if rng.random() < 0.3:
            body = bytearray(gzip.compress(bytes(body)))
            if rng.random() < 0.5:
                body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
            encoding = b"Content-Encoding: gzip\r\n"
        method = rng.choice([b"POST", b"POST", b"POST", b"GET", b"PUT", b"DELETE", b"X"])
        length = len(body) + rng.choice([0, 0, 0, 1, -1, 100])
        head = (method + b" " + rng.choice(paths) + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + encoding
                + b"Content-Length: %d\r\n\r\n" % max(0, length))
        data = bytearray(head) + body
        if rng.random() < 0.1:
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            with server.socket(0.2) as connection:
                connection.sendall(bytes(data))
                if rng.random() < 0.7:
                    answer = connection.recv(65536)
                    counts[answer[9:12].decode("latin-1")] = counts.get(
                        answer[9:12].decode("latin-1"), 0) + 1
        except OSError:
            pass


def test_storm():
    seed = int(os.environ.get("TALLYWHEEL_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"    storm: seed {seed}")
    with Server(CONFIG, settings=["partitions=2", "workers=2", "request_timeout=500ms"]) as server:
        before = server.memory_bytes()
        end = time.monotonic() + STORM_SECONDS[size()]
        counts = {}
        threads = [threading.Thread(target=storm, args=(server, f"{seed} {i}", end, counts))
                   for i in range(6)]
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            most = max(most, server.memory_bytes())
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        server.check_alive()
        print(f"    storm: {sum(counts.values())} answers {counts}, memory {before >> 20} to "
              f"{most >> 20} MiB")
        bound = STORM_MEMORY_MAX * (4 if size() == "small" else 1)
        results.check("memory stays within bounds", most < bound, f"{most >> 20} MiB")
        results.equal("nothing is 500", counts.get("500", 0), 0)
        answer = server.send("s", [good("after the storm")])
        results.check("good events are taken afterwards", answer.json()["accepted"] == 1, answer)
        size_before = server.get_json("/v1/boards/b/top")["size"]
        server.kill()
        server.start()
        results.equal("and are there after kill -9",
                      server.get_json("/v1/boards/b/top")["size"], size_before)


PARTS = ["rows", "sizes", "gzip", "definitions", "config_file", "queries", "http", "limits",
         "ingest_limit", "storm"]


def main():
    for name in sys.argv[1:] or PARTS:
        began = time.monotonic()
        failed = results.failed
        try:
            globals()[f"test_{name}"]()
        except Exception as error:  # pylint: disable=broad-except
            results.check(f"{name} runs to its end", False, f"{type(error).__name__}: {error}")
        print(f"{name}: {'ok' if results.failed == failed else 'FAILED'}, "
              f"{time.monotonic() - began:.1f} s", flush=True)
    results.exit()


if __name__ == "__main__":
    main()
