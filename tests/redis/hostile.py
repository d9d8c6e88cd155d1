#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that ask too much, leave in the middle, or never read: the server goes on.

    hostile.py --tallywheel PROGRAM [--partitions 3] [--idle 2000] [--keys 100000]

Very many words and keys in one command, transactions without an end, subscribers that do not read,
idle connections, a stop while clients wait and pipelines are under way. `--idle` and `--keys` say
how many connections and keys, and print what they cost.
"""

import argparse
import pathlib
import re
import resource
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import servers  # noqa: E402
import wire  # noqa: E402

REPLY_SECONDS_MAX = 60
TOO_MANY = ("-", b"ERR more than 65535 keys in one command")
PUSH_BYTES = 4 << 20

failures = []


def expect(what, good, got=None):
    if not good:
        failures.append(what)
        print(f"FAILED {what}" + (f": {wire.show(got)}" if got is not None else ""), flush=True)


def fresh(endpoint):
    return endpoint.connect(REPLY_SECONDS_MAX)


def alive(endpoint, what):
    connection = fresh(endpoint)
    expect(f"alive after {what}", connection.ask("PING") == ("+", b"PONG"))
    connection.close()


def resident_bytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) << 10


# ---- very many words ----


def many_keys(endpoint, options):
    """Up to 65,535 keys are taken, or up to 65,534 beside a destination; more is an error."""
    connection = fresh(endpoint)
    forms = {
        "DEL": lambda keys: ["DEL", *keys],
        "EXISTS": lambda keys: ["EXISTS", *keys],
        "UNLINK": lambda keys: ["UNLINK", *keys],
        "TOUCH": lambda keys: ["TOUCH", *keys],
        "ZMPOP": lambda keys: ["ZMPOP", len(keys), *keys, "MIN"],
        "BZMPOP": lambda keys: ["BZMPOP", "0.01", len(keys), *keys, "MAX"],
        "BZPOPMIN": lambda keys: ["BZPOPMIN", *keys, "0.01"],
        "BZPOPMAX": lambda keys: ["BZPOPMAX", *keys, "0.01"],
        "ZUNION": lambda keys: ["ZUNION", len(keys), *keys],
        "ZINTER": lambda keys: ["ZINTER", len(keys), *keys],
        "ZDIFF": lambda keys: ["ZDIFF", len(keys), *keys, "WITHSCORES"],
        "ZINTERCARD": lambda keys: ["ZINTERCARD", len(keys), *keys],
        "ZUNIONSTORE": lambda keys: ["ZUNIONSTORE", "d", len(keys), *keys],
        "ZINTERSTORE": lambda keys: ["ZINTERSTORE", "d", len(keys), *keys],
        "ZDIFFSTORE": lambda keys: ["ZDIFFSTORE", "d", len(keys), *keys],
        "WATCH": lambda keys: ["WATCH", *keys],
    }
    for name, form in forms.items():
        least = 65534 if name in ("ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "WATCH") else 65535
        for count in (least, least + 1, 70000, 200000):
            for key in ("k%d", "{t}k%d"):
                reply = connection.ask(*form([key % (n % 1000) for n in range(count)]))
                wanted = reply[0] != "-" if count == least else reply == TOO_MANY
                if name == "WATCH":
                    wanted = reply[0] == "+" or reply[1].startswith(b"ERR more keys are watched")
                    connection.ask("UNWATCH")
                expect(f"{name} of {count} keys", wanted, reply)
                if name.startswith("B"):
                    connection.ask("MULTI")
                    connection.send(*form([key % n for n in range(count)]))
                    expect(f"{name} of {count} keys is queued",
                           connection.read() == ("+", b"QUEUED"))
                    reply = connection.ask("EXEC")
                    expect(f"{name} of {count} keys in EXEC", reply[0] == "*", reply)
    connection.close()


def many_words(endpoint, options):
    connection = fresh(endpoint)
    members = [f"m{n}" for n in range(150000)]
    pairs = [word for n, member in enumerate(members) for word in (n, member)]
    for words, wanted in (
            (["ZADD", "big", *pairs], (":", 150000)),
            (["ZADD", "big", "XX", "CH", *pairs], (":", 0)),
            (["ZADD", "big", *pairs[:-1], "x", "y"], ("-", b"ERR syntax error")),
            (["ZADD", "big", *pairs[:-2], "x", "y"], ("-", b"ERR value is not a valid float"))):
        reply = connection.ask(*words)
        expect(f"{len(words)} words of ZADD", reply == wanted, reply)
    reply = connection.ask("ZMSCORE", "big", *members)
    expect("ZMSCORE of very many", len(reply[1]) == 150000 and reply[1][149999][1] == b"149999")
    reply = connection.ask("TW.AMONG", "big", 5000, *members[:5000])
    expect("TW.AMONG of many", reply[0] == "*" and len(reply[1]) == 5000, reply)
    reply = connection.ask("ZREM", "big", *members)
    expect("ZREM of very many", reply == (":", 150000), reply)
    reply = connection.ask(*["PING"] * 200000)
    expect("PING of very many words", reply[0] == "-", reply)
    reply = connection.ask("COMMAND", "GETKEYS", "ZUNION", 100000, *members[:100000])
    expect("COMMAND GETKEYS of very many", reply[0] in "*-", reply)
    reply = connection.ask("COMMAND", "DOCS", *members)
    expect("COMMAND DOCS of very many", reply[0] in "*-", reply)
    connection.close()


def watch_many(endpoint, options):
    connection = fresh(endpoint)
    other = fresh(endpoint)
    for number in range(0, 60000, 20000):
        reply = connection.ask("WATCH", *(f"w{n}" for n in range(number, number + 20000)))
        expect("WATCH of very many", reply == ("+", b"OK"), reply)
    began = time.monotonic()
    for _ in range(20):
        connection.ask("WATCH", *(f"w{n}" for n in range(20000)))
    expect("to watch again is quick", time.monotonic() - began < 20)
    other.ask("ZADD", "w59999", "1", "m")
    connection.ask("MULTI")
    connection.ask("ZADD", "w0", "1", "m")
    reply = connection.ask("EXEC")
    expect("the last of very many watched keys counts", reply == ("*", None), reply)
    connection.close()
    other.close()


# ---- transactions ----


def endless_transactions(endpoint, options):
    connection = fresh(endpoint)
    connection.ask("ZADD", "{a}", "1", "m")
    connection.ask("ZADD", "{b}", "1", "m")
    for words, wanted in ((["CONFIG", "SET", "nosuch", "1"], "-"),
                          (["CLIENT", "UNBLOCK", "x"], "-"),
                          (["ZUNIONSTORE", "{c}", "2", "{a}", "{b}"], ":"),
                          (["RANDOMKEY"], "$"), (["KEYS", "{a}"], "*"), (["PING"], "+"),
                          (["ZCARD", "{a}"], ":"), (["DEL", "{d}", "{e}", "{f}"], ":")):
        count = 2000 if words[0] in ("ZUNIONSTORE", "RANDOMKEY") else 100000
        data = wire.encode([wire.to_bytes(word) for word in words]) * count
        connection.send("MULTI")
        connection.send_bytes(data)
        connection.send("EXEC")
        for _ in range(count + 1):
            connection.read()
        reply = connection.read()
        good = reply[0] == "*" and len(reply[1]) == count and \
            all(item[0] == wanted for item in reply[1])
        expect(f"{count} times {words[0]} in EXEC", good, reply)
    connection.close()


# ---- pipelines ----


def never_reads(endpoint, options):
    """Replies that nobody takes are not made any more: the client waits, not the server."""
    setup = fresh(endpoint)
    setup.ask("ZADD", "wide", *(word for n in range(2000) for word in (n, f"{n:0500}")))
    connections = [fresh(endpoint) for _ in range(8)]
    before = resident_bytes(endpoint.server.process)
    data = wire.encode([b"ZRANGE", b"wide", b"0", b"-1"]) * options.reads
    for connection in connections:
        connection.socket.settimeout(1)
        try:
            connection.socket.sendall(data)
        except socket.timeout:
            pass
    time.sleep(1)
    grown = resident_bytes(endpoint.server.process) - before
    expect(f"8 clients that do not read cost {grown >> 20} MiB", grown < 3 << 30)
    print(f"8 clients that asked for {8 * options.reads} MB and do not read: {grown >> 20} MiB")
    for connection in connections:
        connection.close()
    setup.ask("DEL", "wide")
    setup.close()


def slow_subscriber(endpoint, options):
    subscriber = fresh(endpoint)
    subscriber.ask("SUBSCRIBE", "news")
    reader = fresh(endpoint)
    reader.ask("SUBSCRIBE", "news")
    publisher = fresh(endpoint)
    text = b"x" * 65536
    sent = 0
    reply = (":", 2)
    while reply == (":", 2) and sent < 4000:
        reply = publisher.ask("PUBLISH", "news", text)
        sent += 1
        expect("one who reads gets all", reader.read()[1][2] == ("$", text))
    expect("one who does not read is cut off", reply == (":", 1), reply)
    print(f"cut off after {sent * len(text) >> 20} MiB")
    for connection in (subscriber, reader, publisher):
        connection.close()


# ---- connections and keys ----


def idle_connections(endpoint, options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(options.idle, hard - 100)
    before = resident_bytes(endpoint.server.process)
    idle = [fresh(endpoint) for _ in range(count)]
    for connection in idle[::7]:
        connection.send("PING")
    for connection in idle[::7]:
        expect("an idle connection answers", connection.read() == ("+", b"PONG"))
    grown = resident_bytes(endpoint.server.process) - before
    print(f"{count} idle connections: {grown // count} bytes each")
    expect("an idle connection is small", grown < count * 8192)
    control = fresh(endpoint)
    text = control.ask("INFO", "clients")[1]
    expect("all are counted", int(re.search(rb"connected_clients:(\d+)", text)[1]) >= count)
    for connection in idle:
        connection.close()
    control.close()


def many_small_keys(endpoint, options):
    connection = fresh(endpoint)
    connection.ask("FLUSHALL")
    before = resident_bytes(endpoint.server.process)
    began = time.monotonic()
    for first in range(0, options.keys, 2000):
        connection.send_bytes(b"".join(
            wire.encode([b"ZADD", b"user:%d" % n, b"%d" % n, b"member:%d" % n])
            for n in range(first, first + 2000)))
        for _ in range(2000):
            connection.read()
    seconds = time.monotonic() - began
    grown = resident_bytes(endpoint.server.process) - before
    reply = connection.ask("DBSIZE")
    expect("all keys are there", reply[1] == (options.keys + 1999) // 2000 * 2000, reply)
    print(f"{options.keys} keys of one member: {grown // options.keys} bytes each, {seconds:.1f} s")
    began = time.monotonic()
    connection.ask("FLUSHALL")
    print(f"FLUSHALL of them: {time.monotonic() - began:.2f} s")
    connection.close()


# ---- the end ----


def stop_in_the_middle(endpoint, options):
    """SIGTERM: those who wait are answered, pipelines end between two commands, all is kept."""
    waiting = [fresh(endpoint) for _ in range(50)]
    for n, connection in enumerate(waiting):
        connection.send("BZPOPMIN", f"nobody{n % 7}", "{n}obody", "0")
    busy = [fresh(endpoint) for _ in range(4)]
    for n, connection in enumerate(busy):
        connection.send_bytes(b"".join(wire.encode([b"ZADD", b"busy%d" % n, b"%d" % i, b"m%d" % i])
                                       for i in range(20000)))
    for connection in busy:
        connection.read()
    process = endpoint.server.process
    process.send_signal(signal.SIGTERM)
    counts = []
    for connection in busy:
        count = 1
        try:
            while (reply := connection.read()) != wire.CLOSED and reply[0] == ":":
                count += 1
        except (wire.WireError, OSError):
            pass
        counts.append(count)
    for connection in waiting:
        try:
            reply = connection.read()
        except (wire.WireError, OSError):
            reply = wire.CLOSED
        expect("who waits is answered at the end", reply in (("*", None), wire.CLOSED), reply)
    code = process.wait(30)
    expect(f"it ended with {code}", code == 0)
    endpoint.server._ended()
    endpoint.start()
    control = fresh(endpoint)
    for n, count in enumerate(counts):
        reply = control.ask("ZCARD", f"busy{n}")
        expect(f"{count} were answered", reply[1] >= count, reply)
    for connection in (*waiting, *busy, control):
        connection.close()


CASES = [many_keys, many_words, watch_many, endless_transactions, never_reads, slow_subscriber,
         idle_connections, many_small_keys, stop_in_the_middle]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tallywheel", metavar="PROGRAM", required=True, help="start this one")
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--idle", type=int, default=2000)
    parser.add_argument("--reads", type=int, default=2000, help="of a MB, by who takes none")
    parser.add_argument("--keys", type=int, default=100000)
    parser.add_argument("--case", choices=[case.__name__ for case in CASES])
    options = parser.parse_args()
    endpoint = servers.Tallywheel(
        options.tallywheel, options.partitions,
        settings=(*servers.Tallywheel.SETTINGS, f"limits.resp_push_bytes={PUSH_BYTES}"))
    try:
        for case in CASES:
            if options.case not in (None, case.__name__):
                continue
            began = time.monotonic()
            try:
                case(endpoint, options)
            except (wire.WireError, OSError, RuntimeError) as error:
                expect(f"{case.__name__}: {error!r}", False)
            endpoint.check()
            alive(endpoint, case.__name__)
            print(f"{case.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    finally:
        endpoint.close()
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
