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
import { digitsFor, number, percent } from "../lib/format.js";
import { full, moment } from "../lib/when.js";
import { announceLater } from "../lib/announce.js";
import { wash } from "../lib/motion.js";
import { errorState } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { Ranking } from "./boards_model.js";
import { byPairs } from "./boards_segments.js";
import * as columns from "./boards_columns.js";

const AROUND = 5;

function fact(name) {
    const value = el("dd");
    return { value, element: el("div", null, el("dt", { text: name }), value) };
}

export class MemberView {
    /* options: onPick(member), onClose() */
    constructor(options) {
        Object.assign(this, options);
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
            ),
        );
        this.table = new Table({
            label: "Around the followed member",
            columns: [
                columns.rankColumn(),
                columns.moveColumn(() => this.model),
                columns.memberColumn("Around them"),
                columns.scoreColumn(() => this.digits),
                columns.gapColumn(
                    () => this.own(),
                    () => this.digits,
                ),
            ],
            headerColumn: 2,
            glides: true,
            keyOf: (row) => row.member,
            onPick: (row) => this.onPick(row.member),
            rowClass: (row) => (row.member === this.member ? "followed" : ""),
        });
        this.body.append(this.table.element);
        this.element = el(
            "aside",
            { class: "followed-panel", "aria-label": "Followed member", hidden: true },
            el(
                "header",
                null,
                this.name,
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

    /* view: {board, by, ranks}; member null: nobody is followed. */
    show(view, member) {
        const key = JSON.stringify([view.board, view.by, view.ranks, member]);
        if (key === this.key) return;
        this.key = key;
        this.end();
        this.member = member;
        this.element.hidden = !member;
        if (!member) return;
        setText(this.name, member);
        this.name.title = member;
        this.model = new Ranking();
        this.answer = null;
        this.problem = null;
        this.element.classList.add("dim");
        const by = byPairs(view.by);
        const ranks = ["ranks", view.ranks === "ordinal" ? null : view.ranks];
        const failed = (error) => {
            this.problem = error;
            paint(this.draw);
        };
        this.stops = [
            watch(topic(["boards", view.board, "members", member], [...by, ranks]), {
                snapshot: (answer) => this.take(answer),
                change: (message) => this.take(message.answer),
                error: failed,
            }),
            watch(topic(["boards", view.board, "around", member], [["n", AROUND], ...by, ranks]), {
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

    take(answer) {
        const before = this.answer;
        this.answer = answer;
        this.problem = null;
        if (!before || before.rank !== answer.rank || before.score !== answer.score)
            announceLater(
                `${answer.member}: rank ${answer.rank} of ${answer.size}, score ${answer.score}`,
            );
        paint(this.draw);
    }

    write(fact_name, text) {
        const { value } = this.facts[fact_name];
        const first = value.textContent === "";
        if (setText(value, text) && !first) wash(value);
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
            this.write("score", number(answer.score, this.digits));
            this.write("percentile", percent(answer.percentile));
            this.write("reached", moment(answer.reached_at));
            this.facts.reached.value.title = answer.reached_at ? full(answer.reached_at) : "";
        }
        this.table.update(rows);
        clearTimeout(this.timer);
        const until_ms = this.model.lingersUntil();
        if (until_ms !== null)
            this.timer = setTimeout(() => paint(this.draw), Math.max(250, until_ms - Date.now()));
    }

    end() {
        for (const stop of this.stops) stop();
        this.stops = [];
        clearTimeout(this.timer);
        forget(this.draw);
    }

    close() {
        this.end();
        this.table.close();
    }
}
