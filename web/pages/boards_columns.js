// SPDX-License-Identifier: Apache-2.0
/*
 * boards_columns.js - the columns that rankings share: rank, movement, member, score and others.
 *
 * Movement is an arrow and a number and a word for screen readers, never colour alone.
 */
import { el } from "../lib/dom.js";
import { digitsFor, number, percent, signed, signedShort } from "../lib/format.js";
import { difference } from "../lib/json.js";
import { moment } from "../lib/when.js";

/* A number that stands alone, with as many decimals as it needs. */
export function scoreText(value) {
    return number(value, digitsFor([value]));
}

/* Thousands of places, as far down a long board, are told by the thousand. */
function places(count) {
    if (count === 0) return "";
    const size = Math.abs(count);
    const text = size < 1000 ? number(size) : `${number(Math.round(size / 1000))}k`;
    return `${count > 0 ? "▲" : "▼"} ${text}`;
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
        header: true,
        text: (row) => row.member,
        fill: (td, row, text) => {
            td.textContent = text;
            td.title = text;
        },
    };
}

/* What fades by itself is no news: only what an event has changed is washed. */
export function scoreColumn(digits, fades = () => false) {
    return {
        id: "score",
        title: "Score",
        class: "num score",
        wash: (row, before) => !fades() || row.reached_at !== before.reached_at,
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

/* comparison() is the one of boards_past.js; head an element whose text says since when. */
export function sinceColumn(comparison, head) {
    return {
        id: "since",
        title: "",
        head,
        class: "num since",
        text: (row) => {
            const then = comparison().of(row);
            return then === "new" ? "new" : then ? places(then.rank - row.rank) : "";
        },
        fill: (td, row, text) => fillMove(td, text),
    };
}

export function sinceGainColumn(comparison, digits) {
    return {
        id: "since-gain",
        title: "Gained",
        class: "num since-gain",
        hint: "What the score has gained or lost since then",
        text: (row) => {
            const then = comparison().of(row);
            const gain = then && then !== "new" ? difference(row.score, then.score) : 0;
            return gain ? signedShort(gain, digits()) : "";
        },
        fill: (td, row, text) =>
            td.replaceChildren(el("span", { class: text[0] === "+" ? "up" : "down", text })),
    };
}

export function percentileColumn() {
    return {
        id: "percentile",
        title: "Percentile",
        class: "num percentile",
        hint: "The share of the others that do not stand above",
        text: (row) => percent(row.percentile),
    };
}

/* What decides among equal scores: the number index of a board's subscores. */
export function subscoreColumn(index, title) {
    return {
        id: `sub-${index}`,
        title,
        class: "num sub",
        hint: `Decides among equal scores: ${title}`,
        text: (row) => scoreText(row.subscores?.[index]),
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

export function gapText(row, own, digits) {
    return own === null || own.member === row.member
        ? ""
        : signedShort(difference(row.score, own.score), digits);
}

/* The difference to the followed member. */
export function gapColumn(followed, digits) {
    return {
        id: "gap",
        title: "Gap",
        class: "num gap",
        hint: "Score compared with the followed member",
        text: (row) => gapText(row, followed(), digits()),
    };
}
