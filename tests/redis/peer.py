#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a test suite of a peer asks of a server that somebody else has started.

    peer.py --tallywheel PROGRAM [--partitions 3]
    peer.py --server HOST:PORT       a server that is running; it is FLUSHed

First what such a harness itself sends (settings, INFO, DEBUG, many short connections), then the
properties of sorted sets and pub/sub that such suites check, in scenarios of our own. Replies are
those of Redis 7.2.
"""

import argparse
import collections
import pathlib
import random
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import differential  # noqa: E402
import servers  # noqa: E402
import wire  # noqa: E402

failures = []
checks = 0

OK = ("+", b"OK")
NIL = ("$", None)
NIL_ARRAY = ("*", None)
NIL3 = ("_", None)


def expect(what, got, wanted):
    global checks
    checks += 1
    if got != wanted:
        failures.append(what)
        print(f"FAILED {what}\n  gave   {wire.show(got) if isinstance(got, tuple) else got!r}\n"
              f"  wanted {wire.show(wanted) if isinstance(wanted, tuple) else wanted!r}",
              flush=True)


def expect_error(what, got, *parts):
    good = got[0] == "-" and all(part.lower() in got[1].lower() for part in parts)
    expect(f"{what}: an error with {parts}, not {wire.show(got)}", good, True)


def plain(reply):
    """A reply without its types: nested lists of bytes and numbers."""
    return [plain(item) for item in reply[1]] if isinstance(reply[1], list) else reply[1]


class Bench:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.open = []
        self.main = self.connect()

    def connect(self, protocol=2):
        connection = self.endpoint.connect(20)
        self.open.append(connection)
        if protocol == 3:
            connection.ask("HELLO", 3)
        return connection

    def __call__(self, *arguments):
        return self.main.ask(*(words(arguments)))

    def blocked(self):
        text = self("INFO")[1]
        return int(text.split(b"\r\nblocked_clients:")[1].split(b"\r\n")[0])

    def wait_blocked(self, count):
        end = time.monotonic() + 10
        while self.blocked() != count:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.blocked()} clients wait, not {count}")
            time.sleep(0.001)

    def close(self):
        for connection in self.open:
            connection.close()


def words(arguments):
    """One text is split at its blanks."""
    if len(arguments) == 1 and isinstance(arguments[0], str):
        return arguments[0].split()
    return arguments


# ---- the harness itself ----


def harness(bench):
    raw = bench.connect()
    raw.send_bytes(b"PING\r\n\n")
    expect("an inline PING", raw.read(), ("+", b"PONG"))
    for line in ("FLUSHALL", "flushall", "FUNCTION FLUSH", "function flush", "FLUSHALL SYNC",
                 "CONFIG RESETSTAT", "config resetstat", "SELECT 0", "SCRIPT FLUSH"):
        expect(line, bench(line), OK)
    for line in ("DEBUG LOG x", "DEBUG RELOAD", "DEBUG SLEEP 0", "DEBUG JMAP", "debug digest",
                 "DEBUG SET-ACTIVE-EXPIRE 0", "DEBUG OBJECT k"):
        expect(line + " is an error", bench(line)[0], "-")
        expect("PING after " + line, bench("PING"), ("+", b"PONG"))
    for _ in range(1500):
        short = bench.endpoint.connect()
        short.send("DEBUG", "LOG", "### Starting test")
        short.close()
    held = [bench.endpoint.connect() for _ in range(1100)]
    expect("one of very many connections", held[-1].ask("PING"), ("+", b"PONG"))
    for connection in held:
        connection.close()
    info = bench("INFO")[1]
    for field in ("blocked_clients", "connected_clients", "watching_clients", "redis_version",
                  "redis_mode", "role", "loading", "rdb_bgsave_in_progress",
                  "aof_rewrite_in_progress", "lazyfree_pending_objects", "master_repl_offset",
                  "used_memory", "process_id", "tcp_port", "arch_bits", "total_commands_processed",
                  "expired_keys", "uptime_in_seconds", "maxmemory", "connected_slaves",
                  "evicted_keys", "keyspace_hits", "keyspace_misses"):
        expect(f"INFO has {field}", b"\r\n" + field.encode() + b":" in info, True)
    for section in ("server", "clients", "memory", "persistence", "stats", "replication", "cpu",
                    "keyspace", "commandstats", "errorstats", "all", "everything", "default"):
        expect(f"INFO {section}", bench("INFO", section)[0], "$")
    bench("HELLO 3")
    expect("INFO in RESP3", bench("INFO")[0], "=")
    expect("CONFIG GET in RESP3", bench("CONFIG GET maxmemory"),
           ("%", [("$", b"maxmemory"), ("$", b"0")]))
    bench("HELLO 2")
    expect("CONFIG GET in RESP2", bench("CONFIG GET maxmemory"),
           ("*", [("$", b"maxmemory"), ("$", b"0")]))


def settings(bench):
    for name, value in (("zset-max-ziplist-entries", "0"), ("zset-max-ziplist-value", "10"),
                        ("zset-max-listpack-entries", "256"), ("zset-max-listpack-value", "64"),
                        ("set-max-intset-entries", "0"), ("set-max-listpack-entries", "0"),
                        ("list-max-ziplist-size", "-2"), ("hash-max-listpack-entries", "10"),
                        ("maxmemory-policy", "allkeys-lru"), ("save", ""), ("appendonly", "no"),
                        ("timeout", "0"), ("latency-tracking", "no"), ("hz", "10"),
                        ("slowlog-log-slower-than", "-1"), ("active-expire-effort", "1"),
                        ("lazyfree-lazy-user-flush", "yes"), ("proto-max-bulk-len", "536870912"),
                        ("client-output-buffer-limit", "normal 0 0 0"), ("busy-reply-threshold",
                                                                          "5000")):
        before = bench("CONFIG", "GET", name)
        expect(f"CONFIG GET {name}", before[0] == "*" and len(before[1]) == 2, True)
        expect(f"CONFIG SET {name} {value}", bench("CONFIG", "SET", name, value), OK)
        if name != "client-output-buffer-limit":
            expect(f"CONFIG GET {name} afterwards", bench("CONFIG", "GET", name),
                   ("*", [("$", name.encode()), ("$", value.encode())]))
        expect(f"CONFIG SET {name} back",
               bench("CONFIG", "SET", name, before[1][1][1]), OK)
    for given, kept in (("gKE", b"gKE"), ("$lshzxeKE", b"$lshzxeKE"), ("KA", b"AK"), ("EA", b"AE"),
                        ("", b"")):
        bench("CONFIG", "SET", "notify-keyspace-events", given)
        expect(f"flags {given}", bench("CONFIG GET notify-keyspace-events")[1][1], ("$", kept))
    expect_error("an unknown setting", bench("CONFIG SET nosuchthing 1"), b"unknown option")
    expect("an unknown name", bench("CONFIG GET nosuchthing"), ("*", []))


def encodings(bench):
    entries = bench("CONFIG GET zset-max-ziplist-entries")[1][1][1]
    value = bench("CONFIG GET zset-max-ziplist-value")[1][1][1]

    def encoding(key):
        return bench("OBJECT", "ENCODING", key)[1]

    for limit, kind in ((0, b"skiplist"), (128, b"listpack")):
        bench("CONFIG", "SET", "zset-max-ziplist-entries", limit)
        bench("DEL {e}a {e}b {e}c")
        bench("ZADD {e}a 1 x 2 y")
        bench("ZRANGESTORE {e}b {e}a 0 -1")
        bench("ZUNIONSTORE {e}c 2 {e}a {e}b")
        bench("COPY {e}a {e}d REPLACE")
        for key in ("{e}a", "{e}b", "{e}c", "{e}d"):
            expect(f"encoding of {key} with a limit of {limit}", encoding(key), kind)
    bench("CONFIG SET zset-max-ziplist-value 10")
    bench("ZADD {e}long 1 " + "x" * 70)
    expect("a long member", encoding("{e}long"), b"skiplist")
    bench("ZADD {e}short 1 " + "x" * 10)
    expect("a short member", encoding("{e}short"), b"listpack")
    bench("CONFIG", "SET", "zset-max-ziplist-value", value)
    bench("ZADD", "{e}full", *(word for n in range(128) for word in (n, n)))
    expect("exactly the maximum", encoding("{e}full"), b"listpack")
    bench("ZADD {e}full 1 more")
    expect("one more", encoding("{e}full"), b"skiplist")
    bench("ZREM {e}full more")
    expect("never back", encoding("{e}full"), b"skiplist")
    bench("CONFIG", "SET", "zset-max-ziplist-entries", entries)


# ---- sorted sets ----


def adding(bench):
    bench("ZADD z 10 x 20 y 30 z")
    for line, wanted in (
            ("ZADD z 10 x 20 y 30 z", (":", 0)), ("ZADD z ch 11 x 21 y 30 z", (":", 2)),
            ("ZADD z xx 5 x 1 new", (":", 0)), ("ZADD z nx 1 x 1 new", (":", 1)),
            ("ZADD z gt ch 5 x 25 y", (":", 1)), ("ZADD z lt ch 5 y 50 z 1 x", (":", 2)),
            ("ZADD z xx incr 15 x", ("$", b"16")), ("ZADD z nx incr 1 x", NIL),
            ("ZADD z gt incr -1 x", NIL), ("ZADD z lt incr 1 x", NIL),
            ("ZADD z xx incr 1 nosuch", NIL), ("ZADD z incr 0.5 x", ("$", b"16.5")),
            ("ZSCORE z x", ("$", b"16.5")), ("ZINCRBY z -16.5 x", ("$", b"0"))):
        expect(line, bench(line), wanted)
    for line, *parts in (
            ("ZADD z nan m", b"not", b"float"), ("ZINCRBY z nan m", b"not", b"float"),
            ("ZINCRBY z one m", b"value is not a valid float"),
            ("ZADD z 10 a 20 b 30.bad c", b"not", b"float"), ("ZADD z xx 10 a 20", b"syntax"),
            ("ZADD z xx nx 10 a", b"not compatible"), ("ZADD z gt lt 10 a", b"not compatible"),
            ("ZADD z gt nx 10 a", b"not compatible"), ("ZADD z incr 10 a 1 b", b"single"),
            ("ZADD z", b"wrong number of arguments"), ("ZADD z 1", b"wrong number of arguments"),
            ("ZADD z xx nx 1 a b", b"syntax"), ("ZADD z nx xx", b"syntax"),
            ("ZINCRBY z 1 a 2 b 3 c", b"wrong number of arguments")):
        expect_error(line, bench(line), *parts)
    expect_error("an empty score", bench("ZADD", "z", "", "m"), b"not", b"float")
    expect("nothing of a wrong ZADD", bench("ZSCORE z a"), NIL)
    bench("ZADD z inf i")
    expect_error("inf - inf", bench("ZINCRBY z -inf i"), b"NaN")
    bench("ZADD", "z", "179769313486231570" + "0" * 291 + ".0", "max")
    expect("the largest double", bench("ZSCORE z max"), ("$", b"1.7976931348623157e+308"))
    bench("DEL z")
    bench("ZADD z 1 a 2 b 3 c")
    expect("ZREM of more than all", bench("ZREM z a b c d"), (":", 3))
    expect("the key is gone", bench("EXISTS z"), (":", 0))
    expect("members of all bytes", bench("ZADD", "z", *(
        word for n in range(256) for word in (n, bytes([n]) * 3))), (":", 256))
    expect("they come back", [item[1] for item in bench("ZRANGE z 0 -1")[1]],
           [bytes([n]) * 3 for n in range(256)])


def ranges(bench):
    bench("ZADD z -inf a 1 b 2 c 3 d 4 e 5 f +inf g")
    for line, wanted in (
            ("ZRANGEBYSCORE z -inf 2", b"abc"), ("ZRANGEBYSCORE z (-inf (2", b"b"),
            ("ZRANGEBYSCORE z 4 +inf", b"efg"), ("ZREVRANGEBYSCORE z +inf (4", b"gf"),
            ("ZRANGEBYSCORE z 0 10 LIMIT 0 2", b"bc"), ("ZRANGEBYSCORE z 0 10 LIMIT 2 3", b"def"),
            ("ZRANGEBYSCORE z 0 10 LIMIT 20 10", b""), ("ZRANGEBYSCORE z -inf inf LIMIT -1 2", b""),
            ("ZREVRANGEBYSCORE z 10 0 LIMIT 2 3", b"dcb"), ("ZRANGE z 0 -2", b"abcdef"),
            ("ZRANGE z -4 -2", b"def"), ("ZRANGE z -20 -20", b""), ("ZRANGE z 5 20", b"fg"),
            ("ZRANGE z 20 30", b""), ("ZREVRANGE z -20 20", b"gfedcba"),
            ("ZRANGE z 2 (4 BYSCORE", b"cd"), ("ZRANGE z 4 2 REV BYSCORE LIMIT 0 -1", b"edc"),
            ("ZRANGE z 1 2 REV", b"fe")):
        expect(line, b"".join(item[1] for item in bench(line)[1]), wanted)
    for line, *parts in (
            ("ZRANGEBYSCORE z str 1", b"min or max", b"not", b"float"),
            ("ZRANGEBYSCORE z 1 NaN", b"min or max", b"not", b"float"),
            ("ZCOUNT z str 1", b"min or max", b"not", b"float"),
            ("ZREMRANGEBYSCORE z 1 NaN", b"min or max", b"not", b"float"),
            ("ZRANGEBYSCORE z 1 2 LIMIT 1", b"syntax"),
            ("ZRANGE z 0 -1 LIMIT 1 2", b"LIMIT is only supported in combination with either"),
            ("ZRANGE z [a [b BYLEX WITHSCORES", b"WITHSCORES not supported"),
            ("ZRANGE z 0 -1 BYSCORE BYLEX REV x", b"syntax"),
            ("ZRANGESTORE {z}d {z}s 0 -1 WITHSCORES", b"syntax"),
            ("ZRANGEBYLEX z fooz bar", b"not", b"string"),
            ("ZLEXCOUNT z fooz [bar", b"not", b"string"),
            ("ZRANGEBYLEX z [a b", b"not", b"string"), ("ZRANK z a b", b"syntax"),
            ("ZRANK z a b c", b"wrong number of arguments")):
        expect_error(line, bench(line), *parts)
    for line, wanted in (
            ("ZRANK z c WITHSCORE", ("*", [(":", 2), ("$", b"2")])), ("ZRANK z no", NIL),
            ("ZREVRANK z c withscore", ("*", [(":", 4), ("$", b"2")])),
            ("ZRANK z no WITHSCORE", NIL_ARRAY), ("ZRANK nokey a", NIL),
            ("ZCOUNT z (1 (4", (":", 2)), ("ZREMRANGEBYRANK z 0 0", (":", 1)),
            ("ZREMRANGEBYSCORE z (4 inf", (":", 2)), ("ZREMRANGEBYSCORE z -inf +inf", (":", 4)),
            ("EXISTS z", (":", 0)), ("ZRANGESTORE {z}d {z}none 0 -1", (":", 0))):
        expect(line, bench(line), wanted)
    names = [b"alpha", b"bar", b"cool", b"down", b"elephant", b"foo", b"great", b"hill", b"omega"]
    bench("ZADD", "l", *(word for name in names for word in ("0", name)))
    bench("ZADD", "l", "0", "")
    for line, wanted in (
            ("ZRANGEBYLEX l - [cool", [b"", b"alpha", b"bar", b"cool"]),
            ("ZRANGEBYLEX l (bar (down", [b"cool"]), ("ZRANGEBYLEX l [g +", names[6:]),
            ("ZREVRANGEBYLEX l + [d", names[:2:-1]), ("ZRANGEBYLEX l + -", []),
            ("ZRANGEBYLEX l + [z", []), ("ZRANGEBYLEX l (az (b", []),
            ("ZRANGEBYLEX l [a [d LIMIT 1 1", [b"bar"]),
            ("ZREVRANGEBYLEX l [d [a LIMIT 0 1", [b"cool"]),
            ("ZRANGE l [d [a BYLEX REV LIMIT 1 10", [b"bar", b"alpha"])):
        expect(line, [item[1] for item in bench(line)[1]], wanted)
    expect("ZLEXCOUNT", bench("ZLEXCOUNT l [bar (down"), (":", 2))
    expect("ZREMRANGEBYLEX", bench("ZREMRANGEBYLEX l - +"), (":", 10))


def algebra(bench):
    bench("ZADD {a}a 1 a 2 b 3 c")
    bench("ZADD {a}b 1 b 2 c 3 d")
    bench("ZADD {a}i inf x")
    bench("ZADD {a}j -inf x")
    two = "2 {a}a {a}b"
    for line, wanted in (
            (f"ZUNION {two} WITHSCORES", [b"a", b"1", b"b", b"3", b"d", b"3", b"c", b"5"]),
            (f"ZINTER {two} WEIGHTS 2 3 WITHSCORES", [b"b", b"7", b"c", b"12"]),
            (f"ZUNION {two} AGGREGATE MAX WITHSCORES",
             [b"a", b"1", b"b", b"2", b"c", b"3", b"d", b"3"]),
            (f"ZDIFF {two} WITHSCORES", [b"a", b"1"]), ("ZDIFF 1 {a}a", [b"a", b"b", b"c"]),
            ("ZUNION 2 {a}i {a}j WITHSCORES", [b"x", b"0"]),
            ("ZINTER 2 {a}i {a}j WITHSCORES", [b"x", b"0"]),
            ("ZUNION 1 {a}i WEIGHTS 0 WITHSCORES", [b"x", b"0"]),
            ("ZINTERCARD 2 {a}a {a}b", 2), ("ZINTERCARD 2 {a}a {a}b LIMIT 1", 1),
            ("ZINTERCARD 2 {a}a {a}b limit 0", 2), ("ZINTERCARD 1 nokey", 0),
            (f"ZUNIONSTORE {{a}}d {two}", 4), (f"ZINTERSTORE {{a}}d {two}", 2),
            (f"ZDIFFSTORE {{a}}d {two}", 1), ("ZINTERSTORE {a}d 2 {a}a nokey", 0),
            ("EXISTS {a}d", 0), ("ZUNIONSTORE {a}d 1 nokey", 0)):
        expect(line, plain(bench(line)), wanted)
    for line, *parts in (
            ("ZUNION 0 k", b"at least 1 input key is needed for 'zunion' command"),
            ("ZDIFFSTORE d 0 k", b"at least 1 input key is needed for 'zdiffstore' command"),
            ("ZINTERCARD 0 k", b"at least 1 input key is needed for 'zintercard' command"),
            ("ZUNIONSTORE {a}d 1 {a}a WEIGHTS nan", b"weight value is not a float"),
            ("ZUNIONSTORE {a}d 1 {a}a WITHSCORES", b"syntax"), ("ZDIFF 2 {a}a", b"syntax"),
            ("ZINTERCARD 1 {a}a LIMIT -1", b"ERR LIMIT can't be negative"),
            ("ZINTERCARD 1 {a}a LIMIT a", b"ERR LIMIT can't be negative"),
            ("ZINTERCARD 1 {a}a LIMIT", b"syntax"), ("ZINTERCARD 1 {a}a BAD 1", b"syntax"),
            ("ZDIFF 1 {a}a WEIGHTS 1", b"syntax"), ("ZINTERCARD a k", b"integer")):
        expect_error(line, bench(line), *parts)


def popping(bench):
    bench("ZADD z 1 a 2 b 3 c 4 d 5 e")
    for line, wanted in (
            ("ZPOPMIN z", ("*", [("$", b"a"), ("$", b"1")])), ("ZPOPMIN z 0", ("*", [])),
            ("ZPOPMAX none 0", ("*", [])), ("ZPOPMIN none", ("*", [])),
            ("ZPOPMAX z 2", ("*", [("$", b"e"), ("$", b"5"), ("$", b"d"), ("$", b"4")])),
            ("ZMPOP 1 none MIN", NIL_ARRAY),
            ("ZMPOP 2 none z MIN COUNT 1",
             ("*", [("$", b"z"), ("*", [("*", [("$", b"b"), ("$", b"2")])])]))):
        expect(line, bench(line), wanted)
    for line, *parts in (
            ("ZPOPMIN z -1", b"ERR", b"must be positive"), ("ZPOPMAX z a", b"must be positive"),
            ("ZMPOP 0 z MIN", b"ERR numkeys should be greater than 0"),
            ("ZMPOP a z MIN", b"ERR numkeys should be greater than 0"),
            ("ZMPOP -1 z MIN", b"ERR numkeys should be greater than 0"),
            ("ZMPOP 1 z MIN COUNT 0", b"ERR count should be greater than 0"),
            ("ZMPOP 1 z MIN COUNT a", b"ERR count should be greater than 0"),
            ("ZMPOP 1 z MIN COUNT -1", b"ERR count should be greater than 0"),
            ("ZMPOP 1 z MIN COUNT 1 COUNT 2", b"syntax"), ("ZMPOP 1 z MAX bad", b"syntax"),
            ("ZMPOP 1 z bad", b"syntax"), ("ZMPOP 4 a b c MIN", b"syntax"),
            ("ZMPOP 1", b"wrong number of arguments"), ("BZMPOP 0.1 0 z MIN", b"numkeys should be"),
            ("BZMPOP 0 1 z MIN COUNT 0", b"count should be"),
            ("BZPOPMIN z -1", b"timeout is negative"),
            ("BZPOPMIN z a", b"timeout is not a float"),
            ("BZMPOP -1 1 z MIN", b"timeout is negative")):
        expect_error(line, bench(line), *parts)
    bench("HELLO 3")
    bench("ZADD z 1 a 5 e")
    for line, wanted in (
            ("ZPOPMIN z", ("*", [("$", b"a"), (",", b"1")])),
            ("ZPOPMAX z 1", ("*", [("*", [("$", b"e"), (",", b"5")])])),
            ("ZMPOP 1 none MIN", NIL3), ("BZPOPMIN none 0.01", NIL3), ("ZSCORE z c", (",", b"3")),
            ("BZPOPMAX z 0", ("*", [("$", b"z"), ("$", b"c"), (",", b"3")])),
            ("ZINCRBY z inf x", (",", b"inf")), ("ZRANK none x WITHSCORE", NIL3),
            ("ZRANGE z 0 -1 WITHSCORES", ("*", [("*", [("$", b"x"), (",", b"inf")])])),
            ("ZRANDMEMBER z 1 WITHSCORES", ("*", [("*", [("$", b"x"), (",", b"inf")])])),
            ("BZMPOP 0.1 1 z MAX",
             ("*", [("$", b"z"), ("*", [("*", [("$", b"x"), (",", b"inf")])])]))):
        expect(line + " in RESP3", bench(line), wanted)
    bench("HELLO 2")


def random_members(bench):
    bench("ZADD", "z", *(word for n in range(10) for word in (n, f"m{n}")))
    for line, wanted in (("ZRANDMEMBER z 0", ("*", [])), ("ZRANDMEMBER none 5", ("*", [])),
                         ("ZRANDMEMBER none", NIL)):
        expect(line, bench(line), wanted)
    for line in ("ZRANDMEMBER z -9223372036854775808",
                 "ZRANDMEMBER z -9223372036854770000 WITHSCORES",
                 "ZRANDMEMBER z -9223372036854775808 WITHSCORES"):
        expect_error(line, bench(line), b"value is out of range")
    for count in (-1000, 5):
        seen = collections.Counter()
        while sum(seen.values()) < 1000:
            members = plain(bench("ZRANDMEMBER", "z", count))
            expect("distinct", count < 0 or len(set(members)) == 5, True)
            seen.update(members)
        mean = sum(seen.values()) / 10
        chi_square = sum((seen[b"m%d" % n] - mean) ** 2 / mean for n in range(10))
        expect(f"evenly by {count}: {seen}", chi_square < 40, True)
    expect("all of them", sorted(plain(bench("ZRANDMEMBER z 20"))),
           [b"m%d" % n for n in range(10)])


def precision(bench):
    source = random.Random(7)
    for _ in range(500):
        score = struct.unpack("<d", source.randbytes(8))[0]
        if score == score:
            bench("ZADD", "z", repr(score), "m")
            expect(f"{score!r} reads back", float(bench("ZSCORE z m")[1]), score)
    model = {}
    for n in range(1500):
        score = source.choice([source.random(), source.randint(-5, 5), 1e300 * source.random()])
        member = source.randbytes(source.randint(0, 20))
        model[member] = float(score)
        bench("ZADD", "fuzz", repr(score), member)
    order = sorted(model, key=lambda member: (model[member], member))
    expect("the order of all", [item[1] for item in bench("ZRANGE fuzz 0 -1")[1]], order)
    for rank, member in enumerate(order[::37]):
        expect("a rank", bench("ZRANK", "fuzz", member), (":", rank * 37))
    found = {}
    cursor = b"0"
    while True:
        reply = bench("ZSCAN", "fuzz", cursor, "COUNT", "7")
        items = [item[1] for item in reply[1][1][1]]
        found.update(zip(items[::2], map(float, items[1::2])))
        cursor = reply[1][0][1]
        if cursor == b"0":
            break
    expect("ZSCAN finds all", found, model)


def blocking_in_transactions(bench):
    bench("MULTI")
    for line in ("BZPOPMIN none 0", "BZPOPMAX none 0", "BZMPOP 0 1 none MIN", "ZADD k 1 a",
                 "BZPOPMIN none k 0"):
        expect(line, bench(line), ("+", b"QUEUED"))
    expect("nothing waits", bench("EXEC"), ("*", [
        NIL_ARRAY, NIL_ARRAY, NIL_ARRAY, (":", 1), ("*", [("$", b"k"), ("$", b"a"), ("$", b"1")])]))
    client = bench.connect()
    client.send("BZMPOP", "0", "3", "min", "count", "k0", "MIN", "COUNT", "5")
    bench.wait_blocked(1)
    bench("ZADD 0 1 x")
    bench("ZADD 5 1 x")
    bench("ZADD MIN 1 x")
    expect("names that are no keys", client.readable(0.05), False)
    bench("ZADD count 1 a 2 b")
    expect("names that are", client.read(), ("*", [("$", b"count"), ("*", [
        ("*", [("$", b"a"), ("$", b"1")]), ("*", [("$", b"b"), ("$", b"2")])])]))
    client.send("BZPOPMIN", "same", "same", "same", "0")
    bench.wait_blocked(1)
    bench("ZADD same 1 a")
    expect("one key three times", plain(client.read()), [b"same", b"a", b"1"])
    client.send("BZPOPMIN", "gone", "0")
    bench.wait_blocked(1)
    client.close()
    bench.wait_blocked(0)
    client = bench.connect()
    client.send("CLIENT", "ID")
    client.read()
    client.send("BZPOPMIN", "expires", "0")
    bench.wait_blocked(1)
    bench("MULTI")
    bench("ZADD expires 1 a")
    bench("PEXPIREAT expires 1")
    bench("EXEC")
    expect("a key that has passed its deadline", client.readable(0.05), False)
    bench("ZADD expires 2 b")
    expect("the next one", plain(client.read()), [b"expires", b"b", b"2"])


# ---- transactions ----


def transactions(bench):
    other = bench.connect()
    for line, *parts in (("EXEC", b"ERR EXEC without MULTI"), ("DISCARD", b"ERR DISCARD without")):
        expect_error(line, bench(line), *parts)
    bench("MULTI")
    expect_error("MULTI twice", bench("MULTI"), b"ERR MULTI calls can not be nested")
    expect_error("WATCH inside", bench("WATCH x"), b"ERR WATCH inside MULTI is not allowed")
    expect("they abort nothing", bench("EXEC"), ("*", []))
    bench("MULTI")
    expect_error("no such command", bench("nosuch"), b"unknown command")
    expect_error("EXEC afterwards", bench("EXEC"), b"EXECABORT")
    for changes in (["ZADD w 1 a"], ["ZADD w 2 m"], ["DEL w"], ["EXPIRE w 100"], ["FLUSHALL"],
                    ["FLUSHDB"], ["RENAME w w2"], ["ZUNIONSTORE w 1 w"], ["ZREM w m"],
                    ["PEXPIREAT w 1"], ["COPY src w REPLACE"]):
        bench("FLUSHALL")
        bench("ZADD w 1 m")
        bench("ZADD src 1 m")
        bench("WATCH w")
        for line in changes:
            other.ask(*line.split())
        bench("MULTI")
        bench("PING")
        expect(f"{changes} is seen", bench("EXEC"), NIL_ARRAY)
    for changes in (["ZADD other 1 m"], ["ZADD w 1 m"], ["ZREM w none"], ["DEL none"],
                    ["ZADD w XX 1 none"], ["PERSIST w"]):
        bench("FLUSHALL")
        bench("ZADD w 1 m")
        bench("WATCH w none2")
        for line in changes:
            other.ask(*line.split())
        bench("MULTI")
        bench("PING")
        expect(f"{changes} changes nothing", bench("EXEC"), ("*", [("+", b"PONG")]))
    bench("WATCH absent")
    other.ask("ZADD", "absent", "1", "m")
    other.ask("DEL", "absent")
    bench("MULTI")
    expect("a key that came and went", bench("EXEC"), NIL_ARRAY)
    bench("WATCH absent")
    other.ask("FLUSHALL")
    bench("MULTI")
    expect("FLUSHALL without it", bench("EXEC"), ("*", []))
    bench("ZADD soon 1 m")
    bench("PEXPIRE soon 20")
    bench("WATCH soon")
    time.sleep(0.05)
    bench("MULTI")
    expect("a deadline that has passed", bench("EXEC"), NIL_ARRAY)
    bench("WATCH w")
    bench("UNWATCH")
    other.ask("ZADD", "w", "9", "m")
    bench("MULTI")
    expect("after UNWATCH", bench("EXEC"), ("*", []))
    bench("WATCH w")
    bench("MULTI")
    bench("DISCARD")
    other.ask("ZADD", "w", "10", "m")
    bench("MULTI")
    expect("after DISCARD", bench("EXEC"), ("*", []))


# ---- pub/sub ----


def frames(connection, count):
    return [plain(connection.read()) for _ in range(count)]


def subscribing(bench, protocol):
    kind = ">" if protocol == 3 else "*"
    one = bench.connect(protocol)
    two = bench.connect(protocol)
    one.send("SUBSCRIBE", "c1", "c2", "c1")
    reply = one.read()
    expect("the kind of frame", reply[0], kind)
    expect("counts", [plain(reply)[2], *(frame[2] for frame in frames(one, 2))], [1, 2, 2])
    two.send("PSUBSCRIBE", "c*", "c?")
    expect("patterns count too", frames(two, 2), [[b"psubscribe", b"c*", 1],
                                                  [b"psubscribe", b"c?", 2]])
    two.send("SUBSCRIBE", "c1")
    expect("with channels", frames(two, 1), [[b"subscribe", b"c1", 3]])
    expect("receivers", bench("PUBLISH c1 hello"), (":", 4))
    expect("one message", frames(one, 1), [[b"message", b"c1", b"hello"]])
    messages = frames(two, 3)
    expect("the channel first", messages[0], [b"message", b"c1", b"hello"])
    expect("then the patterns", sorted(messages[1:]), [[b"pmessage", b"c*", b"c1", b"hello"],
                                                       [b"pmessage", b"c?", b"c1", b"hello"]])
    expect("NUMSUB", bench("PUBSUB NUMSUB c1 c2 c3"), ("*", [
        ("$", b"c1"), (":", 2), ("$", b"c2"), (":", 1), ("$", b"c3"), (":", 0)]))
    expect("NUMPAT", bench("PUBSUB NUMPAT"), (":", 2))
    one.send("PSUBSCRIBE", "c*")
    one.read()
    expect("NUMPAT counts patterns once", bench("PUBSUB NUMPAT"), (":", 2))
    expect("CHANNELS", sorted(plain(bench("PUBSUB CHANNELS"))), [b"c1", b"c2"])
    expect("CHANNELS by pattern", plain(bench("PUBSUB CHANNELS *2")), [b"c2"])
    if protocol == 2:
        expect("PING", one.ask("PING"), ("*", [("$", b"pong"), ("$", b"")]))
        expect("PING x", one.ask("PING", "x"), ("*", [("$", b"pong"), ("$", b"x")]))
        expect_error("another command", one.ask("ZCARD", "k"), b"Can't execute 'zcard'")
    else:
        expect("PING", one.ask("PING"), ("+", b"PONG"))
        expect("another command", one.ask("ZCARD", "nokey"), (":", 0))
    one.send("PUNSUBSCRIBE")
    one.read()
    one.send("UNSUBSCRIBE")
    expect("nobody listens at once", bench("PUBLISH c2 x"), (":", 2))
    left = frames(one, 2)
    expect("the channels left", sorted(frame[1] for frame in left), [b"c1", b"c2"])
    expect("the counts go down", [frame[2] for frame in left], [1, 0])
    frames(two, 2)
    expect("PING as ever", one.ask("PING"), ("+", b"PONG"))
    for name in ("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"):
        expect(f"{name} of nothing", plain(one.ask(name)), [name.lower().encode(), None, 0])
        one.send(name, "a", "b")
        expect(f"{name} of what is not", frames(one, 2),
               [[name.lower().encode(), b"a", 0], [name.lower().encode(), b"b", 0]])
    one.close()
    two.close()


def shards(bench):
    one = bench.connect()
    two = bench.connect()
    one.send("SSUBSCRIBE", "s1", "s2")
    expect("SSUBSCRIBE", frames(one, 2), [[b"ssubscribe", b"s1", 1], [b"ssubscribe", b"s2", 2]])
    two.send("SUBSCRIBE", "s1")
    frames(two, 1)
    expect("SPUBLISH", bench("SPUBLISH s1 x"), (":", 1))
    expect("PUBLISH", bench("PUBLISH s1 y"), (":", 1))
    expect("smessage", frames(one, 1), [[b"smessage", b"s1", b"x"]])
    expect("message", frames(two, 1), [[b"message", b"s1", b"y"]])
    expect("SHARDNUMSUB", plain(bench("PUBSUB SHARDNUMSUB s1 s3")), [b"s1", 1, b"s3", 0])
    expect("SHARDCHANNELS", sorted(plain(bench("PUBSUB SHARDCHANNELS"))), [b"s1", b"s2"])
    expect("CHANNELS", plain(bench("PUBSUB CHANNELS")), [b"s1"])
    one.send("SUNSUBSCRIBE")
    frames(one, 2)
    expect("nobody", bench("SPUBLISH s1 x"), (":", 0))


def to_oneself(bench):
    one = bench.connect(3)
    one.send("SUBSCRIBE", "foo", "bar")
    frames(one, 2)
    one.send("PUBLISH", "foo", "x")
    expect("the reply", one.read(), (":", 1))
    expect("then the message", plain(one.read()), [b"message", b"foo", b"x"])
    for words_ in (["MULTI"], ["PING", "abc"], ["PUBLISH", "foo", "vaz"], ["UNSUBSCRIBE", "bar"],
                   ["UNSUBSCRIBE", "baz"], ["PING", "def"]):
        one.ask(*words_)
    one.send("EXEC")
    reply = one.read()
    expect("EXEC with what was left", plain(reply), [
        b"abc", 1, [b"unsubscribe", b"bar", 1], [b"unsubscribe", b"baz", 1], b"def"])
    expect("pushes in it", reply[1][2][0] if reply[0] == "*" else reply, ">")
    expect("then the message", plain(one.read()), [b"message", b"foo", b"vaz"])


def reply_off(bench):
    for protocol in (2, 3):
        one = bench.connect(protocol)
        one.send("CLIENT", "REPLY", "SKIP")
        one.send("PING", "skipped")
        expect("SKIP", one.ask("PING"), ("+", b"PONG"))
        one.send("CLIENT", "REPLY", "OFF")
        one.send("PING")
        one.send("ZADD", "off", "1", "m")
        if protocol == 3:
            one.send("SUBSCRIBE", "off")
            expect("a push", plain(one.read()), [b"subscribe", b"off", 1])
            expect("received", bench("PUBLISH off x"), (":", 1))
            expect("a message", plain(one.read()), [b"message", b"off", b"x"])
            one.send("UNSUBSCRIBE", "off")
            expect("the end of it", plain(one.read()), [b"unsubscribe", b"off", 0])
        expect("ON", one.ask("CLIENT", "REPLY", "ON"), OK)
        expect("replies again", one.ask("PING"), ("+", b"PONG"))
        expect("it was executed", bench("ZCARD off"), (":", 1))


# ---- the rest ----


def others(bench):
    for line in ("SET k v", "GET k", "SADD s a", "LPUSH l a", "HSET h f v", "SETEX k 1 v",
                 "INCR k", "EVAL x 0", "SRANDMEMBER s", "HGETALL h", "RPOP l"):
        expect(line + " is an error", bench(line)[0], "-")
    bench("ZADD k 1 m 2 n")
    for line, wanted in (
            ("TYPE k", ("+", b"zset")), ("TYPE none", ("+", b"none")),
            ("EXISTS k k none", (":", 2)),
            ("RENAME k k2", OK), ("RENAMENX k2 k3", (":", 1)), ("DBSIZE", (":", 1)),
            ("RANDOMKEY", ("$", b"k3")), ("KEYS k*", ("*", [("$", b"k3")])), ("TTL k3", (":", -1)),
            ("EXPIRE k3 100 GT", (":", 0)), ("EXPIRE k3 100 LT", (":", 1)),
            ("PERSIST k3", (":", 1)), ("OBJECT REFCOUNT k3", (":", 1)),
            ("OBJECT ENCODING none", NIL), ("COPY k3 k4", (":", 1)),
            ("COPY k3 k4", (":", 0)), ("UNLINK k3 k4", (":", 2)), ("TTL k3", (":", -2)),
            ("CLIENT SETNAME me", OK), ("CLIENT GETNAME", ("$", b"me")), ("CLIENT NO-EVICT on", OK),
            ("CLIENT SETINFO LIB-NAME x", OK), ("ECHO x", ("$", b"x")), ("WAIT 0 0", (":", 0))):
        expect(line, bench(line), wanted)
    bench("ZADD k 1 m")
    cursor, found = b"0", []
    while True:
        cursor, names = plain(bench("SCAN", cursor, "TYPE", "string"))
        found += names
        if cursor == b"0":
            break
    expect("SCAN of another type", found, [])
    expect("CLIENT LIST", b"cmd=client|list" in bench("CLIENT LIST")[1], True)
    number = bench("CLIENT ID")[1]
    expect("CLIENT KILL of nobody", bench("CLIENT KILL ID 999999999"), (":", 0))
    victim = bench.connect()
    victim.send("CLIENT", "ID")
    victim = victim, victim.read()[1]
    expect("ids grow", victim[1] > number, True)
    expect("CLIENT KILL", bench("CLIENT", "KILL", "ID", victim[1]), (":", 1))
    expect("it is gone", victim[0].read(), wire.CLOSED)


CASES = {
    "harness": harness, "settings": settings, "encodings": encodings, "adding": adding,
    "ranges": ranges, "algebra": algebra, "popping": popping, "random members": random_members,
    "precision": precision, "blocking": blocking_in_transactions, "transactions": transactions,
    "subscribing in RESP2": lambda bench: subscribing(bench, 2),
    "subscribing in RESP3": lambda bench: subscribing(bench, 3), "shards": shards,
    "to oneself": to_oneself, "reply off": reply_off, "others": others,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--tallywheel", metavar="PROGRAM", help="start this one")
    target.add_argument("--server", metavar="HOST:PORT", type=differential.parse_address,
                        help="one that is running; everything in it is removed")
    parser.add_argument("--partitions", type=int, default=3)
    options = parser.parse_args()
    endpoint = servers.Endpoint(options.server, "the server") if options.server else \
        servers.Tallywheel(options.tallywheel, options.partitions)
    try:
        for name, case in CASES.items():
            bench = Bench(endpoint)
            bench("FLUSHALL")
            try:
                case(bench)
            except (wire.WireError, RuntimeError, OSError, IndexError, TypeError) as error:
                expect(f"{name}: {error!r}", 1, 0)
            bench.close()
        endpoint.check()
    finally:
        endpoint.close()
    print(f"{checks} checks, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
