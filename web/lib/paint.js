// SPDX-License-Identifier: Apache-2.0
/*
 * paint.js - at most ten paints a second, whatever the stream brings.
 *
 * Models take every message; drawing is asked for with paint(fn) and happens once for all, on an
 * animation frame. A hidden tab gets no frames and so draws nothing until it is looked at again.
 */

const PAINT_MS = 100;
const due = new Set();
let armed = false;
let last_ms = -PAINT_MS;

function run() {
    armed = false;
    last_ms = performance.now();
    const now = [...due];
    due.clear();
    for (const fn of now) {
        try {
            fn();
        } catch (error) {
            reportError(error); /* one broken panel must not stop the others */
        }
    }
}

export function paint(fn) {
    due.add(fn);
    if (armed) return;
    armed = true;
    const wait_ms = last_ms + PAINT_MS - performance.now();
    if (wait_ms <= 4) requestAnimationFrame(run);
    else setTimeout(() => requestAnimationFrame(run), wait_ms - 4);
}

export function forget(fn) {
    due.delete(fn);
}
