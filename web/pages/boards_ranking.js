// SPDX-License-Identifier: Apache-2.0
/*
 * boards_ranking.js - the ranking itself: a live table of the first n of one segment of one board.
 */
import { el, setText } from "../lib/dom.js";
import { topic } from "../lib/api.js";
import { watch } from "../lib/live.js";
import { forget, paint } from "../lib/paint.js";
import { digitsFor, number } from "../lib/format.js";
import { errorState, loadingState, emptyState } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { Ranking } from "./boards_model.js";
import { byPairs } from "./boards_segments.js";
import * as columns from "./boards_columns.js";

const STEPS = [100, 200, 500, 1000, 2000, 5000, 10000];
export const N_MAX = STEPS.at(-1); /* the server's own limit of a page, unless it was changed */

export class RankingView {
    /* options: onPick(member), onMore(n), onChange() */
    constructor(options) {
        Object.assign(this, options);
        this.model = new Ranking();
        /* What was seen of other segments, so that "since opened" survives a visit elsewhere. */
        this.models = new Map();
        this.digits = 0;
        const model = () => this.model;
        const digits = () => this.digits;
        this.member_title = el("span", { text: "Member" });
        this.table = new Table({
            label: "Ranking",
            columns: [
                columns.rankColumn(),
                columns.moveColumn(model),
                { ...columns.memberColumn("Member"), head: this.member_title },
                columns.scoreColumn(digits),
                columns.gainColumn(model, digits),
                columns.sinceColumn(),
                columns.reachedColumn(),
            ],
            headerColumn: 2,
            glides: true,
            keyOf: (row) => row.member,
            onPick: (row) => this.onPick(row.member),
            rowClass: (row) => (row.member === this.followed ? "followed" : ""),
        });
        this.more = el("button", { type: "button", onclick: () => this.onMore(this.nextN()) });
        this.count = el("span", { class: "soft" });
        this.foot = el("p", { class: "table-foot", hidden: true }, this.count, this.more);
        this.state = el("div");
        this.element = el(
            "section",
            { class: "ranking", "aria-label": "Ranking" },
            this.state,
            this.table.element,
            this.foot,
        );
        this.draw = this.draw.bind(this);
    }

    /* view: {board, definition, by, ranks, n} */
    show(view) {
        const path = topic(
            ["boards", view.board, "top"],
            [
                ["n", view.n],
                ...byPairs(view.by),
                ["ranks", view.ranks === "ordinal" ? null : view.ranks],
            ],
        );
        if (path === this.path) return;
        this.path = path;
        this.view = view;
        const key = JSON.stringify([view.board, view.by, view.ranks]);
        if (!this.models.has(key)) this.models.set(key, new Ranking());
        this.model = this.models.get(key);
        this.stop?.();
        this.waiting = true;
        this.problem = null;
        this.element.classList.add(
            "dim",
        ); /* old values stay, dimmed, until the new ones are here */
        setText(this.member_title, view.definition.member ?? "Member");
        this.stop = watch(path, {
            snapshot: (answer) => {
                this.model.snapshot(answer);
                this.waiting = false;
                this.problem = null;
                paint(this.draw);
            },
            change: (message) => {
                this.model.change(message);
                paint(this.draw);
            },
            error: (error) => {
                this.problem = error;
                paint(this.draw);
            },
        });
        if (this.table.rows.length === 0) this.state.replaceChildren(loadingState(12));
    }

    follow(member) {
        if (member === this.followed) return;
        this.followed = member;
        if (!this.waiting) paint(this.draw);
    }

    nextN() {
        return STEPS.find((step) => step > this.view.n) ?? N_MAX;
    }

    draw() {
        if (this.problem) {
            this.table.element.hidden = this.foot.hidden = true;
            this.state.replaceChildren(errorState(`Board ${this.view.board}`, this.problem));
            this.element.classList.remove("dim");
            this.onChange();
            return;
        }
        if (this.waiting) return;
        const rows = this.model.rows();
        this.digits = digitsFor(rows.map((row) => row.score));
        this.element.classList.remove("dim");
        this.table.element.hidden = rows.length === 0;
        if (rows.length === 0)
            this.state.replaceChildren(emptyState("Nobody is ranked here yet", this.hint()));
        else if (this.state.firstChild) this.state.replaceChildren();
        this.table.update(rows);
        this.drawFoot(rows.length);
        this.onChange();
        clearTimeout(this.timer);
        const until_ms = this.model.lingersUntil();
        if (until_ms !== null)
            this.timer = setTimeout(() => paint(this.draw), Math.max(250, until_ms - Date.now()));
    }

    hint() {
        const { stream } = this.view.definition;
        return stream
            ? `Members come with the first event on stream “${stream}”.`
            : `Set a score with POST /v1/boards/${this.view.board}/scores.`;
    }

    drawFoot(count) {
        const { size } = this.model;
        this.foot.hidden = count === 0;
        setText(
            this.count,
            count < size ? `${number(count)} of ${number(size)}` : `All ${number(size)}`,
        );
        this.more.hidden = count >= size || this.view.n >= N_MAX;
        setText(this.more, `Show ${number(Math.min(this.nextN(), size))}`);
    }

    close() {
        this.stop?.();
        clearTimeout(this.timer);
        forget(this.draw);
        this.table.close();
    }
}
