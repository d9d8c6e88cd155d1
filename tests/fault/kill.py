#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 under full load, again and again: what was acknowledged is there, once.

    tests/fault/kill.py [--rounds N] [--seed N] [--partitions N]

In each round writers of every kind (load.py) load the server, it is killed in the middle and
started again on the same data, the writers send again what they have no answer for, and then every
metric, board and key must be exactly what was acknowledged. In some rounds it is killed once more
while it is still starting.
"""

import argparse
import os
import pathlib
import random
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import load  # noqa: E402
from tallywheel_server import Results, Server  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def restart(server, rng):
    server.kill()
    while rng.randrange(4) == 0:  # again while it folds its journal, or just after
        server.start(wait=False)
        time.sleep(rng.random() * 0.3)
        server.kill()
    server.start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--partitions", type=int, default=3)
    options = parser.parse_args()
    seed = options.seed
    if seed is None:
        seed = int(os.environ.get("TALLYWHEEL_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    results = Results()
    resp_port = free_port()
    config = {**load.CONFIG, "resp": f"127.0.0.1:{resp_port}"}
    settings = [f"partitions={options.partitions}", "workers=2", "segment_bytes=1MiB",
                f"batch_bytes={rng.choice(['4KiB', '16KiB', '256KiB'])}"]
    with Server(config, settings=settings) as server:
        writers = load.Load(server, resp_port, seed)
        for number in range(options.rounds):
            writers.run()
            time.sleep(0.3 + rng.random())
            restart(server, rng)
            time.sleep(rng.random() * 0.3)
            writers.pause()
            server.check_alive()
            writers.check(results, f"round {number}")
        writers.end()
        began = time.monotonic()
        server.stop()
        server.start()
        writers.check(results, "after SIGTERM")
        print(f"ended and started in {time.monotonic() - began:.1f} s")
    for what, count in sorted(writers.tally.items()):
        print(f"{count:10} {what}")
    results.check("there was load", writers.tally["rows acknowledged"] > 1000 * options.rounds and
                  writers.tally["commands acknowledged"] > 100 * options.rounds)
    results.check("requests were cut off", writers.tally["tries that failed"] >= options.rounds)
    results.exit()


if __name__ == "__main__":
    main()
