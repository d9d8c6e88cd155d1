#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is really full, a small tmpfs: what then, and afterwards.

    tests/fault/full_disk.py [--rounds N] [--seed N]

Writers of every kind (load.py) fill it. Then writes must be refused with a reason while reads go on
and are right; room is made and the server must go on by itself; or it is killed while it is full.
Nothing that was acknowledged may be missing, and nothing that was refused may be there twice. Needs
the right to mount; without it the test says so and passes.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import kill  # noqa: E402
import load  # noqa: E402
import resp  # noqa: E402
from tallywheel_server import Results, Server  # noqa: E402

DISK_MIB = 40
WAIT_SECONDS_MAX = 60


def states(server):
    return [partition["state"] for partition in server.get_json("/v1/status")["partitions"]]


def wait_for(what, reached):
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end:
        if reached():
            return True
        time.sleep(0.02)
    print(f"waited {WAIT_SECONDS_MAX} s until {what}")
    return False


def take_room(path, keep_mib):
    """Fills the disk but for so much, as somebody else's file would."""
    room = os.statvfs(path.parent)
    size = room.f_bavail * room.f_frsize - (keep_mib << 20)
    if size > 0:
        with open(path, "ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), size)


def check_refusals(server, results, resp_port):
    """Partition 0 or 1 is full: every kind of write that meets it is told so."""
    refused = []
    for number in range(40):
        answer = server.send("probe", [{"who": f"x{number}", "n": 0}])
        if answer.status == 503:
            refused.append(answer)
    if not results.check("a write is refused", refused):
        return
    code, message = refused[0].error()
    results.equal("code of a refusal", code, "disk_full")
    results.check("its message", "disk is full" in message and "when there is room" in message,
                  message)
    results.check("Retry-After", refused[0].headers.get("Retry-After"), refused[0].headers)
    ready = server.get("/readyz")
    results.check("/readyz", ready.status == 200 and b"room on the disk" in ready.body, ready)
    metrics = server.get("/metrics").body.decode()
    results.check("/metrics", 'tallywheel_partition_full{partition="' in metrics and
                  any(line.startswith("tallywheel_partition_full{") and line.endswith(" 1")
                      for line in metrics.splitlines()))
    answer = server.put("/v1/streams/later", {"fields": {"x": "int"}})
    results.equal("a definition meanwhile", (answer.status, answer.error()[0]), (503, "disk_full"))
    with resp.Client(resp_port) as client:
        replies = [client.try_call("ZADD", f"refused{number}", 1, "m") for number in range(20)]
    errors = [reply.text for reply in replies if isinstance(reply, resp.Error)]
    results.check("a client of Redis is told", errors and "disk is full" in errors[0], replies)


def run(options, seed, server, mount, results, resp_port):
    rng = random.Random(seed)
    filler = mount / "somebody else's file"
    server.start()
    writers = load.Load(server, resp_port, seed)
    for number in range(options.rounds):
        when = f"round {number}"
        writers.run()
        time.sleep(0.2)
        take_room(filler, rng.randrange(3))
        if not results.check(f"{when}: it fills up", wait_for(
                "a partition is full", lambda: "full" in states(server))):
            break
        check_refusals(server, results, resp_port)
        if rng.randrange(3) == 0:
            server.kill()
            server.start()
            results.check(f"{when}: ready on a full disk", True)
        filler.unlink()
        results.check(f"{when}: it goes on", wait_for(
            "all partitions take events", lambda: set(states(server)) == {"ok"}))
        writers.pause()
        server.check_alive()
        writers.check(results, when)
        answer = server.put(f"/v1/streams/later{number}", {"fields": {"x": "int"}})
        results.equal(f"{when}: a definition afterwards", answer.status, 200)
    writers.end()
    server.kill()
    server.start()
    writers.check(results, "after a restart")
    for what, count in sorted(writers.tally.items()):
        print(f"{count:10} {what}")
    results.check("writers were refused", writers.tally["503 disk_full"] > options.rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    seed = options.seed
    if seed is None:
        seed = int(os.environ.get("TALLYWHEEL_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}", flush=True)
    results = Results()
    resp_port = kill.free_port()
    config = {**load.CONFIG, "resp": f"127.0.0.1:{resp_port}"}
    config["streams"] = {**config["streams"], "probe": {"fields": load.FIELDS, "key": "who"}}
    durability = random.Random(seed + 1).choice(["fsync", "written", "memory"])
    print(f"durability {durability}")
    settings = ["partitions=2", "workers=2", "segment_bytes=2MiB", "batch_bytes=16KiB",
                f"durability={durability}"]
    with Server(config, settings=settings, start=False) as server:
        mount = server.folder / "disk"
        mount.mkdir()
        server.data = mount / "data"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs",
                                  str(mount)], capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            print(f"no right to mount a small file system, nothing is tested: {mounted.stderr}")
            return
        try:
            run(options, seed, server, mount, results, resp_port)
        finally:
            if server.process is not None:
                server.kill()
            subprocess.run(["umount", str(mount)], check=False)
    results.exit()


if __name__ == "__main__":
    main()
