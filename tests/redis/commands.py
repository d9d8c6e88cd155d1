# SPDX-License-Identifier: Apache-2.0
"""Random command sequences, by profile.

Few keys, few members and few scores, so that ties, emptied keys, name clashes and empty ranges
happen all the time; and one command in ten is spoiled, because what is refused, and with which
words, is part of the protocol. A round is a list of steps:

    Step("call", connection, arguments)    a command on one of the connections
    Step("raw", 0, [bytes])                bytes on a connection of its own, then a PING
    Step("endless", 0, [bytes])            bytes at which the server must hang up
    Step("scan", connection, arguments)    SCAN or ZSCAN until the cursor is 0 again
    Step("random", connection, arguments)  RANDOMKEY or ZRANDMEMBER: any right answer is right
    Step("withscore", connection, arguments)  ZRANK ... WITHSCORE, which Redis 7.0 has not
    Step("vanish", connection, arguments)  PEXPIRE of a few milliseconds, then wait for the end
    Step("pub", connection, arguments)     a command with subscribers about
    Step("restart", 0, [])                 the server under test is killed and started again
    Step("contents", 0, [])                all keys, members, scores and deadlines are compared
"""

import dataclasses

import wire

KEYS = [b"k", b"z", b"{t}a", b"{t}b", b"{t}c", b"a b\r\n"]
# What a range by bytes gives where scores differ is not defined, and in Redis depends on chance. So
# these keys hold scores of 0 only, and such ranges are asked of no others.
LEX_KEYS = [b"l", b"{t}l"]
LEX_MISSING = b"{t}nothing"
MISSING = b"missing"
MEMBERS = [b"a", b"b", b"c", b"aa", b"ab", b"b\x00", b"\xff", b"", b"10", b"9", b"a" * 70]
CHANNELS = [b"news", b"news.a", b"n", b"[x]", b""]
PATTERNS = [b"*", b"news*", b"news.?", b"n[a-f]ws", b"\\[x\\]", b"[^x]", b"", b"n*s"]
SCORES = (
    [b"%d" % n for n in range(-3, 4)] * 3 +
    [b"0.5", b"-1.5", b"2.5", b"1e2"] * 2 +
    [b"inf", b"+inf", b"-inf", b"Infinity", b"-0", b"0.1", b"3.14159", b"-1e-5", b"1e20", b"1e300",
     b"-1e300", b"9007199254740993", b"123456789012", b"5e-324", b"1.7976931348623157e308",
     b"1e21", b"1152921504606846976", b"0.30000000000000004", b"1e-7", b"123456.789"])
WRONG_SCORES = [b"", b"nan", b"-nan", b"abc", b"1e", b" 1", b"1 ", b"1e400", b"1e-400", b"0x10",
                b"1_0", b"--1", b"1,5", b".", b".5", b"5.", b"1\x00", b"+-1", b"in", b"infinit"]
INTEGERS = [b"0", b"1", b"2", b"3", b"5", b"-1", b"-2", b"-3", b"10", b"-10"]
WRONG_INTEGERS = [b"", b"a", b"1.5", b" 1", b"+1", b"01", b"-0", b"9223372036854775807",
                  b"-9223372036854775808", b"9223372036854775808", b"1e2", b"--1"]
JUNK = [b"", b"x", b"0", b"-1", b"WITHSCORES", b"LIMIT", b"COUNT", b"nx", b"XX", b"gt", b"LT", b"CH",
        b"BYSCORE", b"bylex", b"REV", b"WEIGHTS", b"AGGREGATE", b"(", b"[", b"+", b"MATCH",
        b"\xff\x00", b"9223372036854775807", b"INCR", b"MIN"]
ABSOLUTE_S = 4102444800  # 2100; a deadline from here on was given as such, and compares exactly

BLOCKING = {b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP"}
STATEFUL = {b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"UNWATCH"}


@dataclasses.dataclass
class Step:
    kind: str
    connection: int
    arguments: list

    def __str__(self):
        if self.kind in ("raw", "endless"):
            data = self.arguments[0]
            more = f"... ({len(data)} bytes)" if len(data) > 400 else ""
            return f"raw bytes  {data[:400]!r}{more}"
        words = " ".join(wire.show_bytes(argument) for argument in self.arguments)
        note = "" if self.kind in ("call", "pub") else f"({self.kind}) "
        return f"{self.connection}> {note}{words}"


def tagged(key):
    return key if key.startswith(b"{t}") else b"{t}" + key


class Generator:
    """Makes the commands of one round; `random` decides everything. With `together`, all keys have
    the same hash tag, and with that one partition."""

    def __init__(self, random, together=False):
        self.random = random
        self.may_queue = False  # commands may stand in a transaction
        # Every relative deadline of a round is far from every other one, so that GT and LT do not
        # depend on the millisecond in which a command arrives.
        self.delays = random.sample(range(1, 2000), 1999)
        self.keys = random.sample(KEYS, random.randint(2, len(KEYS)))
        self.members = random.sample(MEMBERS, random.randint(3, len(MEMBERS)))
        self.lex_keys = LEX_KEYS
        self.missing = MISSING
        if together:
            self.keys = list(dict.fromkeys(map(tagged, self.keys)))
            self.lex_keys = [b"{t}l"]
            self.missing = tagged(MISSING)

    # ---- words ----

    def some(self, words, wrong=(), wrong_share=0.06):
        if wrong and self.random.random() < wrong_share:
            return self.random.choice(wrong)
        return self.random.choice(words)

    def maybe(self, share=0.5):
        return self.random.random() < share

    def key(self):
        return self.missing if self.maybe(0.04) else self.random.choice(self.keys)

    def source(self):
        """A key that is only read."""
        return self.lex_key() if self.maybe(0.1) else self.key()

    def lex_key(self):
        return LEX_MISSING if self.maybe(0.04) else self.random.choice(self.lex_keys)

    def member(self):
        return self.random.choice(self.members)

    def score(self):
        return self.some(SCORES, WRONG_SCORES, 0.04)

    def integer(self):
        return self.some(INTEGERS, WRONG_INTEGERS)

    def word(self, word):
        """A keyword in any case."""
        return word.lower() if self.maybe(0.4) else word

    def score_bound(self):
        bound = self.some(SCORES, WRONG_SCORES, 0.08)
        if self.maybe(0.3):
            return b"-inf" if self.maybe() else b"+inf"
        return b"(" + bound if self.maybe(0.3) else bound

    def lex_bound(self):
        if self.maybe(0.35):
            return self.random.choice([b"-", b"+"])
        if self.maybe(0.06):
            return self.random.choice([b"", b"a", b"-a", b"(", b"[", b"]a", b"++"])
        return self.random.choice([b"[", b"("]) + self.member()

    def keys_counted(self, most=4):
        keys = [self.source() for _ in range(self.random.randint(1, most))]
        count = b"%d" % len(keys)
        if self.maybe(0.06):
            count = self.random.choice([b"0", b"-1", b"a", b"99", b"", b"1.5", b"2", b"4294967297"])
        return [count, *keys]

    def limit(self, share=0.3):
        if not self.maybe(share):
            return []
        return [self.word(b"LIMIT"), self.integer(), self.integer()]

    def withscores(self, share=0.4):
        return [self.word(b"WITHSCORES")] if self.maybe(share) else []

    # ---- sorted sets ----

    def pairs(self, most=4):
        count = self.random.randint(1, most)
        if self.maybe(0.01):
            count = self.random.choice([127, 128, 129, 200])
            first = self.random.randint(0, 99)
            return [word for i in range(count)
                    for word in (b"%d" % (i % 7), b"m%d" % (first + i))]
        return [word for _ in range(count) for word in (self.score(), self.member())]

    def zadd(self):
        options = [self.word(word) for word in (b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR")
                   if self.maybe(0.12)]
        self.random.shuffle(options)
        most = 1 if b"INCR" in [option.upper() for option in options] and self.maybe(0.8) else 4
        return [b"ZADD", self.key(), *options, *self.pairs(most)]

    def zincrby(self):
        return [b"ZINCRBY", self.key(), self.score(), self.member()]

    def zrem(self):
        return [b"ZREM", self.key(), *(self.member() for _ in range(self.random.randint(1, 3)))]

    def remove_range(self):
        kind = self.random.choice([b"RANK", b"SCORE"])
        bound = {b"RANK": self.integer, b"SCORE": self.score_bound}[kind]
        return [b"ZREMRANGEBY" + kind, self.key(), bound(), bound()]

    def lookup(self):
        name = self.random.choice([b"ZSCORE", b"ZRANK", b"ZREVRANK", b"ZMSCORE", b"ZCARD"])
        if name == b"ZCARD":
            return [name, self.source()]
        if name == b"ZMSCORE":
            return [name, self.source(), *(self.member() for _ in range(self.random.randint(1, 4)))]
        return [name, self.source(), self.member()]

    def count(self):
        return [b"ZCOUNT", self.source(), self.score_bound(), self.score_bound()]

    def range_words(self, kind, store):
        bound = {b"": self.integer, b"BYSCORE": self.score_bound, b"BYLEX": self.lex_bound}[kind]
        options = [[self.word(kind)]] if kind else []
        if self.maybe(0.4):
            options.append([self.word(b"REV")])
        options.append(self.limit(0.3 if kind else 0.04))
        if not store:
            options.append(self.withscores(0.1 if kind == b"BYLEX" else 0.4))
        self.random.shuffle(options)
        return [bound(), bound(), *(word for option in options for word in option)]

    def zrange(self):
        kind = self.random.choice([b"", b"BYSCORE"])
        return [b"ZRANGE", self.source(), *self.range_words(kind, False)]

    def zrangestore(self):
        kind = self.random.choice([b"", b"BYSCORE"])
        return [b"ZRANGESTORE", self.key(), self.source(), *self.range_words(kind, True)]

    def old_range(self):
        name = self.random.choice([b"ZREVRANGE", b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"])
        if name == b"ZREVRANGE":
            return [name, self.key(), self.integer(), self.integer(), *self.withscores()]
        options = [self.withscores(), self.limit()]
        self.random.shuffle(options)
        return [name, self.key(), self.score_bound(), self.score_bound(), *options[0], *options[1]]

    def combine(self, store=None):
        name = self.random.choice([b"ZUNION", b"ZINTER", b"ZDIFF"])
        store = self.maybe() if store is None else store
        keys = self.keys_counted()
        options = []
        if name != b"ZDIFF" or self.maybe(0.03):
            if self.maybe(0.35):
                options.append([self.word(b"WEIGHTS"), *(self.score() for _ in keys[1:])])
            if self.maybe(0.35):
                how = self.some([b"SUM", b"MIN", b"MAX", b"max"], [b"AVG", b""])
                options.append([self.word(b"AGGREGATE"), how])
        if not store:
            options.append(self.withscores())
        self.random.shuffle(options)
        words = [word for option in options for word in option]
        if store:
            return [name + b"STORE", self.key(), *keys, *words]
        return [name, *keys, *words]

    def lex(self):
        """Ranges by bytes, and what changes the keys that these are asked of. Nothing here gives a
        member another score than 0, not even when it is spoiled."""
        make = self.random.choices(
            [self.lex_read, self.lex_write, self.lex_range, self.lex_store], [5, 4, 4, 2])[0]
        words = make()
        if self.maybe(0.08):
            del words[self.random.randrange(2, len(words)):]
        elif self.maybe(0.04):
            words.append(self.random.choice(JUNK))
        return words

    def lex_read(self):
        name = self.random.choice([b"ZLEXCOUNT", b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"])
        limit = self.limit() if name != b"ZLEXCOUNT" else []
        return [name, self.lex_key(), self.lex_bound(), self.lex_bound(), *limit]

    def lex_write(self):
        name = self.random.choice([b"ZADD", b"ZADD", b"ZADD", b"ZREM", b"ZREMRANGEBYLEX"])
        key = self.random.choice(self.lex_keys)
        if name == b"ZREMRANGEBYLEX":
            return [name, key, self.lex_bound(), self.lex_bound()]
        members = [self.member() for _ in range(self.random.randint(1, 4))]
        if name == b"ZREM":
            return [name, key, *members]
        return [name, key, *(word for member in members for word in (b"0", member))]

    def lex_range(self):
        return [b"ZRANGE", self.lex_key(), *self.range_words(b"BYLEX", False)]

    def lex_store(self):
        if self.maybe():
            return [b"ZRANGESTORE", self.random.choice(self.lex_keys), self.lex_key(),
                    *self.range_words(b"BYLEX", True)]
        name = self.random.choice([b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"])
        return [name, self.random.choice(self.lex_keys), b"2", self.lex_key(), self.lex_key()]

    def intercard(self):
        limit = [self.word(b"LIMIT"), self.integer()] if self.maybe() else []
        return [b"ZINTERCARD", *self.keys_counted(), *limit]

    def pop(self):
        if self.maybe(0.6):
            count = [self.integer()] if self.maybe() else []
            return [self.random.choice([b"ZPOPMIN", b"ZPOPMAX"]), self.key(), *count]
        return [b"ZMPOP", *self.keys_counted(3), *self.pop_words()]

    def pop_words(self):
        where = self.some([b"MIN", b"MAX", b"min"], [b"MID", b""])
        return [where] + ([self.word(b"COUNT"), self.integer()] if self.maybe(0.4) else [])

    def random_member(self):
        words = [b"ZRANDMEMBER", self.key()]
        if self.maybe(0.75):
            words.append(self.some([b"0", b"1", b"2", b"5", b"100", b"-1", b"-5", b"-20"],
                                   WRONG_INTEGERS))
            words += self.withscores()
        return words

    def pop_blocking(self, timeouts=(b"0",)):
        timeout = self.some(timeouts, [b"-1", b"a", b"", b"nan", b"-0.1", b"1e400", b"inf"], 0.05)
        if self.maybe(0.6):
            keys = [self.key() for _ in range(self.random.randint(1, 3))]
            return [self.random.choice([b"BZPOPMIN", b"BZPOPMAX"]), *keys, timeout]
        return [b"BZMPOP", timeout, *self.keys_counted(3), *self.pop_words()]

    # ---- keys ----

    def deadline(self):
        name = self.random.choice([b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT"])
        unit = 1000 if name.startswith(b"P") else 1
        if self.maybe(0.12):
            value = self.random.choice([b"0", b"-1", b"-100000", *WRONG_INTEGERS])
            if value == b"9223372036854775807" and name == b"PEXPIREAT":
                value = b"1"
        elif name.endswith(b"AT"):
            value = b"%d" % ((ABSOLUTE_S + self.random.choice([0, 100, 200])) * unit)
        else:
            value = b"%d" % (self.delays.pop() * 1000 * unit) if self.delays else b"0"
        options = [self.word(word) for word in (b"NX", b"XX", b"GT", b"LT") if self.maybe(0.15)]
        return [name, self.key(), value, *options]

    def deadline_read(self):
        name = self.random.choice([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME", b"PERSIST"])
        return [name, self.key()]

    def keyspace(self):
        name = self.random.choice([b"DEL", b"UNLINK", b"EXISTS", b"TOUCH", b"TYPE", b"RENAME",
                                   b"RENAMENX", b"COPY", b"KEYS", b"DBSIZE", b"OBJECT"])
        if name in (b"DEL", b"UNLINK", b"EXISTS", b"TOUCH"):
            return [name, *(self.key() for _ in range(self.random.randint(1, 3)))]
        if name in (b"RENAME", b"RENAMENX"):
            return [name, self.key(), self.key()]
        if name == b"COPY":
            options = [[self.word(b"REPLACE")] if self.maybe() else [],
                       [b"DB", self.some([b"0"], [b"1", b"a", b"-1"])] if self.maybe(0.2) else []]
            self.random.shuffle(options)
            return [name, self.key(), self.key(), *options[0], *options[1]]
        if name == b"KEYS":
            return [name, self.random.choice([b"*", b"k", b"{t}*", b"?", b"[a-m]", b"*\r*", b"",
                                              b"[^k]", b"\\{t\\}[ab]", b"{t}[c-a]", b"[k", b"z*z"])]
        if name == b"OBJECT":
            return [name, self.word(b"ENCODING"), self.key()]
        return [name] if name == b"DBSIZE" else [name, self.key()]

    def other(self):
        return self.random.choice([
            [b"PING"], [b"PING", b"hello"], [b"ECHO", b"\x00\xff"], [b"ECHO"], [b"SELECT", b"0"],
            [b"SELECT", b"1"], [b"SELECT", b"a"], [b"NOSUCH", b"a", b"b c"], [b"nosuch"],
            [b"CLIENT", b"SETNAME", b"me"], [b"CLIENT", b"GETNAME"],
            [b"CLIENT", b"SETNAME", b"a b"], [b"FLUSHALL", b"x"], [b"FLUSHALL", b"ASYNC"],
            [b"FLUSHDB"], [b"DBSIZE", b"x"], [b"OBJECT", b"ENCODING"], [b"OBJECT", b"NOSUCH", b"k"],
            [b"FUNCTION", b"FLUSH"], [b"AUTH", b"x"], [b"TYPE"], [b"EXEC"], [b"DISCARD"],
            [b"UNWATCH"], [b"PUBLISH", b"news", b"x"], [b"PUBSUB", b"NUMPAT"]])

    # ---- steps ----

    def spoil(self, words):
        """Breaks a command in one place."""
        words = list(words)
        at = self.random.randrange(1, len(words)) if len(words) > 1 else 0
        how = self.random.randrange(5)
        if how == 0 or len(words) == 1:
            words.append(self.random.choice(JUNK))
        elif how == 1:
            del words[at]
        elif how == 2:
            words[at] = self.random.choice(JUNK)
        elif how == 3:
            words.insert(at, self.random.choice(JUNK))
        else:
            del words[at:]
        if self.may_queue and words[0].upper() in (b"ZRANK", b"ZREVRANK"):
            # 7.0 refuses a fourth word before it is queued, 7.2 when it is executed.
            del words[3:]
        return words

    def command(self):
        """A command that neither blocks nor has more than one right answer."""
        make = self.random.choices(
            [self.zadd, self.zincrby, self.zrem, self.remove_range, self.lookup, self.count,
             self.zrange, self.old_range, self.combine, self.intercard, self.pop,
             self.zrangestore, self.deadline, self.deadline_read, self.keyspace, self.lex,
             self.other],
            [22, 5, 4, 3, 9, 3, 9, 6, 7, 2, 5, 3, 4, 4, 8, 9, 1.5])[0]
        words = make()
        if make != self.lex and self.maybe(0.1):
            words = self.spoil(words)
        if self.maybe(0.3):
            words[0] = words[0].lower()
        return words

    def write(self):
        return self.random.choices(
            [self.zadd, self.zincrby, self.zrem, self.remove_range, lambda: self.combine(True),
             self.pop, self.zrangestore, self.deadline, self.keyspace],
            [30, 5, 5, 3, 5, 5, 4, 6, 8])[0]()

    def step(self, connection=0):
        chance = self.random.random()
        if chance < 0.012:
            words = [b"ZSCAN", self.key()]
        elif chance < 0.015:
            words = [b"SCAN"]
            if self.maybe(0.2):
                words += [self.word(b"TYPE"), self.random.choice([b"zset", b"string", b"ZSET"])]
        elif chance < 0.028:
            words = self.random_member() if self.maybe(0.8) else [b"RANDOMKEY"]
            return Step("random", connection, words)
        elif chance < 0.034:
            name = self.random.choice([b"ZRANK", b"ZREVRANK"])
            return Step("withscore", connection, [name, self.key(), self.member()])
        elif chance < 0.035:
            return Step("vanish", connection, [b"PEXPIRE", self.key(), b"3"])
        else:
            return Step("call", connection, self.command())
        if self.maybe(0.3):
            words += [self.word(b"MATCH"), self.random.choice([b"*", b"a*", b"?", b"{t}*", b"m1*"])]
        if self.maybe(0.3):
            words += [self.word(b"COUNT"), self.some([b"1", b"3", b"1000"], [b"0", b"a", b"-1"])]
        return Step("scan", connection, words)


# ---- profiles: what a round is about ----


def protocols(random, connections):
    """Which of the connections speak RESP3, and the steps that make them."""
    return [Step("call", c, [b"HELLO", b"3"]) for c in range(connections) if random.random() < 0.5]


def plain(random, size, partitions):
    """One connection, all commands; runs of calls go out as pipelines."""
    generator = Generator(random)
    steps = protocols(random, 1)
    while len(steps) < size:
        steps.append(generator.step())
    return steps


def transactions(random, size, partitions):
    """Three connections that watch, queue and interfere."""
    generator = Generator(random)
    generator.may_queue = True
    steps = protocols(random, 3)
    while len(steps) < size:
        connection = random.randrange(3)
        chance = random.random()
        if chance < 0.12:
            words = [b"WATCH", *(generator.key() for _ in range(random.randint(1, 2)))]
        elif chance < 0.3:
            words = [b"MULTI"]
        elif chance < 0.5:
            words = [random.choice([b"EXEC", b"EXEC", b"EXEC", b"exec", b"DISCARD", b"UNWATCH"])]
        elif chance < 0.9:
            words = generator.write()
            words = generator.spoil(words) if generator.maybe(0.05) else words
        elif chance < 0.92:
            # Inside of a transaction it must not block; outside, its time is up soon.
            words = generator.pop_blocking((b"0.01",))
        else:
            words = generator.command()
        steps.append(Step("call", connection, words))
    return steps


def blocking(random, size, partitions):
    """Four connections that wait for members, one that brings them. Over several partitions, those
    who wait may be served between the parts of one EXEC: so in a round with transactions, all keys
    are in one partition then."""
    queues = partitions == 1 or random.random() < 0.5
    generator = Generator(random, together=partitions > 1 and queues)
    generator.keys = generator.keys[:3]
    steps = protocols(random, 5)
    in_multi = False
    while len(steps) < size:
        if random.random() < 0.4:
            words = generator.pop_blocking((b"0", b"0", b"0", b"0", b"100", b"0.01"))
            steps.append(Step("call", random.randint(1, 4), words))
            continue
        chance = random.random()
        if chance < 0.1 and queues:
            words = [b"EXEC"] if in_multi else [b"MULTI"]
            in_multi = not in_multi
        elif chance < 0.6:
            words = generator.zadd()
        elif chance < 0.95:
            words = generator.write()
        else:
            words = [b"FLUSHALL"]
        steps.append(Step("call", 0, words))
    if in_multi:
        steps.append(Step("call", 0, [b"EXEC"]))
    return steps


def pubsub(random, size, partitions):
    """Three subscribers in either protocol, and a publisher."""
    generator = Generator(random)
    steps = [Step("pub", c, [b"HELLO", b"3"]) for c in range(4) if random.random() < 0.5]
    while len(steps) < size:
        chance = random.random()
        if chance < 0.4:
            words = [b"PUBLISH", random.choice(CHANNELS), random.choice([b"x", b"", b"\r\n\x00"])]
            steps.append(Step("pub", 0, words))
            continue
        if chance < 0.5:
            words = random.choice([
                [b"PUBSUB", b"CHANNELS"], [b"PUBSUB", b"CHANNELS", random.choice(PATTERNS)],
                [b"PUBSUB", b"NUMSUB", *random.sample(CHANNELS, random.randint(0, 3))],
                [b"PUBSUB", b"NUMPAT"], [b"PUBSUB", b"NOSUCH"], [b"PUBSUB"], [b"PUBLISH", b"x"]])
            steps.append(Step("pub", 0, words))
            continue
        connection = random.randint(1, 3)
        if chance < 0.85:
            name = random.choice([b"SUBSCRIBE", b"UNSUBSCRIBE", b"PSUBSCRIBE", b"PUNSUBSCRIBE"])
            names = PATTERNS if name.startswith(b"P") else CHANNELS
            least = 0 if name.startswith((b"U", b"PU")) else 1
            words = [name, *(random.choice(names) for _ in range(random.randint(least, 3)))]
        elif chance < 0.95:
            words = random.choice([[b"PING"], [b"PING", b"x"], [b"ZCARD", b"k"], [b"SUBSCRIBE"],
                                   [b"PING", b"x", b"y"], [b"nosuch", b"x"], [b"PSUBSCRIBE"],
                                   [b"ZADD", b"k", b"1", generator.member()]])
        else:
            words = [random.choice([b"RESET", b"QUIT"])]
        steps.append(Step("pub", connection, words))
    return steps


RAW = [
    b"PING\r\n", b"PING hello\r\n", b"ping 'a b'\r\n", b'PING "a\\x41\\n\\"b"\r\n',
    b"\r\n", b"\n", b"PING\n", b"   PING   \r\n", b"ECHO 'it\\'s'\r\n", b'ECHO "a"b\r\n',
    b"ECHO 'a\r\n", b'ECHO "a\r\n', b"ECHO ''\r\n", b"ZADD k 1 a 2 b\r\nZRANGE k 0 -1\r\n",
    b"*0\r\n", b"*-1\r\n", b"*1\r\n$4\r\nPING\r\n", b"*1\r\n$4\r\nping\r\n*1\r\n$4\r\nPING\r\n",
    b"*abc\r\n", b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$abc\r\n", b"*1\r\n$\r\n",
    b"*1\r\n:1\r\n", b"*2147483648\r\n", b"*1\r\n$536870913\r\n", b"* 1\r\n",
    b"*01\r\n", b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$0\r\n\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"*3\r\n$3\r\nGET\r\n", b"$4\r\nPING\r\n", b"+PING\r\n", b"-1\r\n", b":1\r\n", b"\x00\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"HELLO 3\r\nHELLO\r\n", b"HELLO 4\r\n", b"HELLO x\r\n",
    b"HELLO 2 AUTH\r\n", b"HELLO 3 SETNAME me\r\nCLIENT GETNAME\r\n", b"HELLO 3 NOSUCH x\r\n",
    b"HELLO 3 SETNAME 'a b'\r\n", b"QUIT\r\n", b"quit now\r\nPING\r\n", b"RESET\r\n", b"nosuch\r\n",
    b"MULTI\r\nnosuch\r\nEXEC\r\n", b"MULTI\r\nRESET\r\nEXEC\r\n", b"MULTI\r\nMULTI\r\nEXEC\r\n",
    b"MULTI\r\nWATCH k\r\nEXEC\r\n", b"MULTI\r\nZADD k\r\nPING\r\nEXEC\r\nPING\r\n",
    b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n", b"CLIENT REPLY SKIP\r\nPING\r\n",
    b"CLIENT REPLY x\r\n", b"CLIENT NOSUCH\r\n", b"CLIENT\r\n", b"COMMAND NOSUCH\r\n",
    b"CONFIG NOSUCH x\r\n", b"CONFIG GET\r\n", b"CONFIG SET x\r\n", b"CONFIG GET nosuchthing\r\n",
    b"OBJECT\r\n", b"FUNCTION FLUSH SYNC\r\n", b"FUNCTION FLUSH x\r\n", b"SCAN x\r\n", b"SCAN -1\r\n",
    b"ZSCAN k x\r\n", b"ZSCAN missing 0\r\n", b"SCAN 0 COUNT\r\n", b"SCAN 0 NOSUCH 1\r\n",
    b"ZRANDMEMBER k 9223372036854775807 x\r\n", b"AUTH a b\r\n", b"AUTH a b c\r\n", b"SELECT\r\n",
]

# Lines without an end. The server hangs up while more of them is on its way, so its last words may
# be lost; what compares is that it hangs up.
ENDLESS = [b"x" * 300000, b"*" + b"1" * 300000, b"*1\r\n$" + b"1" * 300000]


def raw(random, size, partitions):
    """Bytes, well formed and not; each on a connection of its own."""
    steps = [Step("raw", 0, [b"".join(random.choices(RAW, k=1 if random.random() < 0.8 else 2))])
             for _ in range(size // 4)]
    return steps + [Step("endless", 0, [random.choice(ENDLESS)])]


PROFILES = {"plain": (plain, 10), "transactions": (transactions, 3), "blocking": (blocking, 3),
            "pubsub": (pubsub, 1), "raw": (raw, 0.6)}


def make_round(random, size, only=None, partitions=1):
    """The name of a profile and its steps."""
    names = [only] if only else list(PROFILES)
    name = random.choices(names, [PROFILES[name][1] for name in names])[0]
    return name, PROFILES[name][0](random, size, partitions)
