// SPDX-License-Identifier: Apache-2.0
/*
 * overview_leaders.js - who leads the boards that move most.
 *
 * Few boards are watched, and one that was watched stays so while it is among the busiest: changing
 * the list opens the connection anew, so it does not follow every flutter.
 */
import { ask, topic } from "../lib/api.js";
import { watch } from "../lib/live.js";
import { Ranking } from "./boards_model.js";
import { byPairs } from "./boards_segments.js";

const WATCHED_MAX = 4;

export class Leaders {
    constructor(onChange) {
        this.onChange = onChange;
        this.boards = new Map(); /* name -> {model, stop} */
        this.closed = false;
    }

    watchBusiest(boards) {
        if (this.boards.size > 0 && this.boards.size >= Math.min(WATCHED_MAX, boards.length))
            return;
        const busiest = [...boards].sort((a, b) => b.moves_per_s - a.moves_per_s);
        for (const { name } of busiest.slice(0, WATCHED_MAX - this.boards.size))
            if (!this.boards.has(name)) this.add(name);
    }

    async add(name) {
        const entry = { model: new Ranking(), by: null, stop: () => {} };
        this.boards.set(name, entry);
        try {
            /* A board in segments: the leader of the largest one stands for it. */
            const { segments } = await ask(topic(["boards", name, "segments"]));
            const largest = segments.reduce(
                (best, one) => (best && best.size >= one.size ? best : one),
                null,
            );
            if (this.closed) return;
            entry.by = largest?.by ?? {};
        } catch {
            return; /* the table shows the board without its leader */
        }
        entry.stop = watch(topic(["boards", name, "top"], [["n", 3], ...byPairs(entry.by)]), {
            snapshot: (answer) => {
                entry.model.snapshot(answer);
                this.onChange();
            },
            change: (message) => {
                entry.model.change(message);
                this.onChange();
            },
        });
    }

    /* The first of a board: {member, score, by}, or null when it is not watched. */
    of(name) {
        const entry = this.boards.get(name);
        const first = entry?.model.rows()[0];
        return first ? { ...first, by: entry.by } : null;
    }

    close() {
        this.closed = true;
        for (const { stop } of this.boards.values()) stop();
    }
}
