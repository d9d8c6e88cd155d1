# SPDX-License-Identifier: Apache-2.0
"""redis-cli and redis-benchmark, called as their users call them.

    tools.py HOST:PORT     everything on that server is removed
"""

import csv
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import wire  # noqa: E402

TOOL_SECONDS_MAX = 60


class Tools:
    def __init__(self, address):
        self.host, self.port = address
        self.passed = 0
        self.failed = 0

    def equal(self, what, got, wanted):
        if got == wanted:
            self.passed += 1
            print(f"ok      {what}")
        else:
            self.failed += 1
            print(f"FAILED  {what}\n        got    {got!r:.500}\n        wanted {wanted!r:.500}")

    def run(self, program, *arguments, given=b""):
        return subprocess.run([program, "-h", self.host, "-p", str(self.port), *arguments],
                              input=given, capture_output=True, timeout=TOOL_SECONDS_MAX,
                              check=False)

    def cli(self, *arguments, given=b""):
        """What redis-cli prints, by lines."""
        done = self.run("redis-cli", *arguments, given=given)
        return done.stdout.decode("utf-8", "replace").splitlines()

    # ---- redis-cli ----

    def cli_output(self):
        self.cli("flushall")
        self.equal("cli: zadd", self.cli("zadd", "board", "1", "ann", "2.5", "bob"), ["2"])
        withscores = ("zrange", "board", "0", "-1", "withscores")
        self.equal("cli: a list", self.cli(*withscores), ["ann", "1", "bob", "2.5"])
        self.equal("cli: --csv", self.cli("--csv", *withscores), ['"ann","1","bob","2.5"'])
        self.equal("cli: --no-raw", self.cli("--no-raw", *withscores),
                   ['1) "ann"', '2) "1"', '3) "bob"', '4) "2.5"'])
        self.equal("cli: -3", self.cli("-3", "--no-raw", *withscores),
                   ['1) 1) "ann"', '   2) (double) 1', '2) 1) "bob"', '   2) (double) 2.5'])
        got = self.cli("-3", "--json", *withscores)
        self.equal("cli: --json", json.loads("".join(got)), [["ann", 1], ["bob", 2.5]])
        self.equal("cli: -x", self.cli("-x", "zadd", "board", "9", given=b"last"), ["1"])
        self.equal("cli: -r", self.cli("-r", "3", "zincrby", "board", "1", "ann"), ["2", "3", "4"])
        self.equal("cli: -n 0", self.cli("-n", "0", "ping"), ["PONG"])

    def cli_failures(self):
        done = self.run("redis-cli", "-e", "zadd", "board", "x", "y")
        self.equal("cli: -e fails on an error", (done.returncode, done.stderr.strip()),
                   (1, b"ERR value is not a valid float"))
        self.equal("cli: a wrong call", self.cli("zadd", "board"),
                   ["ERR wrong number of arguments for 'zadd' command", ""])

    def cli_session(self):
        """As somebody types it."""
        typed = (b'zadd typed 7 "c d"\nzscore typed "c d"\nzrank typed nobody\nzadd typed\n'
                 b"multi\nzadd typed 8 e\nzcard typed\nexec\nwatch typed\nunwatch\nping\n"
                 b'echo "\\x41\\n"\nhello 3\nzscore typed e\n')
        got = self.cli("--no-raw", given=typed)
        self.equal("cli: a session", [got[i] for i in (0, 1, 2, 3)],
                   ["(integer) 1", '"7"', "(nil)",
                    "(error) ERR wrong number of arguments for 'zadd' command"])
        at = got.index("QUEUED")
        self.equal("cli: a transaction in it", got[at - 1:at + 8],
                   ["OK", "QUEUED", "QUEUED", "1) (integer) 1", "2) (integer) 2", "OK", "OK",
                    "PONG", '"A\\n"'])
        self.equal("cli: RESP3 in it", got[-1], "(double) 8")

    def cli_pipe(self):
        count = 20000
        rows = b"".join(wire.encode([b"ZADD", b"piped", b"%d" % (i % 999), b"member:%d" % i])
                        for i in range(count))
        got = self.cli("--pipe", given=rows)
        self.equal("cli: --pipe", got[-1], f"errors: 0, replies: {count}")
        self.equal("cli: all of it arrived", self.cli("zcard", "piped"), [str(count)])

    def cli_tours(self):
        """What goes over the whole keyspace."""
        self.equal("cli: --scan", sorted(self.cli("--scan", "--pattern", "[bp]*")),
                   ["board", "piped"])
        got = self.cli("--bigkeys", "-i", "0")
        self.equal("cli: --bigkeys", [line for line in got if line.startswith("Biggest")],
                   ["Biggest   zset found '\"piped\"' has 20000 members"])
        self.equal("cli: --bigkeys counts them", [line for line in got if " zsets with " in line],
                   ["3 zsets with 20005 members (100.00% of keys, avg size 6668.33)"])

    # ---- redis-benchmark ----

    def benchmark(self, what, *arguments):
        """It must end well and complain of nothing; the rates by test."""
        done = self.run("redis-benchmark", "--csv", *arguments)
        complaints = [line for line in done.stderr.decode().splitlines() if line.strip()]
        self.equal(f"benchmark: {what} complains of nothing", (done.returncode, complaints),
                   (0, []))
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith('"')]
        rows = list(csv.reader(lines))[1:]
        self.equal(f"benchmark: {what} has rates",
                   bool(rows) and all(float(row[1]) > 0 for row in rows), True)
        return [row[0] for row in rows]

    def benchmarks(self):
        self.cli("flushall")
        self.benchmark("zadd of its own words", "-n", "50000", "-P", "16", "-c", "20", "-r", "5000",
                       "zadd", "bench", "__rand_int__", "m:__rand_int__")
        self.equal("benchmark: the members are there",
                   4900 < int(self.cli("zcard", "bench")[0]) <= 5000, True)
        self.benchmark("zrank", "-n", "20000", "-P", "16", "-r", "5000", "zrank", "bench",
                       "m:__rand_int__")
        self.benchmark("zrange over RESP3", "-3", "-n", "5000", "-c", "5", "zrange", "bench", "0",
                       "9", "withscores")
        names = self.benchmark("its own tests", "-n", "10000", "-P", "4", "-t",
                               "ping,zadd,zpopmin")
        self.equal("benchmark: its own tests were run", names,
                   ["PING_INLINE", "PING_MBULK", "ZADD", "ZPOPMIN"])

    def all(self):
        self.cli_output()
        self.cli_failures()
        self.cli_session()
        self.cli_pipe()
        self.cli_tours()
        self.benchmarks()
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or ":" not in sys.argv[1]:
        sys.exit(f"usage: {sys.argv[0]} HOST:PORT")
    HOST, _, PORT = sys.argv[1].rpartition(":")
    sys.exit(Tools((HOST, int(PORT))).all())
