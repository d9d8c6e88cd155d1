// SPDX-License-Identifier: Apache-2.0
/*
 * palette.js - the same label always has the same colour.
 *
 * Twelve colours, ordered, told apart by colour-blind readers (css/base.css, --c1 to --c12). A
 * label takes the next one the first time that it is drawn and keeps it in this browser. When more
 * labels have been met than there are colours, two of them may share one; if both are drawn
 * together, the later one borrows a free colour for that view only.
 */

export const COLORS = 12;
const STORED = "tallywheel.colors";
const REMEMBERED_MAX = 600;
let remembered = new Map();

try {
    remembered = new Map(JSON.parse(localStorage.getItem(STORED) ?? "[]"));
} catch {
    remembered = new Map(); /* unreadable: begin again */
}

function remember() {
    while (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value);
    try {
        localStorage.setItem(STORED, JSON.stringify([...remembered]));
    } catch {
        /* The colours then hold as long as the page. */
    }
}

/* keys, most important first, to colour names: Map key -> "--c3". */
export function colorsFor(keys) {
    const used = new Set();
    const out = new Map();
    let learned = false;
    /* Labels with a colour of their own come first, so that a newcomer never takes it away. */
    const known_first = [...keys].sort((a, b) => remembered.has(b) - remembered.has(a));
    for (const key of known_first) {
        const own = remembered.get(key);
        let index = own ?? remembered.size % COLORS;
        while (used.has(index) && used.size < COLORS) index = (index + 1) % COLORS;
        used.add(index);
        out.set(key, `--c${index + 1}`);
        if (own === undefined) {
            remembered.set(key, index);
            learned = true;
        }
    }
    if (learned) remember();
    return out;
}
