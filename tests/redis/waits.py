#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that wait for members (BZPOPMIN, BZPOPMAX, BZMPOP), many at once.

    waits.py --tallywheel PROGRAM [--partitions 3] [--seconds 5]
    waits.py --server HOST:PORT                 a server that is running; it is FLUSHed
    waits.py --redis                            is the test right?

First the order in which those who wait are served, case by case. Then a crowd: consumers wait for
several keys at a time, with and without a time-out, producers add members that are all different,
others wait and hang up, and some are unblocked from outside. In the end every member has been
popped once or is still there; only for a client that has hung up may one be lost.
"""

import argparse
import random
import sys
import threading
import time

import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import differential  # noqa: E402
import servers  # noqa: E402
import wire  # noqa: E402

KEYS = [b"w%d" % n for n in range(9)]
TOGETHER = [b"{w}%d" % n for n in range(3)]
CONSUMERS = 24
PRODUCERS = 4
LEAVERS = 4
SECONDS_MAX = 30

failures = []


def expect(what, got, wanted):
    if got != wanted:
        failures.append(what)
        print(f"FAILED {what}: {wire.show(got) if isinstance(got, tuple) else got}, "
              f"not {wire.show(wanted) if isinstance(wanted, tuple) else wanted}", flush=True)


def bulk(text):
    return ("$", text)


def popped(key, member, score):
    return ("*", [bulk(key), bulk(member), bulk(score)])


def rows(key, *pairs):
    return ("*", [bulk(key), ("*", [("*", [bulk(m), bulk(s)]) for m, s in pairs])])


class Crowd:
    """Connections that begin to wait one after the other."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.control = endpoint.connect()
        self.control.ask("FLUSHALL")
        self.waiting = []

    def blocked(self):
        text = self.control.ask("INFO", "clients")[1]
        return int(text.split(b"blocked_clients:")[1].split(b"\r\n")[0])

    def wait_blocked(self, count):
        end = time.monotonic() + SECONDS_MAX
        while self.blocked() != count:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.blocked()} clients wait, not {count}")
            time.sleep(0.0005)

    def wait(self, *arguments):
        connection = self.endpoint.connect(SECONDS_MAX)
        before = self.blocked()
        connection.send(*arguments)
        self.wait_blocked(before + 1)
        self.waiting.append(connection)
        return connection

    def quiet(self, connection):
        """Still waits: nothing has come."""
        return not connection.readable(0.05)

    def close(self):
        for connection in (*self.waiting, self.control):
            connection.close()


# ---- order ----


def first_come(crowd):
    clients = [crowd.wait("BZPOPMIN", "w0", "0") for _ in range(20)]
    crowd.control.ask("ZADD", "w0", *(word for n in range(20) for word in (n, f"m{n:02}")))
    for n, client in enumerate(clients):
        expect(f"client {n} of one queue", client.read(), popped(b"w0", b"m%02d" % n, b"%d" % n))


def several_keys(crowd):
    """A client that one key has served leaves the queues of the others."""
    first = crowd.wait("BZPOPMAX", "w1", "w2", "w3", "w4", "0")
    second = crowd.wait("BZPOPMIN", "w4", "w3", "w2", "w1", "0")
    crowd.control.ask("ZADD", "w3", "1", "a")
    expect("the first of two", first.read(), popped(b"w3", b"a", b"1"))
    crowd.control.ask("ZADD", "w1", "2", "b")
    expect("the second of two", second.read(), popped(b"w1", b"b", b"2"))
    expect("nobody is left", crowd.blocked(), 0)
    expect("nothing is left", crowd.control.ask("EXISTS", *KEYS), (":", 0))


def counts(crowd):
    """Who takes many leaves nothing; who came next stays in its turn for other keys."""
    one, two = TOGETHER[:2]
    first = crowd.wait("BZMPOP", "0", "2", one, two, "MIN", "COUNT", "1")
    second = crowd.wait("BZMPOP", "0", "2", one, two, "MAX", "COUNT", "10")
    third = crowd.wait("BZMPOP", "0", "2", one, two, "MIN", "COUNT", "10")
    fourth = crowd.wait("BZMPOP", "0", "2", one, two, "MAX", "COUNT", "1")
    for words in (["MULTI"], ["ZADD", one, 1, "a", 2, "b", 3, "c", 4, "d", 5, "e"],
                  ["ZADD", two, 1, "a", 2, "b", 3, "c", 4, "d", 5, "e"], ["EXEC"]):
        crowd.control.ask(*words)
    expect("one of five", first.read(), rows(one, (b"a", b"1")))
    expect("the other four", second.read(),
           rows(one, (b"e", b"5"), (b"d", b"4"), (b"c", b"3"), (b"b", b"2")))
    expect("all of the other key", third.read(),
           rows(two, *((b"abcde"[n:n + 1], b"%d" % (n + 1)) for n in range(5))))
    expect("nothing is left for the fourth", crowd.quiet(fourth), True)
    expect("it waits", crowd.blocked(), 1)
    crowd.control.ask("ZADD", two, "7", "x")
    expect("the fourth", fourth.read(), rows(two, (b"x", b"7")))


def whole_transactions(crowd):
    key = TOGETHER[0]
    client = crowd.wait("BZPOPMIN", key, "0")
    for words in (["MULTI"], ["ZADD", key, 0, "a"], ["DEL", key], ["EXEC"]):
        crowd.control.ask(*words)
    expect("made and deleted wakes nobody", crowd.quiet(client), True)
    for words in (["MULTI"], ["ZADD", key, 1, "b"], ["ZADD", key, 0, "a"], ["ZADD", key, 2, "c"],
                  ["EXEC"]):
        crowd.control.ask(*words)
    expect("the least of the whole", client.read(), popped(key, b"a", b"0"))


def other_makers(crowd):
    """Whatever makes a key serves those who wait for it."""
    source, other, key = TOGETHER
    crowd.control.ask("ZADD", other, "1", "kept")
    for words in (["RENAME", source, key], ["COPY", source, key],
                  ["ZUNIONSTORE", key, "1", source], ["ZRANGESTORE", key, source, "0", "-1"],
                  ["ZINCRBY", key, "1", "m"], ["ZINTERSTORE", key, "1", source]):
        crowd.control.ask("DEL", source)
        crowd.control.ask("ZADD", source, "1", "m")
        client = crowd.wait("BZPOPMIN", key, "0")
        crowd.control.ask(*words)
        expect(f"served by {words[0]}", client.read(), popped(key, b"m", b"1"))


def ends(crowd):
    """Time-outs, UNBLOCK, hanging up."""
    client = crowd.wait("BZPOPMIN", "w0", "w5", "0.2")
    expect("its time is up", client.read(), ("*", None))
    client.send("CLIENT", "ID")
    number = client.read()[1]
    client.send("BZPOPMIN", "w0", "w5", "0")
    crowd.wait_blocked(1)
    expect("unblocked", crowd.control.ask("CLIENT", "UNBLOCK", number), (":", 1))
    expect("as if its time were up", client.read(), ("*", None))
    client.send("BZMPOP", "0", "2", "w0", "w5", "MIN")
    crowd.wait_blocked(1)
    crowd.control.ask("CLIENT", "UNBLOCK", number, "ERROR")
    expect("with an error", client.read(),
           ("-", b"UNBLOCKED client unblocked via CLIENT UNBLOCK"))
    expect("not blocked any more", crowd.control.ask("CLIENT", "UNBLOCK", number), (":", 0))
    client.send("BZPOPMIN", "w0", "0")
    crowd.wait_blocked(1)
    client.close()
    crowd.wait_blocked(0)
    crowd.control.ask("ZADD", "w0", "1", "a")
    expect("nobody took it", crowd.control.ask("ZCARD", "w0"), (":", 1))


# ---- the crowd ----


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.added = 0
        self.popped = []
        self.left = 0
        self.trouble = []
        self.done = threading.Event()

    def note(self, members):
        with self.lock:
            self.popped.extend(members)


def members_of(reply):
    if reply[1] is None:
        return []
    if isinstance(reply[1][1][1], list):
        return [row[1][0][1] for row in reply[1][1][1]]
    return [reply[1][1][1]]


def guarded(tally, work, *arguments):
    try:
        work(tally, *arguments)
    except Exception as error:  # whatever it is, the run has failed
        with tally.lock:
            tally.trouble.append(f"{work.__name__}: {error!r}")
        tally.done.set()


def words_to_wait(source, timeout, most=3):
    keys = source.sample(KEYS, source.randint(1, 4))
    if source.random() < 0.5:
        return [source.choice(["BZPOPMIN", "BZPOPMAX"]), *keys, timeout]
    return ["BZMPOP", timeout, str(len(keys)), *keys, source.choice(["MIN", "MAX"]),
            "COUNT", str(source.randint(1, most))]


def consume(tally, endpoint, seed):
    source = random.Random(seed)
    connection = endpoint.connect(SECONDS_MAX)
    while not tally.done.is_set():
        timeout = source.choice(["0.001", "0.01", "0.05", "0.3"])
        reply = connection.ask(*words_to_wait(source, timeout))
        if reply[0] != "*":
            raise RuntimeError(f"a pop gave {wire.show(reply)}")
        tally.note(members_of(reply))
    connection.close()


def produce(tally, endpoint, number, stop):
    source = random.Random(number)
    connection = endpoint.connect(SECONDS_MAX)
    added = 0

    def pairs(count):
        nonlocal added
        words = []
        for _ in range(count):
            words += [str(source.randint(0, 9)), f"{number}:{added}"]
            added += 1
        return words

    while time.monotonic() < stop and not tally.done.is_set():
        chance = source.random()
        if chance < 0.6:
            replies = [connection.ask("ZADD", source.choice(KEYS), *pairs(source.randint(1, 4)))]
        elif chance < 0.9:
            commands = [["ZADD", source.choice(KEYS), *pairs(1)] for _ in range(8)]
            connection.send_bytes(b"".join(wire.encode([wire.to_bytes(word) for word in words])
                                           for words in commands))
            replies = [connection.read() for _ in commands]
        else:
            connection.ask("MULTI")
            for _ in range(3):
                connection.ask("ZADD", source.choice(KEYS), *pairs(2))
            replies = connection.ask("EXEC")[1]
        if any(reply[0] != ":" for reply in replies):
            raise RuntimeError(f"ZADD gave {replies}")
        if source.random() < 0.3:
            time.sleep(source.random() / 200)
    with tally.lock:
        tally.added += added
    connection.close()


def leave(tally, endpoint, seed, stop):
    """Waits for one member, and hangs up without looking whether it came."""
    source = random.Random(seed)
    left = 0
    while time.monotonic() < stop and not tally.done.is_set():
        connection = endpoint.connect(SECONDS_MAX)
        connection.send(*words_to_wait(source, "0", most=1))
        time.sleep(source.random() / 100)
        connection.close()
        left += 1
    with tally.lock:
        tally.left += left


def unblock(tally, endpoint, seed, stop):
    source = random.Random(seed)
    control = endpoint.connect(SECONDS_MAX)
    while time.monotonic() < stop and not tally.done.is_set():
        text = control.ask("CLIENT", "LIST")[1]
        numbers = [line.split(b" ", 1)[0][3:] for line in text.splitlines() if b"cmd=bz" in line]
        for number in source.sample(numbers, min(2, len(numbers))):
            control.ask("CLIENT", "UNBLOCK", number)
        time.sleep(0.01)
    control.close()


def crowd_run(endpoint, seconds, seed):
    control = endpoint.connect(SECONDS_MAX)
    control.ask("FLUSHALL")
    tally = Tally()
    stop = time.monotonic() + seconds
    busy = [threading.Thread(target=guarded, args=(tally, produce, endpoint, n, stop))
            for n in range(PRODUCERS)]
    busy += [threading.Thread(target=guarded, args=(tally, leave, endpoint, seed + 1000 + n, stop))
             for n in range(LEAVERS)]
    busy.append(threading.Thread(target=guarded, args=(tally, unblock, endpoint, seed, stop)))
    consumers = [threading.Thread(target=guarded, args=(tally, consume, endpoint, seed + n))
                 for n in range(CONSUMERS)]
    for thread in (*busy, *consumers):
        thread.start()
    for thread in busy:
        thread.join()
    end = time.monotonic() + SECONDS_MAX
    while control.ask("EXISTS", *KEYS) != (":", 0) and time.monotonic() < end:
        time.sleep(0.01)
    tally.done.set()
    for thread in consumers:
        thread.join()
    held = [item[1] for key in KEYS for item in control.ask("ZRANGE", key, "0", "-1")[1]]
    found = tally.popped + held
    for trouble in tally.trouble:
        expect(trouble, 1, 0)
    expect("all was taken", len(held), 0)
    expect("members that came twice", len(found) - len(set(found)), 0)
    missing = tally.added - len(set(found))
    expect("lost without a client that left", 0 <= missing <= tally.left, True)
    crowd = Crowd(endpoint)
    crowd.wait_blocked(0)
    crowd.close()
    control.close()
    print(f"{tally.added} members, {len(tally.popped)} popped, {missing} lost to {tally.left} "
          "clients that had left", flush=True)


CASES = [first_come, several_keys, counts, whole_transactions, other_makers, ends]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--tallywheel", metavar="PROGRAM", help="start this one")
    target.add_argument("--server", metavar="HOST:PORT", type=differential.parse_address,
                        help="one that is running; everything in it is removed")
    target.add_argument("--redis", action="store_true", help="Debian's redis-server")
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="how long the crowd goes on")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = parse_options()
    if options.redis:
        endpoint = servers.Redis()
    elif options.server:
        endpoint = servers.Endpoint(options.server, "the server")
    else:
        endpoint = servers.Tallywheel(options.tallywheel, options.partitions)
    try:
        for case in CASES:
            crowd = Crowd(endpoint)
            try:
                case(crowd)
            except (RuntimeError, wire.WireError) as error:
                expect(f"{case.__name__}: {error}", 1, 0)
            crowd.close()
            crowd = Crowd(endpoint)
            crowd.wait_blocked(0)
            crowd.close()
        crowd_run(endpoint, options.seconds, options.seed)
        endpoint.check()
    finally:
        endpoint.close()
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
