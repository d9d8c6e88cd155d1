// SPDX-License-Identifier: Apache-2.0
/*
 * live.js - one connection for all that the page watches.
 *
 * A browser gives six connections to a server, so every topic shares one stream, which is opened
 * anew when the list of topics changes. It is read with fetch, not EventSource, for three reasons:
 * the time of the next try is ours to show and to shorten, Last-Event-ID goes along on every try,
 * also after a refusal (EventSource gives up on those), and the keep-alive comments are seen, so
 * that a connection that died silently is noticed.
 *
 * States: idle (nothing watched), connecting (first try), live, lost (waiting for retry_at_ms).
 */
import { errorOf } from "./api.js";
import { readEvents } from "./sse.js";

const SILENCE_MS = 40000; /* the server speaks at least every 15 s */
const WAITS_MS = [1000, 2000, 4000, 8000, 15000];

const watched = new Map(); /* topic -> Set of handlers */
const observers = new Set();
export const connection = {
    state: "idle",
    retry_at_ms: 0,
    lost_at_ms: 0,
    tries: 0,
    reason: "",
};

let last_id = null;
let abort = null;
let timer = 0;
let watchdog = 0;
let generation = 0;

function become(state, more = {}) {
    Object.assign(connection, { state }, more);
    for (const observer of observers) observer(connection);
}

export function onConnection(observer) {
    observers.add(observer);
    observer(connection);
    return () => observers.delete(observer);
}

/*
 * handlers: snapshot(answer), change(message), error({code, message}), gap(reason); all optional.
 * Returns the function that ends the watch.
 */
export function watch(topic, handlers) {
    if (!watched.has(topic)) watched.set(topic, new Set());
    watched.get(topic).add(handlers);
    reopenSoon();
    return () => {
        const set = watched.get(topic);
        if (!set?.delete(handlers)) return;
        if (set.size === 0) {
            watched.delete(topic);
            reopenSoon();
        }
    };
}

let asked = false;
function reopenSoon() {
    if (asked) return;
    asked = true;
    /* A page changes several topics in one breath: open once, after all of them. */
    setTimeout(() => {
        asked = false;
        if (connection.state === "lost") return; /* the next try takes the new list along */
        last_id = null; /* another list: snapshots are wanted, not the rest of the old one */
        open();
    }, 0);
}

function handle(message, id) {
    if (id) last_id = id;
    const sets =
        message.topic === undefined ? [...watched.values()] : [watched.get(message.topic) ?? []];
    for (const set of sets) for (const handlers of [...set]) dispatch(handlers, message);
}

function dispatch(handlers, message) {
    try {
        if (message.event === "snapshot") handlers.snapshot?.(message.answer);
        else if (message.event === "change") handlers.change?.(message);
        else if (message.event === "gap") handlers.gap?.(message.reason);
        else if (message.event === "error") handlers.error?.(message.error);
    } catch (error) {
        reportError(error);
    }
}

function feedWatchdog() {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => abort?.abort(new Error("silent for 40 s")), SILENCE_MS);
}

async function open() {
    const mine = ++generation;
    clearTimeout(timer);
    clearTimeout(watchdog);
    abort?.abort();
    if (watched.size === 0) {
        become("idle");
        return;
    }
    abort = new AbortController();
    if (connection.state === "idle") become("connecting");
    const query = [...watched.keys()]
        .map((topic) => `topic=${encodeURIComponent(topic)}`)
        .join("&");
    const headers = { accept: "text/event-stream" };
    if (last_id) headers["Last-Event-ID"] = last_id;
    let reason = "the server closed the connection";
    try {
        const response = await fetch(`/v1/live?${query}`, {
            headers,
            signal: abort.signal,
            cache: "no-store",
        });
        if (!response.ok) throw await errorOf(response);
        if (mine !== generation) return;
        feedWatchdog();
        become("live", { tries: 0, reason: "" });
        await readEvents(response.body, handle, feedWatchdog);
    } catch (error) {
        reason = error.code ? error.message : "the server cannot be reached";
        if (error.status === 400 || error.status === 404)
            for (const set of watched.values()) for (const handlers of set) handlers.error?.(error);
    }
    if (mine === generation) lose(reason);
}

function lose(reason) {
    clearTimeout(watchdog);
    const base_ms = WAITS_MS[Math.min(connection.tries, WAITS_MS.length - 1)];
    const wait_ms = base_ms * (0.8 + 0.4 * Math.random()); /* spread: not all pages at once */
    const now_ms = Date.now();
    become("lost", {
        reason,
        tries: connection.tries + 1,
        lost_at_ms: connection.state === "lost" ? connection.lost_at_ms : now_ms,
        retry_at_ms: now_ms + wait_ms,
    });
    timer = setTimeout(open, wait_ms);
}

export function retryNow() {
    if (connection.state === "lost") open();
}

addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
    if (!document.hidden) retryNow();
});
