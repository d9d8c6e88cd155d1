// SPDX-License-Identifier: Apache-2.0
/*
 * chart_axes.js - what stands at the axes: values with their unit, times from seconds to decades.
 *
 * Ticks say what changes from one to the next; what stays the same (the day, the year) stands below
 * the first tick and wherever it changes.
 */
import { number } from "./format.js";
import { clock, date } from "./when.js";

const DAY_MS = 86400000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function lines(splits, top, below) {
    let said = null;
    return splits.map((ms) => {
        if (ms === null) return null;
        const first = top(ms);
        const second = below(ms);
        const text = second === said || second === "" ? first : `${first}\n${second}`;
        said = second;
        return text;
    });
}

export function timeTicks(splits, increment_ms) {
    const year = (ms) => date(ms).slice(0, 4);
    if (increment_ms >= 364 * DAY_MS) return splits.map((ms) => (ms === null ? null : year(ms)));
    if (increment_ms >= 27 * DAY_MS)
        return lines(splits, (ms) => MONTHS[Number(date(ms).slice(5, 7)) - 1], year);
    if (increment_ms >= DAY_MS) return lines(splits, (ms) => date(ms).slice(5), year);
    if (increment_ms >= 60000) return lines(splits, (ms) => clock(ms).slice(0, 5), date);
    if (increment_ms >= 1000) return lines(splits, clock, date);
    return lines(splits, (ms) => `${clock(ms)}.${String(ms % 1000).padStart(3, "0")}`, date);
}

const UNITS = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
    [1, ""],
];

/* One unit for the whole axis, and just the decimals that tell two ticks apart. */
export function valueTicks(splits, increment) {
    const top = Math.max(...splits.map((value) => Math.abs(value ?? 0)));
    const [unit, letter] = UNITS.find(([size]) => top >= size * 10 || size === 1);
    let digits = 0;
    while (
        digits < 3 &&
        Math.abs(
            (increment / unit) * 10 ** digits - Math.round((increment / unit) * 10 ** digits),
        ) > 1e-9
    )
        digits++;
    return splits.map((value) =>
        value === null ? null : number(value / unit, digits) + (value === 0 ? "" : letter),
    );
}

/*
 * The range of the value axis. Counts and sums begin at zero, since their height is their meaning;
 * others are shown close up, and the chart says where its axis begins.
 */
export function valueRange(min, max, from_zero) {
    if (min === null || max === null) return [0, 1];
    if (from_zero || (min >= 0 && min < max * 0.25))
        return [Math.min(0, min), max > 0 ? max * 1.06 : max < 0 ? 0 : 1];
    const room = (max - min) * 0.08 || Math.abs(max) * 0.01 || 1;
    return [min - room, max + room];
}
