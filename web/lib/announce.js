// SPDX-License-Identifier: Apache-2.0
/*
 * announce.js - tells a screen reader what its user asked for, and nothing else.
 *
 * Live numbers stay silent. A followed member's change, a search's result count and a lost or
 * mended connection are said; something that changes all the time is said at most every few
 * seconds, and then its newest state.
 */

const PAUSE_MS = 4000;
let waiting = null;
let last_ms = -PAUSE_MS;

function write(text) {
    last_ms = performance.now();
    document.getElementById("announce").textContent = text;
}

export function announce(text) {
    clearTimeout(waiting);
    waiting = null;
    write(text);
}

/* For a stream of states: the newest one, when the last words have had time to be heard. */
export function announceLater(text) {
    clearTimeout(waiting);
    waiting = setTimeout(() => write(text), Math.max(0, last_ms + PAUSE_MS - performance.now()));
}
