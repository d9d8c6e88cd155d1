// SPDX-License-Identifier: Apache-2.0
/*
 * boards_happenings.js - what has happened on a board while this page is open: milestones, entries
 * into the first n and exits, seasons that ended.
 */

const KEPT_MAX = 50; /* of milestones, and of all else */
const OF_A_KIND_MIN = 4;

function kindOf({ kind }) {
    return kind === "milestone" ? 0 : 1;
}

/* What has happened, newest first: {kind, at_ms, member, ...}. */
export class Happenings {
    constructor() {
        this.list = [];
    }

    /*
     * told_ms: when a message told them, which may be long after what it tells; null for those of a
     * snapshot. What a snapshot lists may have been told before, as when the connection was opened
     * anew.
     */
    milestones(found, told_ms = null) {
        const known = new Set(this.list.map(({ key }) => key));
        const fresh = found
            .map((one) => ({
                ...one,
                kind: "milestone",
                at_ms: told_ms ?? one.reached_at,
                key: `${one.milestone} ${one.season ?? ""} ${one.reached_at} ${one.member}`,
            }))
            .filter(({ key }) => !known.has(key));
        return this.put(fresh);
    }

    /* A message of the topic "changes". */
    changes({ entered = [], left = [], at }, first, now_ms) {
        const common = { at_ms: at ?? now_ms, first };
        return this.put([
            ...left.map((one) => ({ ...one, ...common, kind: "left" })),
            ...entered.map((one) => ({ ...one, ...common, kind: "entered" })),
        ]);
    }

    season({ season, first }, now_ms) {
        return this.put([
            {
                kind: "season",
                at_ms: now_ms,
                season,
                member: first?.member ?? null,
                score: first?.score ?? null,
            },
        ]);
    }

    put(fresh) {
        const sorted = [...fresh, ...this.list].sort((a, b) => b.at_ms - a.at_ms);
        const counts = [0, 0];
        this.list = sorted.filter((one) => counts[kindOf(one)]++ < KEPT_MAX);
        return fresh;
    }

    /* The newest count, but neither milestones nor all else crowd the others out. */
    newest(count) {
        const seen = [0, 0];
        const must = this.list.filter((one) => seen[kindOf(one)]++ < OF_A_KIND_MIN);
        const rest = this.list.filter((one) => !must.includes(one));
        const room = Math.max(0, count - must.length);
        const chosen = new Set([...must, ...rest.slice(0, room)]);
        return this.list.filter((one) => chosen.has(one));
    }
}
