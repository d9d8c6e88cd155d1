// SPDX-License-Identifier: Apache-2.0
/*
 * boards_history.js - how a member did season by season: a line, and a table that leads to each of
 * the newest. The season that still runs is not among them; the panel above shows it live.
 */
import { el } from "../lib/dom.js";
import { ask, topic } from "../lib/api.js";
import { digitsFor, number } from "../lib/format.js";
import { fitColumn } from "../lib/fit.js";
import { Table } from "../lib/table.js";
import { byPairs } from "./boards_segments.js";
import { TrailView } from "./boards_trail.js";
import { usualRanks } from "./boards_address.js";
import { hasSeasons, seasonName } from "./boards_seasons.js";
import * as columns from "./boards_columns.js";

const ASKED = 31;
const TRAIL_MIN = 3;
const SHOWN_MAX = 8;

/* Dense ranks are not told over seasons. */
function countedRanks({ definition, ranks }) {
    if (ranks === usualRanks(definition)) return null;
    return ranks === "dense" ? "competition" : ranks;
}

export class HistoryView {
    /* options: onSeason(start_ms) */
    constructor(options) {
        Object.assign(this, options);
        this.digits = 0;
        this.table = new Table({
            label: "By season",
            columns: [
                {
                    id: "season",
                    title: "Season",
                    class: "season",
                    text: (row) => seasonName(this.definition, row.season),
                },
                { ...columns.rankColumn(), text: (row) => number(row.rank) },
                columns.scoreColumn(() => this.digits),
                {
                    id: "of",
                    title: "of",
                    class: "num of",
                    hint: "How many had a score in that season",
                    text: (row) => number(row.size),
                },
            ],
            headerColumn: 0,
            keyOf: (row) => row.season,
            onPick: (row) => this.onSeason(row.season),
            rowClass: (row) => (row.season === this.season ? "followed" : ""),
        });
        this.trail = new TrailView("Rank by season");
        this.element = el(
            "section",
            { class: "by-season", "aria-label": "By season", hidden: true },
            this.trail.element,
            this.table.element,
        );
    }

    /* again: the list may have grown, as when a season has ended */
    async show(view, member, again = false) {
        this.definition = view.definition;
        this.season = view.season;
        const key = JSON.stringify([view.board, view.by, view.ranks, member]);
        if (key === this.key && !again) {
            this.table.update(this.table.rows);
            return;
        }
        if (key !== this.key) this.element.hidden = true;
        this.key = key;
        if (!member || !hasSeasons(view.definition)) return;
        let rows = [];
        try {
            const { seasons } = await ask(
                topic(
                    ["boards", view.board, "members", member, "history"],
                    [["n", ASKED], ...byPairs(view.by), ["ranks", countedRanks(view)]],
                ),
            );
            rows = seasons
                .filter(({ rank, current }) => rank !== null && !current)
                .sort((a, b) => b.season - a.season);
        } catch {
            return; /* the panel is complete without it */
        }
        if (key !== this.key) return;
        this.digits = digitsFor(rows.map(({ score }) => score));
        this.element.hidden = rows.length === 0;
        this.drawTrail(rows);
        rows = rows.slice(0, SHOWN_MAX);
        this.table.update(rows);
        fitColumn(
            this.table,
            "score",
            rows.map(({ score }) => number(score, this.digits)),
        );
    }

    drawTrail(rows) {
        const points = rows.map(({ season, rank }) => [season, rank]).reverse();
        const name = (start_ms) => seasonName(this.definition, start_ms);
        this.trail.draw(
            points.length < TRAIL_MIN ? [] : points,
            rows[0]?.season_end,
            name,
            name(rows[0]?.season),
        );
    }

    close() {
        this.table.close();
    }
}
