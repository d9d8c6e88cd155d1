// SPDX-License-Identifier: Apache-2.0
/*
 * chart_data.js - from series of points to the columns that a chart draws.
 *
 * Three rules: a gap stays a gap; a provisional value is on a line of its own (drawn dashed), which
 * also holds its final neighbours so that the two lines meet; and no value is made up. No DOM here.
 *
 * What a gap is: more than one and a half steps without a value, and also far more than the series'
 * own rhythm thereabouts: rating lists that came out every third month, in panes of one month, are
 * a slow line and not a row of single points.
 */

const NEIGHBOURS = 4;
const RHYTHM = 2.5;

export function gapsIn(times, step_ms) {
    const distances = times.slice(1).map((ms, index) => ms - times[index]);
    const gaps = [];
    distances.forEach((distance, index) => {
        if (distance <= step_ms * 1.5) return;
        const around = distances
            .slice(Math.max(0, index - NEIGHBOURS), index + NEIGHBOURS + 1)
            .filter((_, at) => at !== Math.min(index, NEIGHBOURS))
            .sort((a, b) => a - b);
        const rhythm = around.length ? around[around.length >> 1] : step_ms;
        if (distance > rhythm * RHYTHM) gaps.push(times[index] + step_ms);
    });
    return gaps;
}

/*
 * series: [{points: [[ms, value, "final" | "provisional"]]}], each in order of time.
 * Returns {times, finals, provisionals, provisional_from_ms}; the two are columns per series.
 */
export function columnsOf(series, step_ms) {
    const present = [...new Set(series.flatMap(({ points }) => points.map(([ms]) => ms)))].sort(
        (a, b) => a - b,
    );
    const times = [...present, ...gapsIn(present, step_ms)].sort((a, b) => a - b);
    const place = new Map(times.map((ms, index) => [ms, index]));
    let provisional_from_ms = null;
    const finals = [];
    const provisionals = [];
    for (const { points } of series) {
        const values = new Array(times.length).fill(null);
        const open = new Array(times.length).fill(false);
        for (const [ms, value, state] of points) {
            const at = place.get(ms);
            values[at] = value;
            open[at] = state === "provisional";
            if (open[at] && (provisional_from_ms === null || ms < provisional_from_ms))
                provisional_from_ms = ms;
        }
        finals.push(values.map((value, at) => (open[at] ? null : value)));
        provisionals.push(
            values.map((value, at) => (open[at] || open[at - 1] || open[at + 1] ? value : null)),
        );
    }
    return { times, finals, provisionals, provisional_from_ms };
}

/*
 * Labels that end in one place move apart, in their order, and stay centred on where they wanted to
 * be. at: wanted positions, sorted; those closer than distance become one block, which grows until
 * it touches no other.
 */
export function spread(at, distance, low, high) {
    const blocks = [];
    for (const wanted of at) {
        let block = { sum: wanted, count: 1, top: wanted };
        while (blocks.length && blocks.at(-1).top + blocks.at(-1).count * distance > block.top) {
            const above = blocks.pop();
            /* A label at place i of the block wants the block's top i distances higher. */
            const sum = above.sum + block.sum - block.count * above.count * distance;
            const count = above.count + block.count;
            block = { sum, count, top: sum / count };
        }
        block.top = Math.max(low, Math.min(block.top, high - (block.count - 1) * distance));
        blocks.push(block);
    }
    const out = blocks.flatMap(({ top, count }) =>
        Array.from({ length: count }, (_, i) => top + i * distance),
    );
    for (let i = out.length - 2; i >= 0; i--)
        out[i] = Math.min(out[i], out[i + 1] - distance); /* what the lower edge pushed up */
    return out;
}
