// SPDX-License-Identifier: Apache-2.0
/*
 * boards_ranking.js - the ranking itself: a live table of the first n of one segment of one board,
 * in one season.
 */
import { el, setText } from "../lib/dom.js";
import { topic } from "../lib/api.js";
import { watch } from "../lib/live.js";
import { forget, paint } from "../lib/paint.js";
import { digitsFor, expression, number } from "../lib/format.js";
import { fitColumn, forgetFit } from "../lib/fit.js";
import { moment } from "../lib/when.js";
import { errorState, loadingState, emptyState } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { Ranking, fades } from "./boards_model.js";
import { PICTURE_MS, comparison } from "./boards_past.js";
import { N_MAX, scope, viewKey } from "./boards_address.js";
import * as columns from "./boards_columns.js";

const STEPS = [100, 200, 500, 1000, 2000, 5000, N_MAX];

const MODELS_MAX = 16;

export class RankingView {
    /* options: onPick(member), onMore(n), onChange(), onSeason(ended): another season has begun */
    constructor(options) {
        Object.assign(this, options);
        this.model = new Ranking();
        /* What was seen of other segments, so that "since opened" survives a visit elsewhere. */
        this.models = new Map();
        this.digits = 0;
        this.compared = comparison(this.model, null);
        this.member_title = el("span", { text: "Member" });
        this.since_title = el("span", { text: "Since opened" });
        this.table = new Table({
            label: "Ranking",
            columns: [],
            glides: true,
            keyOf: (row) => row.member,
            onPick: (row) => this.onPick(row.member),
            rowClass: (row) =>
                row.member === this.followed
                    ? "followed"
                    : this.friends?.includes(row.member)
                      ? "friend"
                      : "",
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
        /* Pictures for "since", also of a ranking that stands still; "1 min ago" moves on. */
        this.clock = setInterval(() => {
            if (this.model.remember() !== null && !this.waiting) paint(this.draw);
        }, PICTURE_MS / 2);
    }

    /* view: as of boards_address.js; closed: the season is over */
    show(view, closed) {
        this.since = view.since;
        this.friends = view.friends;
        this.followed = view.member;
        const path = topic(
            ["boards", view.board, "top"],
            [["n", view.n], ...scope(view), ["percentile", view.percentile ? "true" : null]],
        );
        const shape = JSON.stringify([view.definition, view.percentile, closed]);
        this.view = view;
        if (shape !== this.shape) {
            this.shape = shape;
            this.element.className = `ranking more-${this.extra(view)}`;
            if (view.percentile) this.element.classList.add("with-percentile");
            this.table.setColumns(this.columnsOf(view, closed));
        }
        if (path === this.path) {
            if (!this.waiting) paint(this.draw);
            return;
        }
        this.path = path;
        const key = viewKey(view);
        const known = this.models.get(key) ?? new Ranking();
        this.models.delete(key);
        this.models.set(key, known); /* as the one looked at last */
        if (this.models.size > MODELS_MAX) this.models.delete(this.models.keys().next().value);
        if (this.model !== known) forgetFit(this.table);
        this.model = known;
        this.model.fades = fades(view.definition);
        this.watch(path);
        setText(this.member_title, view.definition.member ?? "Member");
        if (this.table.rows.length === 0) this.state.replaceChildren(loadingState(12));
    }

    /* Columns beyond the usual: others make room for them (css/table.css). */
    extra({ definition, percentile }) {
        return (definition.subscores ?? []).length + (percentile ? 1 : 0);
    }

    columnsOf({ definition, percentile }, closed) {
        const model = () => this.model;
        const digits = () => this.digits;
        const compared = () => this.compared;
        return [
            columns.rankColumn(),
            !closed && columns.moveColumn(model),
            { ...columns.memberColumn("Member"), head: this.member_title },
            columns.scoreColumn(digits, () => this.model.fades),
            ...(definition.subscores ?? []).map(({ score }, index) =>
                columns.subscoreColumn(index, expression(score)),
            ),
            percentile && columns.percentileColumn(),
            !closed && columns.gainColumn(model, digits),
            !closed && columns.sinceColumn(compared, this.since_title),
            !closed && columns.sinceGainColumn(compared, digits),
            columns.reachedColumn(),
        ].filter(Boolean);
    }

    watch(path) {
        const { model } = this;
        this.stop?.();
        this.waiting = true;
        this.problem = null;
        this.element.classList.add(
            "dim",
        ); /* old values stay, dimmed, until the new ones are here */
        const seasoned = (take) => {
            const before = model.season;
            take();
            if (before !== null && model.season !== before) this.onSeason(model.ended);
            paint(this.draw);
        };
        this.stop = watch(path, {
            snapshot: (answer) => {
                this.waiting = false;
                this.problem = null;
                seasoned(() => model.snapshot(answer));
            },
            change: (message) => seasoned(() => model.change(message)),
            error: (error) => {
                this.problem = error;
                paint(this.draw);
            },
        });
    }

    /* Takes a picture to compare with from now on; returns when, or null if nothing is there. */
    mark() {
        return this.model.remember(true);
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
        this.compare();
        this.table.update(rows);
        this.fit(rows);
        this.drawFoot(rows.length);
        this.onChange();
        clearTimeout(this.timer);
        const until_ms = this.model.lingersUntil();
        if (until_ms !== null)
            this.timer = setTimeout(() => paint(this.draw), Math.max(250, until_ms - Date.now()));
    }

    compare() {
        this.compared = comparison(this.model, this.since);
        const { from_ms } = this.compared;
        setText(
            this.since_title,
            this.since === null ? "Since opened" : `Since ${moment(from_ms).slice(0, 5)}`,
        );
        this.since_title.title =
            from_ms === null ? "" : `Places won or lost since ${moment(from_ms)}`;
    }

    /* The longest number is one of the two ends: no need to write all of them. */
    fit(rows) {
        if (rows.length === 0) return;
        let least = rows[0].score;
        let most = least;
        for (const { score } of rows) {
            if (score < least) least = score;
            if (score > most) most = score;
        }
        fitColumn(this.table, "score", [number(least, this.digits), number(most, this.digits)]);
        fitColumn(this.table, "rank", [number(rows.at(-1).rank)]);
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
        clearInterval(this.clock);
        clearTimeout(this.timer);
        forget(this.draw);
        this.table.close();
    }
}
