# SPDX-License-Identifier: Apache-2.0
"""A client of the Redis protocol that hides nothing.

A reply is a tuple that keeps what was on the wire: its type byte, and the value. So two replies are
equal exactly when a client could not tell them apart, and a nil bulk, a nil array and a RESP3 null
are three things:

    ("+", b"OK")  ("-", b"ERR ...")  (":", 3)  ("$", b"bytes")  ("$", None)  ("*", None)
    ("*", [reply...])  ("_", None)  (",", b"1.5")  ("#", b"t")  ("(", b"123")  ("=", b"txt:...")
    ("%", [key, value, ...])  ("~", [...])  (">", [...])
    CLOSED  the other side closed the connection

Nothing here decodes a number that it need not decode: a double stays the text that was sent.
"""

import select
import socket

SECONDS_MAX = 10.0
CHUNK_BYTES = 1 << 16

CLOSED = ("closed", None)
AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2}
LINES = b"+-,#("


class WireError(Exception):
    """What arrived is no RESP, or did not arrive in time."""


class TimedOut(WireError):
    pass


def encode(arguments):
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


def to_bytes(argument):
    if isinstance(argument, bytes):
        return argument
    if isinstance(argument, str):
        return argument.encode()
    return str(argument).encode()


def show_bytes(text):
    """As redis-cli prints a string, so that a repro can be pasted into it."""
    plain = text.decode("latin-1")
    if plain and all(33 <= ord(c) < 127 and c not in "\"'\\" for c in plain):
        return plain
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    return '"' + "".join(escapes.get(c, c if 32 <= ord(c) < 127 else f"\\x{ord(c):02x}")
                         for c in plain) + '"'


def show(reply, most=600):
    """A reply on one line, with its type bytes."""
    text = _show(reply)
    return text if len(text) <= most else text[:most] + f"... ({len(text)} characters)"


def _show(reply):
    if not reply:
        return "(nothing)"
    kind, value = reply
    if kind == "closed":
        return "(connection closed)"
    if value is None:
        return f"{kind}nil"
    if isinstance(value, list):
        return f"{kind}[" + ", ".join(_show(item) for item in value) + "]"
    if isinstance(value, int):
        return f"{kind}{value}"
    return f"{kind}{show_bytes(value)}" if kind != "-" else f"-{value.decode('latin-1')}"


class Connection:
    """One connection. Not safe to share between threads."""

    def __init__(self, address, seconds=SECONDS_MAX):
        self.address = address
        self.seconds = seconds
        self.socket = socket.create_connection(address, timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.at = 0
        self.closed = False

    def close(self):
        self.socket.close()
        self.closed = True

    def send_bytes(self, data):
        """A peer that has closed is found out by the next read, where it is a reply."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, *arguments):
        self.send_bytes(encode([to_bytes(argument) for argument in arguments]))

    def ask(self, *arguments):
        self.send(*arguments)
        return self.read()

    def readable(self, seconds=0.0):
        """Whether (part of) a reply is here already, or comes within the time."""
        if self.at < len(self.buffer):
            return True
        return bool(select.select([self.socket], [], [], seconds)[0])

    def read(self, seconds=None):
        """The next reply, or CLOSED; TimedOut if there is none in time."""
        self.socket.settimeout(self.seconds if seconds is None else seconds)
        if self.at > CHUNK_BYTES:
            del self.buffer[:self.at]
            self.at = 0
        began = self.at
        try:
            return self._read()
        except EOFError:
            if self.at != began or self.at != len(self.buffer):
                raise WireError(f"closed in the middle of a reply: "
                                f"{bytes(self.buffer[began:])[:200]!r}") from None
            self.closed = True
            return CLOSED
        except socket.timeout:
            self.at = began
            raise TimedOut(f"no reply in {self.socket.gettimeout()} s") from None

    def _fill(self):
        try:
            data = self.socket.recv(CHUNK_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        self.buffer += data

    def _line(self):
        while True:
            end = self.buffer.find(b"\r\n", self.at)
            if end >= 0:
                line = bytes(self.buffer[self.at:end])
                self.at = end + 2
                return line
            self._fill()

    def _body(self, size):
        end = self.at + size
        while len(self.buffer) < end + 2:
            self._fill()
        body = bytes(self.buffer[self.at:end])
        if self.buffer[end:end + 2] != b"\r\n":
            raise WireError(f"a string of {size} bytes does not end in CRLF: {body[:100]!r}")
        self.at = end + 2
        return body

    def _read(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b":":
            return (":", self._number(line))
        if kind in (b"$", b"="):
            size = self._number(line)
            return (kind.decode(), None if size == -1 else self._body(size))
        if kind in AGGREGATES:
            count = self._number(line)
            if count == -1:
                return (kind.decode(), None)
            return (kind.decode(), [self._read() for _ in range(count * AGGREGATES[kind])])
        if kind == b"_" and not rest:
            return ("_", None)
        if kind and kind in LINES:
            return (kind.decode(), rest)
        raise WireError(f"not a reply: {line[:200]!r}")

    @staticmethod
    def _number(line):
        try:
            number = int(line[1:])
        except ValueError:
            raise WireError(f"not a number: {line[:200]!r}") from None
        if line[1:] != b"%d" % number:
            raise WireError(f"a number not as Redis writes it: {line[:200]!r}")
        return number
