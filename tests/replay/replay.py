#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The data folder of a real server, folded again and again: one state, over kills and restarts.

    tests/replay/replay.py FOLDER_OF_TEST_REPLAY

Sends random events to a server, kills it, has the program replay_replay (test_replay.c) fold what
is in its journals twice and with batches cut anew; then starts the server on it, sends more, stops
it, and so on. What was folded once stays the same, and nothing that was acknowledged is missing.
"""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from tallywheel_server import Results, Server, size  # noqa: E402

CONFIG = {
    "streams": {"s": {"fields": {"who": "string", "n": "int", "x": "float", "at": "time"},
                      "key": "who", "time": "at", "lateness": "10s"},
                "plain": {"fields": {"n": "int", "tag": "string"}}},
    "metrics": {"m": {"stream": "s", "value": "avg(x)", "every": "1s", "by": ["who"]},
                "p": {"stream": "plain", "value": "sum(n)", "every": "1s", "by": ["tag"]}},
    "boards": {"b": {"stream": "s", "member": "who", "score": "last(n)"}, "d": {"type": "int"}},
}
ROUNDS = {"small": 2, "full": 6}


def fold(program, server):
    """{partition: (hash, end of the journal)}, by the program; all ways of folding agree."""
    ended = subprocess.run([program], capture_output=True, text=True, check=False,
                           env={**os.environ, "TALLYWHEEL_REPLAY_DATA": str(server.data)})
    if ended.returncode != 0:
        raise RuntimeError(ended.stdout + ended.stderr)
    return {int(number): (digest, int(end)) for number, digest, end in re.findall(
        r"^partition (\d+): hash ([0-9a-f]+) offset (\d+)$", ended.stdout, re.MULTILINE)}


def send(server, rng, results):
    now = int(time.time() * 1000)
    rows = [{"who": f"w{rng.randrange(300)}", "n": rng.randrange(1000), "x": rng.random(),
             "at": now - rng.randrange(15000)} for _ in range(rng.choice([1, 50, 3000]))]
    answers = [server.send("s", rows),
               server.send("plain", [{"n": rng.randrange(9), "tag": rng.choice("abc")}] * 20),
               server.post("/v1/boards/d/scores", json.dumps(
                   [{"member": f"d{rng.randrange(40)}", "score": rng.randrange(100),
                     "mode": rng.choice(["set", "add", "max"])} for _ in range(10)]))]
    sequence = int(time.time() * 1e6)
    for stream, again in (("s", rows), ("plain", [{"n": 1, "tag": "z"}] * 30), ("s", rows)):
        headers = {"Tallywheel-Producer": f"p{rng.randrange(5)}",
                   "Tallywheel-Sequence": str(sequence)}
        answers += [server.send(stream, again, headers) for _ in range(2)]
        results.equal("sent twice", answers[-1].json()["duplicates"], len(again))
    results.check("sent", all(answer.status == 200 for answer in answers), answers)


def main():
    program = pathlib.Path(sys.argv[1]) / "replay_replay"
    seed = int(os.environ.get("TALLYWHEEL_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    results = Results()
    with Server(CONFIG, settings=["partitions=3", "workers=2", "segment_bytes=1MiB"]) as server:
        for at in range(ROUNDS[size()]):
            for _ in range(8):
                send(server, rng, results)
            before = {item["partition"]: item["offset"]
                      for item in server.get_json("/v1/status")["partitions"]}
            if at % 2:
                server.stop()
            else:
                server.kill()
            first = fold(program, server)
            results.equal("all partitions are there", sorted(first), sorted(before))
            for number, (_, end) in first.items():
                results.check(f"partition {number} has all that was acknowledged",
                              end >= before[number], f"{end} of {before[number]}")
            server.start()
            server.kill()
            results.equal("a restart changes nothing", fold(program, server), first)
            server.start()
        server.stop()
    results.exit()


if __name__ == "__main__":
    main()
