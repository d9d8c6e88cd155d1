# SPDX-License-Identifier: Apache-2.0
"""A Tallywheel server for a test: started on a free port and an empty folder, and always ended.

    with Server(config) as server:
        server.post("/v1/streams/plays/events", rows)
        server.kill()      # kill -9
        server.start()     # again, on the same port and the same data

The binary is $TALLYWHEEL, or else build/release/tallywheel. Requests go over one connection that is
kept alive, so they reach one worker, in order. What the server says on stderr is kept; a report of
a sanitizer or a failed assertion in it fails the test when the server is stopped.
"""

import atexit
import ctypes
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("TALLYWHEEL", ROOT / "build/release/tallywheel"))
READY_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30
REQUEST_SECONDS_MAX = 60
TROUBLE = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion")

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_running = set()


def size():
    """"small" (under a sanitizer, or in a hurry) or "full"."""
    return os.environ.get("TALLYWHEEL_TEST_SIZE", "full")


def _end_all():
    for server in list(_running):
        server.close()


atexit.register(_end_all)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]

    def error(self):
        """(code, message) of an error, or (None, None)."""
        try:
            error = self.json()["error"]
            return error["code"], error["message"]
        except (ValueError, KeyError, TypeError):
            return None, None

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class ServerFailed(Exception):
    pass


class Server:
    """`config` is a dict (written as JSON, which is YAML) or YAML text; `settings` go to --set."""

    def __init__(self, config=None, settings=(), start=True, environment=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tallywheel-test-"))
        self.data = self.folder / "data"
        self.config = self.folder / "tallywheel.yaml"
        self.settings = list(settings)
        self.environment = environment or {}
        self.port = 0
        self.process = None
        self.connection = None
        self.said = []
        self._readers = []
        self.write_config(config or {})
        _running.add(self)
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None and self.process is not None:
                self.stop()
        finally:
            self.close()

    # ---- the process ----

    def write_config(self, config):
        text = config if isinstance(config, str) else json.dumps(config)
        self.config.write_text(text, encoding="utf-8")

    def command(self):
        command = [str(BINARY), "serve", "--config", str(self.config), "--data", str(self.data),
                   "--http", f"127.0.0.1:{self.port}"]
        if "resp" not in self.config.read_text(encoding="utf-8"):
            command += ["--resp", "127.0.0.1:0"]  # servers of several tests run side by side
        for setting in self.settings:
            command += ["--set", setting]
        return command

    def start(self, wait=True):
        if not os.access(BINARY, os.X_OK):
            raise ServerFailed(f"{BINARY} is missing: build it, or say where it is in $TALLYWHEEL")
        self.said = []
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace",
            env={**os.environ, **self.environment}, preexec_fn=_die_with_parent)
        self._readers = [threading.Thread(target=self._read, args=(pipe,), daemon=True)
                         for pipe in (self.process.stdout, self.process.stderr)]
        for reader in self._readers:
            reader.start()
        if wait:
            self.wait_ready()
        return self

    def _read(self, pipe):
        for line in pipe:
            self.said.append(line)
            match = re.search(r"page and API +http://\S+?:(\d+)/", line)
            if match:
                self.port = int(match.group(1))

    def output(self):
        return "".join(self.said)

    def wait_ready(self, seconds=READY_SECONDS_MAX):
        """Also right for a server that had a port before: it must be this one that answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                self._join()
                raise ServerFailed(f"the server ended with {self.process.returncode}:\n"
                                   f"{self.output()}")
            if any("is ready" in line for line in self.said) and self.port > 0:
                try:
                    if self.get("/readyz").status == 200:
                        return
                except OSError:
                    pass
            time.sleep(0.005)
        raise ServerFailed(f"the server is not ready after {seconds} s:\n{self.output()}")

    def _join(self):
        for reader in self._readers:
            reader.join(5)

    def _ended(self):
        self.disconnect()
        self._join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process = None

    def kill(self):
        """kill -9: nothing is flushed, nobody is told."""
        self.process.kill()
        self.process.wait()
        self.check_trouble()
        self._ended()

    def stop(self, seconds=STOP_SECONDS_MAX):
        """SIGTERM, and it must end well. Returns how many seconds that took."""
        began = time.monotonic()
        self.disconnect()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerFailed(f"SIGTERM did not end the server in {seconds} s:\n"
                               f"{self.output()}") from None
        output = self.output()
        self._ended()
        if code != 0:
            raise ServerFailed(f"after SIGTERM the server ended with {code}:\n{output}")
        self.check_trouble()
        return time.monotonic() - began

    def check_trouble(self):
        if TROUBLE.search(self.output()):
            raise ServerFailed(f"the server has trouble:\n{self.output()}")

    def check_alive(self):
        code = self.process.poll()
        if code is not None:
            self._join()
            raise ServerFailed(f"the server ended with {code}:\n{self.output()}")
        self.check_trouble()

    def close(self):
        """Ends it in whatever state it is, and removes its folder."""
        self.disconnect()
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self._ended()
        shutil.rmtree(self.folder, ignore_errors=True)
        _running.discard(self)

    def memory_bytes(self):
        """What of it is in memory now (RSS)."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # ---- HTTP ----

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def socket(self, timeout=REQUEST_SECONDS_MAX):
        """A connection to write bytes to by hand."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                             timeout=REQUEST_SECONDS_MAX)
            try:
                self.connection.request(method, path, body=body, headers=headers or {})
                reply = self.connection.getresponse()
                answer = Answer(reply.status, reply.headers, reply.read())
                if reply.will_close:
                    self.disconnect()
                return answer
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # A kept connection may have been closed since; what was sent on a new one counts.
                self.disconnect()
                if fresh or attempt == 2 or method not in ("GET", "HEAD"):
                    raise
            except OSError:
                self.disconnect()
                raise
        raise AssertionError("not reached")

    def get(self, path, **query):
        """`by__region="EU"` is by.region=EU; None is left out."""
        pairs = [(name.replace("__", "."), value) for name, value in query.items()
                 if value is not None]
        if pairs:
            path += "?" + urllib.parse.urlencode(pairs)
        return self.request("GET", path)

    def get_json(self, path, **query):
        answer = self.get(path, **query)
        if answer.status != 200:
            raise ServerFailed(f"GET {path} {query}: {answer}")
        return answer.json()

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def put(self, path, body):
        return self.request("PUT", path, body)

    def delete(self, path):
        return self.request("DELETE", path)

    def send(self, stream, rows, headers=None):
        """Rows (dicts) as NDJSON."""
        text = "".join(json.dumps(row) + "\n" for row in rows)
        return self.post(f"/v1/streams/{stream}/events", text,
                         {"Content-Type": "application/x-ndjson", **(headers or {})})


class Results:
    """Counts comparisons, shows the first ones that fail."""

    SHOWN_MAX = 20

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, what, good, detail=""):
        if good:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= self.SHOWN_MAX:
            print(f"FAILED {what}" + (f"\n    {detail}" if detail else ""), flush=True)
        return False

    def equal(self, what, got, wanted):
        return self.check(what, got == wanted, f"got    {got!r:.600}\n    wanted {wanted!r:.600}")

    def exit(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
