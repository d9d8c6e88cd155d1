// SPDX-License-Identifier: Apache-2.0
/*
 * boards_segments.js - the segments of boards: asked for when a list opens, remembered for a
 * moment.
 *
 * There may be thousands. They come whole, largest first, and are filtered here.
 */
import { ask, topic } from "../lib/api.js";
import { labelText, number } from "../lib/format.js";
import { filterOf } from "../lib/picker.js";

const FRESH_MS = 5000;
const known = new Map(); /* board -> {at_ms, list} */

/* [{by: {label: value}, size}], largest first. */
export async function segmentsOf(board) {
    const last = known.get(board);
    if (last && Date.now() - last.at_ms < FRESH_MS) return last.list;
    const { segments } = await ask(topic(["boards", board, "segments"]));
    const list = segments.sort((a, b) => b.size - a.size);
    known.set(board, { at_ms: Date.now(), list });
    return list;
}

/* Choices for a picker: what of a board's segments matches the typed words. */
export async function segmentItems(board, query) {
    const list = await segmentsOf(board);
    return filterOf(
        list.map(({ by, size }) => ({
            key: JSON.stringify(by),
            text: labelText(by),
            note: number(size),
            by,
        })),
    )(query);
}

/* {federation: "NOR"} as the query's [["by.federation", "NOR"]]. */
export function byPairs(by) {
    return Object.entries(by).map(([label, value]) => [`by.${label}`, value]);
}
