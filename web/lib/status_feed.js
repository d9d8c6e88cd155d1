// SPDX-License-Identifier: Apache-2.0
/*
 * status_feed.js - the server's status, watched for as long as the page is open, and its last
 * minutes.
 *
 * Kept here and not by the overview, so that its little lines go on while another page is looked
 * at.
 */
import { watch } from "./live.js";

export const HISTORY_MS = 300000;
const SAMPLE_MS = 1000;

export const feed = {
    status: null /* newest answer */,
    received_ms: 0,
    samples: [] /* {ms, events_per_s, p99, memory_bytes, journal_bytes}, oldest first */,
};
const observers = new Set();

function take(status) {
    const now_ms = Date.now();
    feed.status = status;
    feed.received_ms = now_ms;
    const ack = status.ingest?.ack_ms ?? {};
    const sample = {
        ms: now_ms,
        events_per_s: status.ingest?.events_per_s ?? 0,
        p99: ack.p99 ?? 0,
        memory_bytes: status.memory_bytes ?? 0,
        journal_bytes: (status.partitions ?? []).reduce(
            (sum, { journal_bytes }) => sum + journal_bytes,
            0,
        ),
    };
    const last = feed.samples.at(-1);
    /*
     * Bins of a fixed second: a sample may come up to ten times in one, and the newest stands for
     * it.
     */
    if (last && Math.floor(last.ms / SAMPLE_MS) === Math.floor(now_ms / SAMPLE_MS))
        feed.samples[feed.samples.length - 1] = { ...sample, ms: last.ms };
    else feed.samples.push(sample);
    while (feed.samples.length && feed.samples[0].ms < now_ms - HISTORY_MS) feed.samples.shift();
    for (const observer of observers) observer(status);
}

/* Bytes a second that the journal grew by, at each sample: [[ms, value]]. */
export function journalRates() {
    return feed.samples.slice(1).map((sample, index) => {
        const before = feed.samples[index];
        const grown = Math.max(0, sample.journal_bytes - before.journal_bytes);
        return [sample.ms, (grown * 1000) / Math.max(1, sample.ms - before.ms)];
    });
}

export function onStatus(observer) {
    observers.add(observer);
    return () => observers.delete(observer);
}

export function startStatus() {
    watch("status", { snapshot: take, change: (message) => take(message.answer) });
}
