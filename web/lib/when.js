// SPDX-License-Identifier: Apache-2.0
/*
 * when.js - times, for rating lists of 2001 and for matches of this second.
 *
 * Written year first, so that they sort and line up. UTC unless the reader asks for local time:
 * panes are cut in UTC, and the first of a month should read as the first of a month everywhere.
 */

const STORED = "tallywheel.zone";
const DAY_MS = 86400000;
let zone = "utc";
try {
    zone = localStorage.getItem(STORED) === "local" ? "local" : "utc";
} catch {
    /* no storage, no memory of the choice */
}
const observers = new Set();

export function zoneName() {
    return zone;
}

export function setZone(name) {
    zone = name;
    try {
        localStorage.setItem(STORED, name);
    } catch {
        /* as above */
    }
    for (const observer of observers) observer();
}

export function onZone(observer) {
    observers.add(observer);
    return () => observers.delete(observer);
}

const two = (value) => String(value).padStart(2, "0");

function parts(ms) {
    const at = new Date(ms);
    const shifted = zone === "utc" ? at : new Date(ms - at.getTimezoneOffset() * 60000);
    const year = String(shifted.getUTCFullYear()).padStart(4, "0");
    return {
        date: `${year}-${two(shifted.getUTCMonth() + 1)}-${two(shifted.getUTCDate())}`,
        clock: `${two(shifted.getUTCHours())}:${two(shifted.getUTCMinutes())}`,
        seconds: two(shifted.getUTCSeconds()),
    };
}

export function date(ms) {
    return parts(ms).date;
}

export function clock(ms) {
    const { clock: hm, seconds } = parts(ms);
    return `${hm}:${seconds}`;
}

export function full(ms) {
    return `${date(ms)} ${clock(ms)} ${zone === "utc" ? "UTC" : "local"}`;
}

/* As exact as the step between two values asks for. */
export function stamp(ms, step_ms) {
    const at = parts(ms);
    if (step_ms >= DAY_MS) return at.date;
    if (step_ms >= 60000) return `${at.date} ${at.clock}`;
    return Math.abs(Date.now() - ms) < DAY_MS / 2
        ? `${at.clock}:${at.seconds}`
        : `${at.date} ${at.clock}:${at.seconds}`;
}

/* When something happened, for a narrow column: the clock for today, the date for the rest. */
export function moment(ms) {
    if (ms === null || ms === undefined) return "–";
    return Math.abs(Date.now() - ms) < DAY_MS / 2 ? clock(ms) : date(ms);
}

/* For <input type=datetime-local> and back, in the zone that the page shows. */
export function toInput(ms) {
    const at = parts(ms);
    return `${at.date}T${at.clock}:${at.seconds}`;
}

export function fromInput(text) {
    const ms = Date.parse(zone === "utc" ? text + "Z" : text);
    return Number.isNaN(ms) ? null : ms;
}
