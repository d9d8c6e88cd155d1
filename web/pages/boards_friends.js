// SPDX-License-Identifier: Apache-2.0
/*
 * boards_friends.js - a list of members among each other: friends, a guild, a class.
 *
 * The list is in the address, so a link shares it. It is asked for in one go, whatever the size of
 * the board; who has no score there is named.
 */
import { el, freshId, setText } from "../lib/dom.js";
import { topic } from "../lib/api.js";
import { watch } from "../lib/live.js";
import { forget, paint } from "../lib/paint.js";
import { digitsFor, number } from "../lib/format.js";
import { fitColumn, forgetFit } from "../lib/fit.js";
import { errorState } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { Ranking, fades } from "./boards_model.js";
import { FRIENDS_MAX, scope } from "./boards_address.js";
import * as columns from "./boards_columns.js";

/* Asks for names, one a line; on_done gets them. */
export function editFriends(names, on_done) {
    const id = freshId("friends");
    const note = el("p", { class: "soft", id: `${id}-note` });
    const field = el("textarea", {
        rows: 10,
        spellcheck: "false",
        autocapitalize: "off",
        "aria-labelledby": `${id}-title`,
        "aria-describedby": `${id}-note`,
        value: names.join("\n"),
    });
    const read = () => [
        ...new Set(
            field.value
                .split("\n")
                .map((line) => line.trim())
                .filter(Boolean),
        ),
    ];
    const save = el("button", {
        type: "button",
        text: "Show them",
        onclick: () => {
            const chosen = read();
            dialog.close();
            on_done(chosen);
        },
    });
    const count = () => {
        const { length } = read();
        save.disabled = length > FRIENDS_MAX;
        setText(
            note,
            length > FRIENDS_MAX
                ? `${number(length)} names; ${FRIENDS_MAX} are the most`
                : "One name a line, as the board spells it. The list becomes part of the address.",
        );
    };
    const dialog = el(
        "dialog",
        { class: "keys chooser", "aria-labelledby": `${id}-title` },
        el("h2", { id: `${id}-title`, text: "Friends to compare" }),
        field,
        note,
        el(
            "div",
            { class: "chips" },
            save,
            el("button", {
                type: "button",
                class: "quiet",
                onclick: () => dialog.close(),
                text: "Cancel",
            }),
        ),
    );
    field.addEventListener("input", count);
    dialog.addEventListener("close", () => dialog.remove());
    count();
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
}

export class FriendsView {
    /* options: onPick(member), onEdit() */
    constructor(options) {
        Object.assign(this, options);
        this.model = new Ranking();
        this.digits = 0;
        this.table = new Table({
            label: "Friends",
            columns: [
                { ...columns.rankColumn(), hint: "Rank among them" },
                columns.moveColumn(() => this.model),
                columns.memberColumn("Member"),
                columns.scoreColumn(
                    () => this.digits,
                    () => this.model.fades,
                ),
                {
                    id: "overall",
                    title: "Overall",
                    class: "num overall",
                    hint: "Rank on the whole board",
                    text: (row) => `#${number(row.overall_rank)}`,
                },
            ],
            glides: true,
            keyOf: (row) => row.member,
            onPick: (row) => this.onPick(row.member),
            rowClass: (row) => (row.member === this.followed ? "followed" : ""),
        });
        this.missing = el("p", { class: "soft small" });
        this.state = el("div");
        this.body = el("div", null, this.table.element, this.missing);
        this.element = el(
            "section",
            { class: "aside-panel friends-panel", "aria-label": "Friends", hidden: true },
            el(
                "header",
                null,
                el("h2", { text: "Friends" }),
                el(
                    "button",
                    { type: "button", class: "quiet", onclick: () => this.onEdit() },
                    "Edit list",
                ),
            ),
            this.state,
            this.body,
        );
        this.draw = this.draw.bind(this);
    }

    show(view) {
        this.followed = view.member;
        const path = view.friends.length
            ? topic(
                  ["boards", view.board, "among"],
                  [...view.friends.map((name) => ["member", name]), ...scope(view)],
              )
            : null;
        if (path === this.path) {
            paint(this.draw);
            return;
        }
        this.path = path;
        this.stop?.();
        this.stop = null;
        this.element.hidden = path === null;
        if (path === null) return;
        this.model = new Ranking();
        this.model.fades = fades(view.definition);
        forgetFit(this.table);
        this.element.classList.add("dim");
        this.stop = watch(path, {
            snapshot: (answer) => {
                this.problem = null;
                this.absent = answer.missing ?? [];
                this.model.snapshot(answer);
                paint(this.draw);
            },
            change: (message) => {
                this.absent = message.missing ?? this.absent;
                this.model.change(message);
                paint(this.draw);
            },
            error: (error) => {
                this.problem = error;
                paint(this.draw);
            },
        });
    }

    draw() {
        this.body.hidden = Boolean(this.problem);
        if (this.problem) {
            this.element.classList.remove("dim");
            this.state.replaceChildren(errorState("Cannot compare them", this.problem));
            return;
        }
        this.state.replaceChildren();
        const rows = this.model.rows();
        if (this.model.size === null) return;
        this.element.classList.remove("dim");
        this.digits = digitsFor(rows.map((row) => row.score));
        this.table.element.hidden = rows.length === 0;
        this.table.update(rows);
        fitColumn(
            this.table,
            "score",
            rows.map(({ score }) => number(score, this.digits)),
        );
        fitColumn(
            this.table,
            "overall",
            rows.map((row) => `#${number(row.overall_rank)}`),
        );
        const absent = this.absent ?? [];
        this.missing.hidden = absent.length === 0;
        setText(this.missing, `No score here: ${absent.join(", ")}`);
        clearTimeout(this.timer);
        const until_ms = this.model.lingersUntil();
        if (until_ms !== null)
            this.timer = setTimeout(() => paint(this.draw), Math.max(250, until_ms - Date.now()));
    }

    close() {
        this.stop?.();
        clearTimeout(this.timer);
        forget(this.draw);
        this.table.close();
    }
}
