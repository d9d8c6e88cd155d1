// SPDX-License-Identifier: Apache-2.0
/*
 * boards_seasons.js - the seasons that a board keeps: their list, their names, and choices for a
 * picker.
 *
 * A season is named by when it began, by the clocks of the board where it is as long as a day or
 * more: the one of Monday in Berlin is called by that Monday.
 */
import { ask, topic } from "../lib/api.js";
import { number, span } from "../lib/format.js";
import { filterOf } from "../lib/picker.js";
import { clock, stamp } from "../lib/when.js";

const HALF_DAY_MS = 12 * 3600000;
const FRESH_MS = 3000;
const LISTED_MAX = 10000; /* as many as a board can keep */
const NAMED_BY_DAY = ["daily", "weekly", "monthly"];
const known = new Map(); /* board -> {at_ms, list} */

export function hasSeasons({ period }) {
    return Boolean(period) && period !== "none" && period.rolling === undefined;
}

/*
 * [{start_ms, end_ms, current, final, entries}], the newest first; null if the server has no such
 * list. anew: what was asked for a moment ago is not good enough.
 */
export async function seasonsOf(board, anew = false) {
    const last = known.get(board);
    if (!anew && last && Date.now() - last.at_ms < FRESH_MS) return last.list;
    let list = null;
    try {
        const { seasons } = await ask(topic(["boards", board, "seasons"], [["n", LISTED_MAX]]));
        list = seasons
            .map((one) => ({
                start_ms: one.season,
                end_ms: one.season_end,
                current: one.current,
                final: one.final,
                entries: one.entries,
            }))
            .sort((a, b) => b.start_ms - a.start_ms);
    } catch (error) {
        if (error.code !== "not_found") throw error;
    }
    known.set(board, { at_ms: Date.now(), list });
    return list;
}

export function seasonName(definition, start_ms) {
    if (!NAMED_BY_DAY.includes(definition.period))
        return Math.abs(Date.now() - start_ms) < HALF_DAY_MS
            ? clock(start_ms).slice(0, 5)
            : stamp(start_ms, 60000);
    return new Intl.DateTimeFormat("sv-SE", {
        timeZone: definition.time_zone ?? "UTC",
        dateStyle: "short",
    }).format(start_ms);
}

export const CURRENT = "Current";

function note({ current, final, entries, end_ms }) {
    if (current) return end_ms > Date.now() ? `ends in ${span(end_ms - Date.now())}` : "";
    return `${final ? "final" : "closing"} · ${number(entries)}`;
}

export async function seasonItems(definition, query) {
    const list = (await seasonsOf(definition.name)) ?? [];
    return filterOf([
        { key: "", text: CURRENT, note: list.filter((one) => one.current).map(note)[0] ?? "" },
        ...list
            .filter((one) => !one.current)
            .map((one) => ({
                key: String(one.start_ms),
                text: seasonName(definition, one.start_ms),
                note: note(one),
            })),
    ])(query);
}
