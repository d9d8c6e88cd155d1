// SPDX-License-Identifier: Apache-2.0
/*
 * boards_member.js - the followed member: where it stands, and who is around it, live.
 *
 * This is the one thing on the page that a screen reader hears changes of, because somebody asked
 * for it.
 */
import { el, setText } from "../lib/dom.js";
import { topic } from "../lib/api.js";
import { watch } from "../lib/live.js";
import { forget, paint } from "../lib/paint.js";
import { digitsFor, expression, number, percent } from "../lib/format.js";
import { clock, full, moment } from "../lib/when.js";
import { announceLater } from "../lib/announce.js";
import { wash } from "../lib/motion.js";
import { errorState } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { fitColumn, forgetFit } from "../lib/fit.js";
import { Ranking, fades } from "./boards_model.js";
import { scope, viewKey } from "./boards_address.js";
import { Trail, TrailView } from "./boards_trail.js";
import { HistoryView } from "./boards_history.js";
import * as columns from "./boards_columns.js";

const AROUND = 5;

function fact(name) {
    const value = el("dd");
    return { value, element: el("div", null, el("dt", { text: name }), value) };
}

export class MemberView {
    /* options: onPick(member), onClose(), onFriend(member), onSeason(start_ms) */
    constructor(options) {
        Object.assign(this, options);
        this.trails = new Map(); /* what was seen of members, also while another one is followed */
        this.trail = new TrailView("Rank while this page is open");
        this.history = new HistoryView({ onSeason: (start_ms) => this.onSeason(start_ms) });
        this.model = new Ranking();
        this.digits = 0;
        this.facts = {
            rank: fact("Rank"),
            score: fact("Score"),
            percentile: fact("Percentile"),
            reached: fact("Reached"),
        };
        this.name = el("h2");
        this.state = el("div");
        this.body = el(
            "div",
            null,
            el(
                "dl",
                { class: "facts" },
                Object.values(this.facts).map(({ element }) => element),
                (this.subs = el("div", { class: "facts-subs", hidden: true })),
            ),
            this.trail.element,
        );
        this.friend = el("button", {
            type: "button",
            class: "quiet",
            onclick: () => this.onFriend(this.member),
        });
        this.table = new Table({
            label: "Around the followed member",
            columns: [
                columns.rankColumn(),
                columns.moveColumn(() => this.model),
                columns.memberColumn("Around them"),
                columns.scoreColumn(
                    () => this.digits,
                    () => this.model.fades,
                ),
                columns.gapColumn(
                    () => this.own(),
                    () => this.digits,
                ),
            ],
            glides: true,
            keyOf: (row) => row.member,
            onPick: (row) => this.onPick(row.member),
            rowClass: (row) => (row.member === this.member ? "followed" : ""),
        });
        this.body.append(this.table.element, this.history.element);
        this.element = el(
            "aside",
            { class: "aside-panel followed-panel", "aria-label": "Followed member", hidden: true },
            el(
                "header",
                null,
                this.name,
                this.friend,
                el(
                    "button",
                    {
                        type: "button",
                        class: "quiet",
                        title: "Stop following (Esc)",
                        onclick: () => this.onClose(),
                    },
                    "Close",
                ),
            ),
            this.state,
            this.body,
        );
        this.draw = this.draw.bind(this);
        this.stops = [];
    }

    own() {
        return this.answer ?? this.model.rows_by_member.get(this.member) ?? null;
    }

    /* view: as of boards_address.js; closed: its season is over */
    show(view, closed) {
        const { member } = view;
        const friendly = view.friends.includes(member);
        setText(this.friend, friendly ? "In friends ✓" : "Add to friends");
        this.friend.setAttribute("aria-pressed", String(friendly));
        this.history.show(view, member);
        const key = JSON.stringify([viewKey(view), member]);
        if (key === this.key) return;
        this.key = key;
        this.end();
        this.member = member;
        this.element.hidden = !member;
        if (!member) return;
        setText(this.name, member);
        this.name.title = member;
        this.model = new Ranking();
        this.model.fades = fades(view.definition);
        this.closed = closed;
        this.definition = view.definition;
        if (!this.trails.has(key)) this.trails.set(key, new Trail());
        this.trail.element.hidden = true;
        this.answer = null;
        this.problem = null;
        forgetFit(this.table);
        this.element.classList.add("dim");
        const failed = (error) => {
            this.problem = error;
            paint(this.draw);
        };
        const around = [["n", AROUND], ...scope(view)];
        this.stops = [
            watch(topic(["boards", view.board, "members", member], scope(view)), {
                snapshot: (answer) => this.take(answer),
                change: (message) => this.take(message.answer),
                error: failed,
            }),
            watch(topic(["boards", view.board, "around", member], around), {
                snapshot: (answer) => {
                    this.model.snapshot(answer);
                    paint(this.draw);
                },
                change: (message) => {
                    this.model.change(message);
                    paint(this.draw);
                },
                error: failed,
            }),
        ];
    }

    /* Another season has begun: what was seen is of the one before. */
    restart(view) {
        this.trails.delete(this.key);
        this.trails.set(this.key, new Trail());
        this.history.show(view, this.member, true);
    }

    take(answer) {
        const before = this.answer;
        this.answer = answer;
        this.problem = null;
        this.trails.get(this.key).add(Date.now(), answer.rank);
        if (!before || this.model.differs(before, answer))
            announceLater(
                `${answer.member}: rank ${answer.rank} of ${answer.size}, score ${answer.score}`,
            );
        paint(this.draw);
    }

    write(fact_name, text, quiet = false) {
        const { value } = this.facts[fact_name];
        const first = value.textContent === "";
        if (setText(value, text) && !first && !quiet) wash(value);
    }

    draw() {
        this.body.hidden = this.problem !== null;
        if (this.problem) {
            this.element.classList.remove("dim");
            this.state.replaceChildren(
                errorState(
                    this.problem.code === "not_found" ? "Not on this board" : "Cannot follow",
                    this.problem,
                ),
            );
            return;
        }
        this.state.replaceChildren();
        const { answer } = this;
        const rows = this.model.rows();
        this.digits = digitsFor(rows.map((row) => row.score));
        if (answer) {
            this.element.classList.remove("dim");
            this.write("rank", `${number(answer.rank)} of ${number(answer.size)}`);
            this.write("score", number(answer.score, this.digits), this.model.fades);
            this.write("percentile", percent(answer.percentile));
            this.write("reached", moment(answer.reached_at));
            this.facts.reached.value.title = answer.reached_at ? full(answer.reached_at) : "";
            this.drawSubs(answer.subscores ?? []);
            this.drawTrail();
        }
        this.table.update(rows);
        fitColumn(
            this.table,
            "score",
            rows.map((row) => number(row.score, this.digits)),
        );
        fitColumn(
            this.table,
            "rank",
            rows.map((row) => number(row.rank)),
        );
        fitColumn(
            this.table,
            "gap",
            rows.map((row) => columns.gapText(row, this.own(), this.digits)),
        );
        clearTimeout(this.timer);
        const until_ms = this.model.lingersUntil();
        if (until_ms !== null)
            this.timer = setTimeout(() => paint(this.draw), Math.max(250, until_ms - Date.now()));
    }

    drawSubs(subscores) {
        this.subs.hidden = subscores.length === 0;
        const of = (index) => expression(this.definition.subscores?.[index]?.score) || "Subscore";
        this.subs.replaceChildren(
            ...subscores.map((value, index) =>
                el(
                    "div",
                    null,
                    el("dt", { text: of(index) }),
                    el("dd", { text: columns.scoreText(value) }),
                ),
            ),
        );
    }

    drawTrail() {
        const { points } = this.trails.get(this.key);
        this.trail.draw(this.closed ? [] : points, Date.now(), clock, "now");
    }

    end() {
        for (const stop of this.stops) stop();
        this.stops = [];
        clearTimeout(this.timer);
        forget(this.draw);
    }

    close() {
        this.end();
        this.history.close();
        this.table.close();
    }
}
