// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_model.js - a metric's series as the stream tells them, and which of them are shown.
 *
 * The busiest dozen by last value are shown unless the reader names others. The choice is made when
 * an answer arrives whole and not at every tick, so that lines do not come and go while one looks.
 */
import { labelText } from "../lib/format.js";

export const SHOWN_MAX = 12;

export class SeriesModel {
    /* latest: how many steps to keep at most, or null when the range is fixed */
    constructor(latest) {
        this.latest = latest;
        this.series =
            new Map(); /* key -> {key, label, labels, by_ms: Map ms -> [ms, value, state]} */
        this.step_ms = 1000;
        this.unit_ms = 1000;
        this.top = [];
        this.stamps = new Set();
        this.ready = false;
    }

    snapshot(answer) {
        this.unit_ms = answer.unit_ms ?? answer.step_ms ?? 1000;
        this.step_ms = answer.step_ms ?? this.unit_ms;
        this.series = new Map();
        this.stamps = new Set();
        this.sorted = null;
        this.merge(answer.series);
        this.ready = true;
        this.chooseTop();
    }

    change(message) {
        this.merge(message.changed ?? []);
        this.trim();
        if (this.top.length < SHOWN_MAX && this.top.length < this.series.size) this.chooseTop();
    }

    merge(list) {
        for (const { labels, points } of list) {
            const key = labelText(labels);
            let one = this.series.get(key);
            if (!one) this.series.set(key, (one = { key, label: key, labels, by_ms: new Map() }));
            for (const point of points) {
                one.by_ms.set(point[0], point);
                if (!this.stamps.has(point[0])) {
                    this.stamps.add(point[0]);
                    this.sorted = null;
                }
            }
            one.sorted = null;
        }
    }

    /* Keeps the newest steps only: the window moves along with the data. */
    trim() {
        if (this.latest === null) return;
        const times = this.times();
        if (times.length <= this.latest) return;
        const oldest_ms = times[times.length - this.latest];
        this.sorted = times.slice(-this.latest);
        this.stamps = new Set(this.sorted);
        for (const one of this.series.values())
            for (const ms of one.by_ms.keys())
                if (ms < oldest_ms) {
                    one.by_ms.delete(ms);
                    one.sorted = null;
                }
    }

    /* All times that hold a value, in order; kept, as the picture asks at every move. */
    times() {
        this.sorted ??= [...this.stamps].sort((a, b) => a - b);
        return this.sorted;
    }

    points(one) {
        one.sorted ??= [...one.by_ms.values()].sort((a, b) => a[0] - b[0]);
        return one.sorted;
    }

    last(one) {
        return this.points(one).at(-1)?.[1] ?? null;
    }

    byLast() {
        const last = (one) => this.last(one) ?? -Infinity;
        return [...this.series.values()].sort(
            (a, b) => last(b) - last(a) || (a.key < b.key ? -1 : 1),
        );
    }

    chooseTop() {
        this.top = this.byLast()
            .slice(0, SHOWN_MAX)
            .map(({ key }) => key);
    }

    /* picked: the reader's own choice of keys, or none. */
    shown(picked) {
        const keys = picked.length ? picked.slice(0, SHOWN_MAX) : this.top;
        return keys.map((key) => this.series.get(key)).filter(Boolean);
    }
}

/* Widths to look at a metric in: its own pane and rounder ones that are multiples of it. */
export function stepsFor(unit_ms) {
    const DAY_MS = 86400000;
    const rounds = [
        1000,
        5000,
        10000,
        30000,
        60000,
        300000,
        900000,
        3600000,
        21600000,
        DAY_MS,
        7 * DAY_MS,
        30 * DAY_MS,
    ];
    const multiples = unit_ms >= DAY_MS ? [3, 12].map((times) => times * unit_ms) : [];
    return [
        unit_ms,
        ...rounds.filter((ms) => ms > unit_ms && ms % unit_ms === 0 && ms <= unit_ms * 10000),
        ...multiples,
    ]
        .filter((ms, at, all) => all.indexOf(ms) === at)
        .slice(0, 9);
}
