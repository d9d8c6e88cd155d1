# SPDX-License-Identifier: Apache-2.0
"""A RESP client for tests: RESP2 and RESP3, pipelines, pushes; the standard library only.

    with Client(port) as client:
        client.call("ZADD", "key", 1.5, "member")          # 1
        client.call("ZRANGE", "key", 0, -1, "WITHSCORES")  # [b"member", b"1.5"]
        client.call("HELLO", 3)                            # {b"server": ...}
        client.send("PING"); client.send("PING"); client.read(); client.read()

Replies as Python values: bulk and verbatim strings are bytes, simple strings are str, integers and
big numbers int, doubles float, booleans bool, null and null arrays None (NULL_ARRAY with
`tell_nulls`), arrays list, maps dict (Pairs, a list of pairs, if a key cannot be hashed), sets Set (a
list in the order of arrival), pushes Push. An error is a value too, of type Error, and is raised by
call() but not by read() or try_call(). read_raw() gives the bytes as they came..
"""

import socket

SECONDS_MAX = 20


class Error(Exception):
    """An error reply; equal to another one with the same text."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    @property
    def code(self):
        return self.text.split(" ", 1)[0]

    def __eq__(self, other):
        return isinstance(other, Error) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return f"Error({self.text!r})"


class Push(list):
    """An array that came as a push (RESP3)."""


class Set(list):
    """An array that came as a set (RESP3)."""


class Pairs(list):
    """A map whose keys cannot be the keys of a dict."""


class NullArray:
    def __repr__(self):
        return "NULL_ARRAY"


NULL_ARRAY = NullArray()


class Closed(Exception):
    """The server closed the connection."""


def encode(*args):
    """A command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        if isinstance(arg, str):
            arg = arg.encode()
        elif not isinstance(arg, (bytes, bytearray)):
            arg = repr(arg).encode() if isinstance(arg, float) else str(arg).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


class Client:
    """One connection. Commands may be sent ahead of their replies."""

    def __init__(self, port, host="127.0.0.1", seconds=SECONDS_MAX, tell_nulls=False):
        self.socket = socket.create_connection((host, port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tell_nulls = tell_nulls
        self.pushes = []  # those that came while a reply was waited for
        self._buffer = bytearray()
        self._at = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- sending ----

    def send(self, *args):
        self.socket.sendall(encode(*args))

    def send_many(self, commands):
        self.socket.sendall(b"".join(encode(*args) for args in commands))

    def send_bytes(self, data):
        self.socket.sendall(data)

    def half_close(self):
        """Nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    # ---- receiving ----

    def _fill(self):
        if self._at > 1 << 16:
            del self._buffer[: self._at]
            self._at = 0
        data = self.socket.recv(1 << 18)
        if not data:
            raise Closed("the server closed the connection")
        self._buffer += data

    def _line(self):
        start = self._at
        while True:
            end = self._buffer.find(b"\r\n", start)
            if end >= 0:
                line = bytes(self._buffer[self._at : end])
                self._at = end + 2
                return line
            kept = len(self._buffer) - self._at
            self._fill()
            start = self._at + max(0, kept - 1)

    def _exactly(self, size):
        while len(self._buffer) - self._at < size + 2:
            self._fill()
        data = bytes(self._buffer[self._at : self._at + size])
        if self._buffer[self._at + size : self._at + size + 2] != b"\r\n":
            raise ValueError("a bulk string without its end")
        self._at += size + 2
        return data

    def _values(self, count):
        return [self._value() for _ in range(count)]

    def _map(self, count):
        values = self._values(2 * count)
        pairs = list(zip(values[::2], values[1::2]))
        try:
            return dict(pairs)
        except TypeError:
            return Pairs(pairs)

    def _aggregate(self, kind, count):
        if count < 0:
            return NULL_ARRAY if self.tell_nulls else None
        if kind == b"%":
            return self._map(count)
        values = self._values(count)
        if kind == b"~":
            return Set(values)
        return Push(values) if kind == b">" else values

    def _bulk(self, kind, size):
        if size < 0:
            return None
        data = self._exactly(size)
        if kind == b"!":
            return Error(data.decode("utf-8", "replace"))
        return data[4:] if kind == b"=" else data

    def _value(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode("utf-8", "replace")
        if kind == b"-":
            return Error(rest.decode("utf-8", "replace"))
        if kind in (b":", b"("):
            return int(rest)
        if kind in (b"$", b"=", b"!"):
            return self._bulk(kind, int(rest))
        if kind in (b"*", b"~", b">", b"%"):
            return self._aggregate(kind, int(rest))
        if kind == b",":
            return float(rest)
        if kind == b"#" and rest in (b"t", b"f"):
            return rest == b"t"
        if kind == b"_" and not rest:
            return None
        if kind == b"|":  # attributes of the value that follows
            self._map(int(rest))
            return self._value()
        raise ValueError(f"this is no RESP: {line[:60]!r}")

    def read(self):
        """The next value, whatever it is; an error is returned."""
        return self._value()

    def read_many(self, count):
        return [self._value() for _ in range(count)]

    def read_reply(self):
        """The next value that is not a push; pushes are put into `pushes`."""
        while True:
            value = self._value()
            if not isinstance(value, Push):
                return value
            self.pushes.append(value)

    def read_raw(self):
        """The bytes of the next value."""
        parts = []
        line, exactly = self._line, self._exactly

        def kept_line():
            data = line()
            parts.append(data + b"\r\n")
            return data

        def kept_exactly(size):
            data = exactly(size)
            parts.append(data + b"\r\n")
            return data

        self._line, self._exactly = kept_line, kept_exactly
        try:
            self._value()
        finally:
            del self._line, self._exactly
        return b"".join(parts)

    def read_to_end(self):
        """Everything until the server closes, as bytes."""
        try:
            while True:
                self._fill()
        except (Closed, ConnectionResetError):
            data = bytes(self._buffer[self._at :])
            self._at = len(self._buffer)
            return data

    def is_quiet(self, seconds=0.05):
        """Nothing has come, and nothing does for a while."""
        if len(self._buffer) > self._at:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._fill()
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)

    # ---- both ----

    def try_call(self, *args):
        """The reply to one command; an error is returned."""
        self.send(*args)
        return self.read_reply()

    def call(self, *args):
        """The reply to one command; an error is raised."""
        reply = self.try_call(*args)
        if isinstance(reply, Error):
            raise reply
        return reply

    def pipeline(self, commands):
        """The replies to many commands that are sent at once; errors are returned."""
        commands = list(commands)
        self.send_many(commands)
        return [self.read_reply() for _ in commands]
