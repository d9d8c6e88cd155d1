// SPDX-License-Identifier: Apache-2.0
/*
 * motion.js - the only two movements of the page: a row glides to its new rank, a number that
 * changed is washed once. Both end by themselves and neither happens for people who asked for
 * stillness.
 */

const GLIDE_MS = 320;
const WASH_MS = 300;
const EASE = "cubic-bezier(0.2, 0, 0, 1)";
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const gliding = new WeakMap(); /* element -> {animation, from_px} */

export function still() {
    return stillness.matches;
}

/* How far a glide has yet to go: read from its timing, so no layout is forced. */
function remaining(element) {
    const glide = gliding.get(element);
    const progress = glide?.animation.effect?.getComputedTiming().progress;
    return progress === null || progress === undefined ? 0 : glide.from_px * (1 - progress);
}

/* The element now stands where it belongs; shows it coming from offset_px away. */
export function glide(element, offset_px) {
    if (still()) return;
    const from_px = offset_px + remaining(element);
    gliding.get(element)?.animation.cancel();
    if (Math.abs(from_px) < 1) return;
    const animation = element.animate(
        [{ transform: `translateY(${from_px}px)` }, { transform: "none" }],
        { duration: GLIDE_MS, easing: EASE },
    );
    gliding.set(element, { animation, from_px });
}

/* Fades to whatever the cell's own background is: a followed row keeps its ground. */
export function wash(element) {
    if (still()) return;
    element.animate([{ backgroundColor: "var(--wash)", offset: 0 }], {
        duration: WASH_MS,
        easing: "ease-out",
    });
}
