# SPDX-License-Identifier: Apache-2.0
"""Plays the steps of a round on both servers, and says where they first differ.

Calls that stand in a row on one connection go out as one pipeline of up to `batch` commands. As
soon as a client may be waiting for members, every step is played by itself, and who has been served
is settled before the next one: how many Redis has served is told by its blocked_clients, and the
other server must serve exactly the same clients.
"""

import re
import select
import time

import commands
import compare
import wire

SERVED_SECONDS_MAX = 10
SILENCE_SECONDS = 0.1


class Difference(Exception):
    """`step` is the index of the step that showed it."""

    def __init__(self, step, what, model=None, target=None):
        super().__init__(what)
        self.step = step
        self.what = what
        self.model = model
        self.target = target

    def signature(self):
        """Enough to tell, while shrinking, whether it is still the same trouble."""
        kinds = [reply[0] if isinstance(reply, tuple) else type(reply).__name__
                 for reply in (self.model, self.target)]
        return self.what.split(":")[0], *kinds


class Side:
    """One of the two servers, with the connections of a round."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.control = None
        self.connections = {}

    def connection(self, number):
        connection = self.connections.get(number)
        if connection is None or connection.closed:
            connection = self.connections[number] = self.endpoint.connect()
        return connection

    def ask(self, *arguments):
        """Over a connection that no step uses."""
        if self.control is None or self.control.closed:
            self.control = self.endpoint.connect()
        return self.control.ask(*arguments)

    def blocked(self):
        match = re.search(rb"\r\nblocked_clients:(\d+)\r\n", self.ask("INFO", "clients")[1] or b"")
        if match is None:
            raise Difference(None, f"INFO: {self.endpoint.name} tells no blocked_clients")
        return int(match.group(1))

    def disconnect(self):
        for connection in self.connections.values():
            connection.close()
        self.connections = {}

    def forget(self):
        """The server is gone, and all its connections with it."""
        self.disconnect()
        if self.control is not None:
            self.control.close()
            self.control = None


def blocks_for(arguments):
    """The timeout of a blocking command in seconds, or None if it has none that can be read."""
    name = arguments[0].upper()
    if name not in commands.BLOCKING or len(arguments) < 3:
        return None
    try:
        return float(arguments[1] if name == b"BZMPOP" else arguments[-1])
    except ValueError:
        return None


class Player:
    def __init__(self, model, target):
        self.model = Side(model)
        self.target = Side(target)
        self.sides = (self.model, self.target)
        self.has_withscore = None
        self.played = 0

    # ---- a round ----

    def play(self, steps, batch=64, keep=False):
        """Raises Difference. `keep`: what was there before the round stays."""
        self.index = 0
        self.queued = {}  # connection -> the commands of its open transaction
        self.waiting = {}  # connection -> the blocking command that it waits for, oldest first
        self.subscribers = set()
        try:
            if not keep:
                for side in self.sides:
                    side.ask("FLUSHALL")
            while self.index < len(steps):
                self.index += self.play_from(steps, batch)
            self.end_round()
        except wire.WireError as error:
            raise Difference(self.index, f"no reply: {error}") from None
        except Difference as difference:
            if difference.step is None:
                difference.step = min(self.index, len(steps) - 1)
            raise
        finally:
            self.model.disconnect()
            self.target.disconnect()

    def play_from(self, steps, batch):
        """Plays one step, or a pipeline of some; how many."""
        step = steps[self.index]
        if step.kind != "call":
            self.played += 1
            getattr(self, "play_" + step.kind)(step)
            return 1
        count = 1
        if self.may_pipeline(step):
            while count < batch and self.index + count < len(steps) and \
                    steps[self.index + count].connection == step.connection and \
                    self.may_pipeline(steps[self.index + count]):
                count += 1
        self.played += count
        if count == 1:
            self.play_call(step)
        else:
            self.play_pipeline(steps[self.index:self.index + count])
        return count

    def may_pipeline(self, step):
        return step.kind == "call" and not self.waiting and \
            step.arguments[0].upper() not in commands.BLOCKING

    def end_round(self):
        """Nobody was served whom Redis did not serve, and both servers hold the same."""
        if self.waiting:
            self.settle()
        for side in self.sides:
            side.disconnect()
        if self.waiting:
            self.wait_unblocked()
        self.play_contents(None)

    def wait_unblocked(self):
        """The clients that have hung up are no longer served."""
        end = time.monotonic() + SERVED_SECONDS_MAX
        for side in self.sides:
            while side.blocked() != 0:
                if time.monotonic() > end:
                    raise Difference(None, f"blocked_clients: {side.endpoint.name} still counts "
                                           "clients that have hung up")
        self.waiting = {}

    # ---- commands ----

    def play_pipeline(self, steps):
        data = b"".join(wire.encode(step.arguments) for step in steps)
        ends = [side.connection(steps[0].connection) for side in self.sides]
        for end in ends:
            end.send_bytes(data)
        first = self.index
        for offset, step in enumerate(steps):
            self.index = first + offset
            self.check(step, ends[0].read(), ends[1].read())
        self.index = first

    def play_call(self, step):
        if step.connection in self.waiting:
            return  # a client that waits sends nothing
        for side in self.sides:
            side.connection(step.connection).send(*step.arguments)
        timeout = blocks_for(step.arguments)
        if timeout is not None and not 0 < timeout <= 1 and step.connection not in self.queued:
            if not self.replies_now(self.model, step.connection):
                self.begin_waiting(step)
                return
        ends = [side.connection(step.connection) for side in self.sides]
        self.check(step, ends[0].read(), ends[1].read())
        if self.waiting:
            self.settle()

    def check(self, step, model, target):
        name = step.arguments[0].upper()
        queued = self.queued.get(step.connection)
        if queued is not None and name == b"EXEC":
            del self.queued[step.connection]
            good = compare.same_transaction(queued, model, target)
        else:
            good = compare.same(step.arguments, model, target)
            if name == b"MULTI" and model[0] == "+":
                self.queued.setdefault(step.connection, [])
            elif name in (b"DISCARD", b"RESET") and model[0] == "+":
                self.queued.pop(step.connection, None)
            elif queued is not None and model == ("+", b"QUEUED"):
                queued.append(step.arguments)
        if not good:
            raise Difference(self.index, "reply: the replies differ", model, target)

    # ---- clients that wait ----

    def replies_now(self, side, number):
        """Whether a blocking command was answered at once; False when its client waits."""
        end = time.monotonic() + SERVED_SECONDS_MAX
        connection = side.connection(number)
        while not connection.readable(0.0002):
            if side.blocked() == len(self.waiting) + 1:
                return connection.readable(0)
            if time.monotonic() > end:
                raise Difference(None, f"waits: {side.endpoint.name} neither replies nor blocks")
        return True

    def begin_waiting(self, step):
        if self.replies_now(self.target, step.connection):
            reply = self.target.connection(step.connection).read()
            raise Difference(None, "waits: redis waits, the other replies", None, reply)
        self.waiting[step.connection] = step

    def settle(self):
        """Reads what the clients got that the last step has served."""
        served = len(self.waiting) - self.model.blocked()
        end = time.monotonic() + SERVED_SECONDS_MAX
        ready = []
        while len(ready) < served:
            ready = [number for number in self.waiting
                     if self.model.connection(number).readable(0)]
            if time.monotonic() > end:
                raise RuntimeError("redis counts fewer blocked clients than it has replied to")
        for number in ready:
            step = self.waiting.pop(number)
            model = self.model.connection(number).read()
            try:
                target = self.target.connection(number).read(SERVED_SECONDS_MAX)
            except wire.TimedOut:
                raise Difference(None, f"serves: redis serves client {number}, the other does not",
                                 model, None) from None
            if not compare.same(step.arguments, model, target):
                raise Difference(None, f"serves: client {number} gets something else",
                                 model, target)
        sockets = [self.target.connection(number).socket for number in self.waiting]
        if sockets and select.select(sockets, [], [], 0)[0]:
            raise Difference(None, "serves: the other serves a client whom redis does not")

    # ---- commands with several right answers ----

    def both(self, step):
        return [side.connection(step.connection).ask(*step.arguments) for side in self.sides]

    def play_scan(self, step):
        """Duplicates and order are free; what is missing or too much is not."""
        found = [self.scan(side, step) for side in self.sides]
        if isinstance(found[0], tuple) or isinstance(found[1], tuple):
            if found[0] != found[1]:
                raise Difference(None, "scan: the replies differ", *found)
            return
        if set(found[0]) != set(found[1]) and \
                not self.same_scanned(sorted(found[0].items()), sorted(found[1].items())):
            raise Difference(None, f"scan: not the same elements: {sorted(found[0].items())} and "
                                   f"{sorted(found[1].items())}")

    @staticmethod
    def same_scanned(model, target):
        return len(model) == len(target) and \
            all(a[0] == b[0] and (a[1] == b[1] or compare.same_score(a[1], b[1]))
                for a, b in zip(model, target))

    def scan(self, side, step):
        """Everything that the iteration gives, as a dict; or the error."""
        paired = step.arguments[0].upper() == b"ZSCAN"
        first, rest = (step.arguments[:2], step.arguments[2:]) if paired else \
            (step.arguments[:1], step.arguments[1:])
        found = {}
        cursor = b"0"
        connection = side.connection(step.connection)
        for _ in range(100000):
            reply = connection.ask(*first, cursor, *rest)
            if reply[0] != "*":
                return reply
            cursor = reply[1][0][1]
            items = [item[1] for item in reply[1][1][1]]
            found.update(zip(items[::2], items[1::2]) if paired else ((i, b"") for i in items))
            if cursor == b"0":
                return found
        raise Difference(None, f"scan: the cursor of {side.endpoint.name} does not come to 0")

    def play_random(self, step):
        model, target = self.both(step)
        if step.arguments[0].upper() == b"RANDOMKEY":
            if model == target:
                return
            if target[0] != "$" or target[1] is None or model[1] is None or \
                    self.model.ask("EXISTS", target[1]) != (":", 1):
                raise Difference(None, "random: not one of the keys", model, target)
            return
        if not self.good_members(step.arguments, model, target):
            raise Difference(None, "random: no right answer", model, target)

    def good_members(self, arguments, model, target):
        """As many as Redis gives, in the same form, all of them there, distinct if they must be."""
        if model[0] not in ("*", "$") or model[0] != target[0] or model[1] is None:
            return model == target
        reply = self.model.ask("ZRANGE", arguments[1], "0", "-1", "WITHSCORES")[1]
        scores = {reply[i][1]: reply[i + 1][1] for i in range(0, len(reply), 2)}
        if len(arguments) == 2:
            return target[1] in scores
        if not isinstance(target[1], list) or len(model[1]) != len(target[1]):
            return False
        members = target[1]
        if len(arguments) == 4:
            pairs = [item[1] for item in members] if members and members[0][0] == "*" else \
                list(zip(members[::2], members[1::2]))
            if any(len(pair) != 2 or not self.good_pair(scores, *pair) for pair in pairs):
                return False
            if [item[0] for item in model[1]] != [item[0] for item in members]:
                return False
            members = [pair[0] for pair in pairs]
        names = [member[1] for member in members]
        return all(name in scores for name in names) and \
            (int(arguments[2]) < 0 or len(set(names)) == len(names))

    @staticmethod
    def good_pair(scores, member, score):
        held = scores.get(member[1])
        return held is not None and (held == score[1] or compare.same_score(held, score[1]))

    def play_withscore(self, step):
        """What Redis 7.2 would say, from what 7.0 says of rank and score."""
        if self.has_withscore is None:
            reply = self.target.ask("ZRANK", "missing", "m", "WITHSCORE")
            self.has_withscore = reply[0] != "-" or b"wrong number" not in reply[1]
        if not self.has_withscore:
            return
        model = self.model.connection(step.connection)
        rank = model.ask(*step.arguments)
        score = model.ask("ZSCORE", *step.arguments[1:])
        target = self.target.connection(step.connection).ask(*step.arguments, "WITHSCORE")
        wanted = ("*", None) if rank == ("$", None) else rank if rank[0] != ":" else \
            ("*", [rank, score])
        if not compare.same_with_scores(wanted, target):
            raise Difference(None, "withscore: not the rank and the score", wanted, target)

    def play_vanish(self, step):
        model, target = self.both(step)
        if model != target:
            raise Difference(None, "reply: the replies differ", model, target)
        if model != (":", 1):
            return
        for side in self.sides:
            end = time.monotonic() + SERVED_SECONDS_MAX
            while side.ask("EXISTS", step.arguments[1]) != (":", 0):
                if time.monotonic() > end:
                    raise Difference(None, f"vanish: {side.endpoint.name} keeps a key after its "
                                           "deadline")

    # ---- subscribers ----

    def play_pub(self, step):
        """After each step every subscriber sends a PING with a text of its own; what comes before
        its reply has been sent by the step."""
        if step.connection > 0:
            self.subscribers.add(step.connection)
        for side in self.sides:
            side.connection(step.connection).send(*step.arguments)
        got = {}
        for number in sorted(self.subscribers | {step.connection}):
            got[number] = self.read_to_barrier(self.model.connection(number), None)
        for number, model in got.items():
            target = self.read_to_barrier(self.target.connection(number), len(model))
            arguments = step.arguments if number == step.connection else [b"(message)"]
            if not compare.same_messages(arguments, model, target):
                raise Difference(None, f"messages: client {number} gets something else",
                                 ("*", model), ("*", target))

    @staticmethod
    def is_barrier(item, text):
        return item == ("$", text) or item == ("*", [("$", b"pong"), ("$", text)])

    def read_to_barrier(self, connection, count):
        """The replies and messages before the barrier's reply; with a `count`, that many, and the
        barrier anywhere among them."""
        text = b"barrier %d" % self.index
        connection.send("PING", text)
        items = []
        passed = False
        while not passed or (count is not None and len(items) < count):
            item = connection.read()
            if item == wire.CLOSED:
                items.append(item)
                return items
            if not passed and self.is_barrier(item, text):
                passed = True
            else:
                items.append(item)
        return items

    # ---- bytes ----

    def play_raw(self, step):
        model = self.exchange(self.model, step, None)
        target = self.exchange(self.target, step, len(model))
        if len(model) != len(target) or not all(compare.same([b"HELLO"], a, b)
                                                for a, b in zip(model, target)):
            raise Difference(None, "bytes: the replies differ", ("*", model), ("*", target))

    def exchange(self, side, step, count):
        """All that the bytes, and a PING after them, are answered with; `count` is how much the
        model said before it fell silent or hung up."""
        connection = side.endpoint.connect()
        items = []
        try:
            connection.send_bytes(step.arguments[0])
            connection.send_bytes(b"PING barrier\r\n")
            while not items or items[-1] not in (wire.CLOSED, ("$", b"barrier")):
                if count is None:
                    side.ask("PING")  # Redis has one thread: now it has read the bytes too
                wait = wire.SECONDS_MAX if count is not None and len(items) < count else \
                    SILENCE_SECONDS
                if not connection.readable(wait):
                    break
                items.append(connection.read())
        finally:
            connection.close()
        return items

    def play_endless(self, step):
        for side in self.sides:
            connection = side.endpoint.connect()
            connection.send_bytes(step.arguments[0])
            try:
                while (reply := connection.read()) != wire.CLOSED:
                    if not reply[1].startswith(b"ERR Protocol error: "):
                        raise Difference(None, f"endless: {side.endpoint.name} says {reply}")
            except wire.TimedOut:
                raise Difference(None, f"endless: {side.endpoint.name} does not hang up") from None
            finally:
                connection.close()

    # ---- everything ----

    def contents(self, side):
        """What the server holds: {key: (members and scores, deadline)}."""
        keys = sorted(item[1] for item in side.ask("KEYS", "*")[1])
        held = {}
        for key in keys:
            held[key] = (side.ask("ZRANGE", key, "0", "-1", "WITHSCORES"),
                         side.ask("PEXPIRETIME", key))
        return held

    def play_contents(self, step):
        model, target = (self.contents(side) for side in self.sides)
        if list(model) != list(target):
            raise Difference(None, f"contents: not the same keys: {list(model)} and {list(target)}")
        for key, (members, deadline) in model.items():
            if not compare.same_with_scores(members, target[key][0]):
                raise Difference(None, f"contents: key {wire.show_bytes(key)}",
                                 members, target[key][0])
            if not compare.same([b"PEXPIRETIME"], deadline, target[key][1]):
                raise Difference(None, f"contents: deadline of {wire.show_bytes(key)}",
                                 deadline, target[key][1])

    def play_restart(self, step):
        """kill -9, and the same data again. Transactions and watches end with the connections."""
        self.target.endpoint.kill()
        self.target.forget()
        self.model.disconnect()
        self.queued = {}
        self.target.endpoint.start()
        self.play_contents(step)
