// SPDX-License-Identifier: Apache-2.0
/*
 * json.js - reading the server's JSON without losing digits of scores.
 *
 * Scores are exact over 64 bits, and a number of the browser is not beyond 2^53. There a score
 * becomes a BigInt, if the browser can tell how a number was written; everything else is a number.
 */

const LONG = /"score":-?\d{16}/;

function exact(key, value, context) {
    if (key !== "score" || typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const source = context?.source ?? "";
    return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

export function parseJson(text) {
    return LONG.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
}

/* a - b as a number, whichever of them is a BigInt. */
export function difference(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    const whole = (value) => typeof value === "bigint" || Number.isSafeInteger(value);
    return whole(a) && whole(b) ? Number(BigInt(a) - BigInt(b)) : Number(a) - Number(b);
}
