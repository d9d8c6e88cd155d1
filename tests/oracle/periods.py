# SPDX-License-Identifier: Apache-2.0
"""When the seasons of a board begin, by listing every boundary there could be.

What is right is written down in src/period/period.h. Nothing here is computed cleverly: all the
boundaries of some weeks are made one by one, and a season is what lies between two of them.
"""

import bisect
import datetime
import zoneinfo

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def clock_ms(zone, naive):
    """When clocks show a time: the first time that they do, or when they are put past it."""
    moment = naive.replace(tzinfo=zone, fold=0)
    at = int(moment.timestamp() * 1000)
    if datetime.datetime.fromtimestamp(at / 1000, zone).replace(tzinfo=None) == naive:
        return at
    while True:  # skipped: go back to the minute at which the clocks are changed
        before = datetime.datetime.fromtimestamp((at - MINUTE) / 1000, zone).replace(tzinfo=None)
        if before < naive:
            return at
        at -= MINUTE


def _field(text, value, low):
    """One field of cron: *, */n, a, a-b, and lists of these."""
    for part in text.split(","):
        head, _, step = part.partition("/")
        first, last = (low, 99) if head == "*" else map(int, (head.split("-") * 2)[:2])
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def _fires(cron, naive):
    minute, hour, day, month, weekday = cron.split()
    if not (_field(minute, naive.minute, 0) and _field(hour, naive.hour, 0)
            and _field(month, naive.month, 1)):
        return False
    of_month = _field(day, naive.day, 1)
    of_week = _field(weekday, naive.isoweekday() % 7, 0)
    if day == "*" or weekday == "*":
        return of_month and of_week
    return of_month or of_week


class Period:
    """`period` as in a definition; a season is (start_ms, end_ms)."""

    def __init__(self, period, time_zone, from_ms, to_ms):
        self.bounds = sorted(set(self._list(period, zoneinfo.ZoneInfo(time_zone or "UTC"),
                                            from_ms - 40 * DAY, to_ms + 40 * DAY)))

    @staticmethod
    def _list(period, zone, from_ms, to_ms):
        if period == "hourly":
            # These zones change their clocks by whole hours, at full hours.
            yield from range(from_ms // HOUR * HOUR, to_ms, HOUR)
            return
        naive = datetime.datetime.fromtimestamp(from_ms / 1000, zone).replace(
            hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        step = datetime.timedelta(minutes=1 if isinstance(period, dict) else 24 * 60)
        end = naive + datetime.timedelta(milliseconds=to_ms - from_ms)
        while naive < end:
            if isinstance(period, dict):
                due = _fires(period["cron"], naive)
            else:
                due = (period == "daily" or (period == "weekly" and naive.isoweekday() == 1)
                       or (period == "monthly" and naive.day == 1))
            if due:
                yield clock_ms(zone, naive)
            naive += step

    def season(self, at):
        index = bisect.bisect_right(self.bounds, at)
        return self.bounds[index - 1], self.bounds[index]
