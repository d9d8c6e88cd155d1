# SPDX-License-Identifier: Apache-2.0
"""The servers of these tests: Debian's redis-server as the model, and the one under test.

Each has `address`, `name`, `connect()` and `close()`; all of them listen on loopback only, on a
port that was free, and end with the test, however that ends.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import wire

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

READY_SECONDS_MAX = 60

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_pong(address, is_alive, seconds=READY_SECONDS_MAX):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not is_alive():
            raise RuntimeError(f"the server for {address[0]}:{address[1]} ended at its start")
        try:
            connection = wire.Connection(address, seconds=1)
            try:
                if connection.ask("PING") == ("+", b"PONG"):
                    return
            finally:
                connection.close()
        except (OSError, wire.WireError):
            pass
        time.sleep(0.01)
    raise RuntimeError(f"no PONG from {address[0]}:{address[1]} in {seconds} s")


class Endpoint:
    """A server that somebody else runs."""

    def __init__(self, address, name):
        self.address = address
        self.name = name

    def connect(self, seconds=wire.SECONDS_MAX):
        return wire.Connection(self.address, seconds)

    def check(self):
        """Raises if the server has died or complained."""

    def close(self):
        pass


class Redis(Endpoint):
    """A redis-server of one's own, which keeps nothing on disk unless `durable`."""

    def __init__(self, program="redis-server", arguments=(), name="redis", durable=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tallywheel-redis-"))
        self.process = None
        super().__init__(("127.0.0.1", free_port()), name)
        self.command = [program, "--port", str(self.address[1]), "--bind", "127.0.0.1",
                        "--dir", str(self.folder), "--save", "", "--daemonize", "no",
                        "--appendonly", "yes" if durable else "no", "--appendfsync", "always",
                        *arguments]
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=_die_with_parent)
        wait_for_pong(self.address, lambda: self.process.poll() is None)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}")

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


class Tallywheel(Endpoint):
    """A tallywheel with a RESP port, which can be killed and started again with its data."""

    # What is answered survives kill -9, which is all that these tests do to it; a power cut is
    # another matter, and each single command would wait for the disk.
    SETTINGS = ("durability=written",)

    def __init__(self, program=None, partitions=None, config=None, settings=SETTINGS):
        if program is not None:
            os.environ["TALLYWHEEL"] = str(program)
        import tallywheel_server
        if program is not None:
            tallywheel_server.BINARY = pathlib.Path(program)
        super().__init__(("127.0.0.1", free_port()), "tallywheel")
        config = dict(config or {})
        config["resp"] = f"127.0.0.1:{self.address[1]}"
        if partitions is not None:
            config["partitions"] = partitions
        self.server = tallywheel_server.Server(config, settings=settings, start=False)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.server.start()
        wait_for_pong(self.address, lambda: self.server.process.poll() is None)

    def kill(self):
        """kill -9, as a crash would end it."""
        self.server.kill()

    def check(self):
        self.server.check_alive()

    def close(self):
        self.server.close()


# What a fault changes in the bytes that the server sends. Each is a mistake that a server of this
# protocol could well make, and each keeps the length, so that nothing else breaks.
FAULTS = {
    "count": (b":2\r\n", b":3\r\n"),
    "nil": (b"$-1\r\n", b"*-1\r\n"),
    "text": (b"syntax error", b"syntax eror!"),
    "infinity": (b"\r\ninf\r\n", b"\r\nInf\r\n"),
    "score": (b"\r\n0.5\r\n", b"\r\n.50\r\n"),
    "queued": (b"+QUEUED", b"+QUEUEd"),
    "pattern": (b"pmessage", b"Pmessage"),
    "push": (b">3\r\n", b"*3\r\n"),
    "double": (b",2\r\n", b",3\r\n"),
    "protocol": (b"invalid bulk length", b"invalid bulk LENGTH"),
    "abort": (b"-EXECABORT", b"-EXECABORt"),
    "blocked pop": (b"*3\r\n$1\r\nk", b"*3\r\n$1\r\nK"),
}


class Faulty(Endpoint):
    """Another endpoint, seen through a relay that makes one of the FAULTS."""

    def __init__(self, inner, fault):
        self.inner = inner
        self.before, self.after = FAULTS[fault]
        self.listener = socket.create_server(("127.0.0.1", 0))
        super().__init__(self.listener.getsockname(), f"{inner.name} with the fault {fault!r}")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.inner.address)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._relay, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, True), daemon=True).start()

    def _relay(self, source, target, alters):
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                target.sendall(data.replace(self.before, self.after) if alters else data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.inner.close()
