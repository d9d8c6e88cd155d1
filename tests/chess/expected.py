#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the boards and metrics must say after the whole chess replay, counted the slow way.

    tests/chess/expected.py [--file FILE] > expected.json

Reads the file of ratings itself and goes player by player, where the demo's event source and the
server go list by list; it shares no code with either. Prints one JSON object:

    events, players     how many ratings, and how many players with at least one
    world               the 100 best by last rating: {"rank", "member", "score", "reached_at"}
    federations         the 10 best of each, by code
    peak                the 100 best by highest rating
    lists               per list: {"at", "rated", "mean", "max"}

Order: rating downwards, then who has held it longer without a change, then the name's bytes.
"""

import argparse
import calendar
import collections
import heapq
import json
import re
import sys

# When the lists of a year came out, by year; checked against the number of values a year that the
# file holds for nearly all players (1, 2, 4, 5, 6, 9, 12).
SCHEDULE = [
    (1971, 1973, "Jul"),
    (1974, 1974, "May"),
    (1975, 1989, "Jan"),
    (1990, 2000, "Jan Jul"),
    (2001, 2008, "Jan Apr Jul Oct"),
    (2009, 2009, "Jan Apr Jul Sep Nov"),
    (2010, 2011, "Jan Mar May Jul Sep Nov"),
    (2012, 2012, "Jan Mar May Jul Aug Sep Oct Nov Dec"),
    (2013, 2099, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
]
MONTHS = {name: at for at, name in enumerate(calendar.month_abbr) if name}


def dates_by_year():
    dates = {}
    for first, last, names in SCHEDULE:
        for year in range(first, last + 1):
            dates[str(year)] = [
                calendar.timegm((year, MONTHS[name], 1, 0, 0, 0)) * 1000 for name in names.split()]
    return dates


def records(path):
    """Yield (name, words after the #, FIDE number, list of the texts after %Elo) per player."""
    with open(path, encoding="latin-1", newline="\n") as file:
        text = file.read()
    section = re.search(r"^@PLAYER.*\n((?:(?!@).*\n)*)", text, re.MULTILINE)
    # A player is a line that starts in the first column, with the indented lines after it.
    for match in re.finditer(r"^([^\s#@].*)\n((?:(?:[ \t#].*)?\n)*)", section.group(1),
                             re.MULTILINE):
        head, body = match.groups()
        name, _, rest = head.partition("#")
        fide = re.search(r"^\s*%Bio +FIDEID +(\d+)", body, re.MULTILINE)
        elo = re.findall(r"^\s*%Elo(.*)", body, re.MULTILINE)
        yield name.rstrip(" \t"), rest.split(), fide.group(1) if fide else None, elo


def federation_of(words):
    code = words[1].split("/")[-1].upper() if len(words) > 1 else ""
    return code if re.fullmatch("[A-Z]{3}", code) and code != "XXX" else "NON"


def ratings_of(elo, dates):
    """{when: rating}; of two values for one list the later in the file counts."""
    ratings = {}
    for line in elo:
        for word in line.split():
            year, colon, values = word.partition(":")
            if not colon or year not in dates:
                continue
            for when, value in zip(dates[year], values.split(",")):
                if value.isascii() and value.isdigit() and 1000 <= int(value) <= 2999:
                    ratings[when] = int(value)
    return ratings


def ranked(rows, count):
    best = heapq.nsmallest(count, rows, key=lambda row: (-row[1], row[2], row[0].encode()))
    return [{"rank": rank, "member": member, "score": score, "reached_at": reached}
            for rank, (member, score, reached) in enumerate(best, 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", default="/usr/share/scid/data/spelling.ssp")
    args = parser.parse_args()

    dates = dates_by_year()
    everybody = list(records(args.file))
    holders = collections.Counter(name for name, _, _, _ in everybody)
    control = {code: None for code in [*range(32), *range(127, 160)]}
    last, peak, by_federation = [], [], collections.defaultdict(list)
    lists = collections.defaultdict(lambda: [0, 0, 0])  # count, sum, maximum
    for name, words, fide, elo in everybody:
        ratings = ratings_of(elo, dates)
        if not ratings:
            continue
        member = name.translate(control)
        if holders[name] > 1:
            if not fide:
                sys.exit(f"two players are called {name}, and one has no FIDE number")
            member += f" ({fide})"
        highest = (0, 0)
        score = reached = None
        for when in sorted(ratings):
            rating = ratings[when]
            values = lists[when]
            values[0] += 1
            values[1] += rating
            values[2] = max(values[2], rating)
            if rating != score:
                score, reached = rating, when
            if rating > highest[0]:
                highest = (rating, when)
        last.append((member, score, reached))
        peak.append((member, *highest))
        by_federation[federation_of(words)].append((member, score, reached))

    result = {
        "events": sum(count for count, _, _ in lists.values()),
        "players": len(last),
        "world": ranked(last, 100),
        "peak": ranked(peak, 100),
        "federations": {code: ranked(rows, 10) for code, rows in sorted(by_federation.items())},
        "lists": [{"at": when, "rated": count, "mean": total / count, "max": highest}
                  for when, (count, total, highest) in sorted(lists.items())],
    }
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
