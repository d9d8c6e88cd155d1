// SPDX-License-Identifier: Apache-2.0
/*
 * boards_columns.js - the columns that rankings share: rank, movement, member, score.
 *
 * Movement is an arrow and a number and a word for screen readers, never colour alone.
 */
import { el } from "../lib/dom.js";
import { number, signed } from "../lib/format.js";
import { moment } from "../lib/when.js";

function places(count) {
    return count > 0 ? `▲ ${number(count)}` : count < 0 ? `▼ ${number(-count)}` : "";
}

/* "▲ 2" in its colour, and "up 2" for the ear. */
export function fillMove(td, text) {
    td.replaceChildren();
    if (!text) return;
    if (!/^[▲▼]/.test(text)) {
        td.append(el("span", { class: "soft", text }));
        return;
    }
    const up = text[0] === "▲";
    td.append(
        el("span", { class: up ? "up" : "down", "aria-hidden": "true", text }),
        el("span", { class: "sr-only", text: `${up ? "up" : "down"} ${text.slice(2)}` }),
    );
}

export function rankColumn() {
    return {
        id: "rank",
        title: "#",
        class: "num rank",
        hint: "Rank",
        text: (row) => number(row.rank),
    };
}

export function moveColumn(model) {
    return {
        id: "move",
        title: "",
        head: el("span", { class: "sr-only", text: "Just moved" }),
        class: "num move",
        text: (row) => (model().recent(row) ? places(row.places) : ""),
        fill: (td, row, text) => fillMove(td, text),
    };
}

export function memberColumn(title) {
    return {
        id: "member",
        title,
        class: "member",
        text: (row) => row.member,
        fill: (td, row, text) => {
            td.textContent = text;
            td.title = text;
        },
    };
}

export function scoreColumn(digits) {
    return {
        id: "score",
        title: "Score",
        class: "num score",
        wash: true,
        text: (row) => number(row.score, digits()),
    };
}

export function gainColumn(model, digits) {
    return {
        id: "gain",
        title: "",
        head: el("span", { class: "sr-only", text: "Just changed by" }),
        class: "num gain wide",
        text: (row) => (model().recent(row) && row.gain ? signed(row.gain, digits()) : ""),
        fill: (td, row, text) =>
            td.replaceChildren(el("span", { class: row.gain > 0 ? "up" : "down", text })),
    };
}

export function sinceColumn() {
    return {
        id: "since",
        title: "Since opened",
        class: "num since",
        hint: "Places won or lost since this page was opened",
        text: (row) =>
            row.opened.entered && row.opened.rank === row.rank
                ? "new"
                : places(row.opened.rank - row.rank),
        fill: (td, row, text) => fillMove(td, text),
    };
}

export function reachedColumn() {
    return {
        id: "reached",
        title: "Reached",
        class: "num reached wide",
        hint: "When the member got this score",
        text: (row) => moment(row.reached_at),
    };
}

/* The difference to the followed member. */
export function gapColumn(followed, digits) {
    return {
        id: "gap",
        title: "Gap",
        class: "num gap",
        hint: "Score compared with the followed member",
        text: (row) => {
            const own = followed();
            return own === null || own.member === row.member
                ? ""
                : signed(row.score - own.score, digits());
        },
    };
}
