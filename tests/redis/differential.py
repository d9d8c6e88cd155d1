#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the RESP port with a real redis-server: the same random commands, the same replies.

    differential.py --tallywheel PROGRAM        starts both, ends both
    differential.py --server HOST:PORT          a server that is running already; it is FLUSHed
    differential.py --against-redis             redis-server against itself: is the test sound?
    differential.py --self-test                 the same with planted faults, all to be found

Everything follows from --seed, which is printed. On a difference the round is played again with
steps left out until none more can be, and what remains is printed in a form that redis-cli takes.
With --restarts N the server under test is killed (kill -9) and started again N times on the way,
and must then hold what redis holds.
"""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import commands  # noqa: E402
import play  # noqa: E402
import servers  # noqa: E402
import wire  # noqa: E402

ROUND_STEPS = 200
SHRINK_SECONDS_MAX = 40
FAULT_COMMANDS = 20000


def differs(player, steps, batch):
    try:
        player.play(steps, batch)
    except play.Difference as difference:
        return difference
    return None


def without_chunks(steps, still_differs, deadline):
    """Leaves out runs of steps, then shorter ones, then single ones."""
    size = max(1, len(steps) // 2)
    while True:
        at = 0
        while at < len(steps):
            if time.monotonic() > deadline:
                return steps
            fewer = steps[:at] + steps[at + size:]
            if fewer and still_differs(fewer):
                steps = fewer
            else:
                at += size
        if size == 1:
            return steps
        size //= 2


def without_words(steps, still_differs, deadline):
    """Leaves out the words of the commands that nothing depends on."""
    for index, step in enumerate(steps):
        at = len(step.arguments) - 1
        while at > 0 and step.kind in ("call", "pub") and time.monotonic() < deadline:
            shorter = commands.Step(step.kind, step.connection,
                                    step.arguments[:at] + step.arguments[at + 1:])
            if still_differs(steps[:index] + [shorter] + steps[index + 1:]):
                step = shorter
                steps = steps[:index] + [shorter] + steps[index + 1:]
            at -= 1
    return steps


def shrink(player, steps, difference, batch):
    """The shortest round found that shows the same trouble, and its difference."""
    deadline = time.monotonic() + SHRINK_SECONDS_MAX
    signature = difference.signature()

    def still_differs(fewer, by=None):
        found = differs(player, fewer, batch if by is None else by)
        return found is not None and found.signature() == signature

    steps = steps[:difference.step + 1]
    if still_differs(steps, 1):
        batch = 1
    elif not still_differs(steps):
        return steps, difference, False
    steps = without_chunks(steps, still_differs, deadline)
    steps = without_words(steps, still_differs, deadline)
    return steps, differs(player, steps, batch) or difference, True


def report(name, number, steps, difference, again):
    print(f"DIFFERENCE in round {number} ({name}): {difference.what}")
    if not again:
        print("  it did not happen again when the same round was played alone")
    for step in steps[-60:]:
        print(f"    {step}")
    for side, reply in (("redis", difference.model), ("other", difference.target)):
        if reply is not None:
            print(f"  {side}:  {wire.show(reply)}")
    sys.stdout.flush()


def add_restarts(random_source, steps, restarts):
    """Kills in the middle, and one at the end; a round with them begins with what was there."""
    steps = [step for step in steps if step.kind not in ("raw", "endless", "pub")]
    for _ in range(restarts):
        steps.insert(random_source.randint(len(steps) // 4, len(steps)),
                     commands.Step("restart", 0, []))
    return steps


class Run:
    def __init__(self, options, player):
        self.options = options
        self.player = player
        self.found = 0
        self.last = [], False  # the steps of the last difference, and whether it came again
        self.rounds = {}
        self.by_profile = {}

    def round(self, number, restarts=0):
        source = random.Random(f"{self.options.seed}:{number}")
        only = "plain" if restarts else self.options.profile
        name, steps = commands.make_round(source, ROUND_STEPS, only, self.options.partitions or 1)
        self.rounds[name] = self.rounds.get(name, 0) + 1
        if restarts:
            steps = add_restarts(source, steps, restarts)
        began = self.player.played
        try:
            # With restarts, what the rounds before have left must survive too.
            self.player.play(steps, self.options.batch, keep=restarts > 0)
        except play.Difference as difference:
            self.found += 1
            self.player.model.endpoint.check()
            self.player.target.endpoint.check()
            again = False
            if not restarts:
                steps, difference, again = shrink(self.player, steps, difference,
                                                  self.options.batch)
            else:
                steps = steps[:difference.step + 1]
            self.last = steps, again
            report(name, number, steps, difference, again or restarts > 0)
        self.by_profile[name] = self.by_profile.get(name, 0) + self.player.played - began

    def all(self):
        options = self.options
        number = options.round if options.round is not None else 0
        left = options.restarts
        while self.player.played < options.commands and self.found < options.differences:
            restarts = 0
            if left > 0 and number % 3 == 2:
                restarts = min(left, 2)
                left -= restarts
            self.round(number, restarts)
            number += 1
            if options.round is not None:
                break
        while left > 0 and self.found < options.differences:
            self.round(number, min(left, 2))
            left -= 2
            number += 1
        return number


def parse_address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--tallywheel", metavar="PROGRAM", help="start this one")
    target.add_argument("--server", metavar="HOST:PORT", type=parse_address,
                        help="one that is running; everything in it is removed")
    target.add_argument("--against-redis", action="store_true",
                        help="a second redis-server: nothing may differ")
    target.add_argument("--self-test", action="store_true",
                        help="a second redis-server with planted faults: all must be found")
    parser.add_argument("--redis", metavar="PROGRAM", default="redis-server")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one")
    parser.add_argument("--commands", type=int, default=20000, help="how many, about")
    parser.add_argument("--round", type=int, default=None, help="only this round of the seed")
    parser.add_argument("--profile", choices=list(commands.PROFILES), default=None)
    parser.add_argument("--batch", type=int, default=64, help="the longest pipeline")
    parser.add_argument("--restarts", type=int, default=0, help="kill -9 that often")
    parser.add_argument("--partitions", type=int, default=None,
                        help="of the tallywheel, or of the server that is running")
    parser.add_argument("--differences", type=int, default=1, help="stop after that many")
    options = parser.parse_args()
    if options.restarts and not (options.tallywheel or options.against_redis):
        parser.error("--restarts needs a server that it may kill")
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


def start_model(options, name="redis", durable=False):
    # One database: that is what the RESP port has too, so SELECT and COPY compare.
    return servers.Redis(options.redis, ["--databases", "1"], name, durable)


def start_target(options):
    if options.tallywheel:
        return servers.Tallywheel(options.tallywheel, options.partitions)
    if options.server:
        return servers.Endpoint(options.server, "the server")
    return start_model(options, "the second redis", options.restarts > 0)


def self_test(options):
    """Plants each fault in turn; a fault that is not found fails the test."""
    missed = []
    model = start_model(options)
    for fault in servers.FAULTS:
        target = servers.Faulty(start_model(options, "the second redis"), fault)
        player = play.Player(model, target)
        run = Run(argparse.Namespace(**{**vars(options), "commands": FAULT_COMMANDS,
                                        "differences": 1}), player)
        print(f"== fault {fault!r}: {servers.FAULTS[fault]}", flush=True)
        run.all()
        steps, again = run.last
        # It counts only if it was the fault: the same steps without it show nothing.
        if not again or differs(play.Player(model, target.inner), steps, 1) is not None:
            missed.append(fault)
            print(f"FAILED: the fault {fault!r} was not found in {player.played} commands")
        target.close()
    model.close()
    print(f"{len(servers.FAULTS) - len(missed)} passed, {len(missed)} failed")
    return 1 if missed else 0


def main():
    options = parse_options()
    print(f"seed {options.seed}", flush=True)
    if options.self_test:
        return self_test(options)
    model = start_model(options)
    target = None
    began = time.monotonic()
    try:
        target = start_target(options)
        player = play.Player(model, target)
        run = Run(options, player)
        rounds = run.all()
        target.check()
    finally:
        if target is not None:
            target.close()
        model.close()
    by_profile = ", ".join(f"{name} {count}" for name, count in sorted(run.by_profile.items()))
    print(f"{player.played} commands in {rounds} rounds and {time.monotonic() - began:.1f} s "
          f"({by_profile})")
    print(f"{rounds - run.found} passed, {run.found} failed")
    if run.found:
        print(f"again with: --seed {options.seed}")
    return 1 if run.found else 0


if __name__ == "__main__":
    sys.exit(main())
