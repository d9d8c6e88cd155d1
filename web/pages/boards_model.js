// SPDX-License-Identifier: Apache-2.0
/*
 * boards_model.js - a ranking as the stream tells it, and how it moved.
 *
 * Each row knows two movements: of the last moments (shown for a few seconds, then gone) and since
 * the page was opened. "Opened" is the rank that a member had when it was first seen here, so
 * showing more rows or losing the connection for a while does not begin it anew.
 */

export const LINGER_MS = 4000;

/* An order for rows that share a rank, as competition and dense ranks do. */
function compare(a, b) {
    return (
        a.rank - b.rank ||
        (a.reached_at ?? 0) - (b.reached_at ?? 0) ||
        (a.member < b.member ? -1 : a.member > b.member ? 1 : 0)
    );
}

export class Ranking {
    constructor(now = () => Date.now()) {
        this.now = now;
        this.opened = new Map(); /* member -> {rank, score} when first seen */
        this.rows_by_member = new Map();
        this.size = null; /* unknown until the first snapshot */
        this.sorted = null;
    }

    snapshot(answer) {
        const before = this.rows_by_member;
        this.rows_by_member = new Map();
        for (const entry of answer.entries)
            this.rows_by_member.set(
                entry.member,
                this.moved(before.get(entry.member), entry, false),
            );
        this.size = answer.size;
        this.sorted = null;
    }

    change(message) {
        for (const member of message.removed ?? []) this.rows_by_member.delete(member);
        for (const entry of message.changed ?? [])
            this.rows_by_member.set(
                entry.member,
                this.moved(this.rows_by_member.get(entry.member), entry, true),
            );
        this.size = message.size ?? this.size;
        this.sorted = null;
    }

    /*
     * entered: by a change, so it came into view; a snapshot may just be longer than the last one.
     */
    moved(before, entry, entered) {
        const now_ms = this.now();
        let opened = this.opened.get(entry.member);
        if (!opened) {
            opened = { rank: entry.rank, score: entry.score, entered };
            this.opened.set(entry.member, opened);
        }
        const lingers = before && now_ms - before.moved_ms < LINGER_MS;
        const row = {
            ...entry,
            opened,
            places: lingers ? before.places : 0 /* up is positive */,
            gain: lingers ? before.gain : 0,
            moved_ms: before?.moved_ms ?? 0,
        };
        if (before && (before.rank !== entry.rank || before.score !== entry.score)) {
            row.places += before.rank - entry.rank;
            row.gain += entry.score - before.score;
            row.moved_ms = now_ms;
        }
        return row;
    }

    rows() {
        this.sorted ??= [...this.rows_by_member.values()].sort(compare);
        return this.sorted;
    }

    /* When the next lingering movement ends, or null: then is the time to draw again. */
    lingersUntil() {
        const now_ms = this.now();
        let first = null;
        for (const { moved_ms } of this.rows_by_member.values())
            if (now_ms - moved_ms < LINGER_MS && (first === null || moved_ms < first))
                first = moved_ms;
        return first === null ? null : first + LINGER_MS;
    }

    recent(row) {
        return this.now() - row.moved_ms < LINGER_MS;
    }
}
