// SPDX-License-Identifier: Apache-2.0
/*
 * boards_model.js - a ranking as the stream tells it, and how it moved.
 *
 * Each row knows two movements: of the last moments (shown for a few seconds, then gone) and since
 * the page was opened. "Opened" is the rank that a member had when it was first seen here, so
 * showing more rows or losing the connection for a while does not begin it anew. What lies between
 * is in the pictures of boards_past.js. When another season begins, all of that is of another
 * ranking, and begins anew.
 */
import { difference } from "../lib/json.js";
import { expression } from "../lib/format.js";
import { Past } from "./boards_past.js";

export const LINGER_MS = 4000;

/* An order for rows that share a rank, as competition and dense ranks do. */
function compare(a, b) {
    return (
        a.rank - b.rank ||
        (a.reached_at ?? 0) - (b.reached_at ?? 0) ||
        (a.member < b.member ? -1 : a.member > b.member ? 1 : 0)
    );
}

/* A score that falls while nothing happens. */
export function fades({ score }) {
    return /^decayed_sum\b/.test(expression(score));
}

export class Ranking {
    constructor(now = () => Date.now()) {
        this.now = now;
        this.opened = new Map(); /* member -> {rank, score} when first seen */
        this.rows_by_member = new Map();
        this.fades = false; /* scores fall by themselves */
        this.size = null; /* unknown until the first snapshot */
        this.season = null; /* when it began, of a board that has seasons */
        this.ended = null; /* {season, first}: the season before, and who won it */
        this.past = new Past(now);
        this.sorted = null;
    }

    enterSeason(season) {
        if (season === undefined || season === this.season) return;
        if (this.season !== null) {
            this.ended = { season: this.season, first: this.rows()[0] ?? null };
            this.opened.clear();
            this.rows_by_member = new Map();
            this.past = new Past(this.now);
        }
        this.season = season;
    }

    snapshot(answer) {
        this.enterSeason(answer.season);
        const before = this.rows_by_member;
        this.rows_by_member = new Map();
        for (const entry of answer.entries)
            this.rows_by_member.set(
                entry.member,
                this.moved(before.get(entry.member), entry, false),
            );
        this.size = answer.size;
        this.sorted = null;
        this.remember();
    }

    change(message) {
        this.remember(); /* as it stood until now */
        this.enterSeason(message.season);
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
        const row = {
            ...entry,
            opened,
            places: 0 /* up is positive */,
            gain: 0,
            moved_ms: 0,
            burst_ms: 0,
        };
        const lingers = before && now_ms - before.moved_ms < LINGER_MS;
        const moves = before && this.differs(before, entry);
        /* Moves that follow each other add up, but only for a while: these are the last moments. */
        const adds = lingers && (!moves || now_ms - before.burst_ms < LINGER_MS);
        if (adds) {
            const { places, gain, moved_ms, burst_ms } = before;
            Object.assign(row, { places, gain, moved_ms, burst_ms });
        }
        if (moves) {
            row.places += before.rank - entry.rank;
            row.gain += difference(entry.score, before.score);
            row.moved_ms = now_ms;
            if (!adds) row.burst_ms = now_ms;
        }
        return row;
    }

    differs(before, entry) {
        if (before.rank !== entry.rank) return true;
        return this.fades
            ? before.reached_at !== entry.reached_at
            : before.score !== entry.score;
    }

    /* Takes a picture if it is time for one, or now if it is asked for; returns when. */
    remember(chosen = false) {
        if (this.size === null || (!chosen && !this.past.due())) return null;
        return this.past.remember(this.rows(), this.size, chosen);
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
