// SPDX-License-Identifier: Apache-2.0
/*
 * boards_happening.js - what happens on a board: milestones as they fall, who comes into the first
 * n and who goes out of them, and the end of a season.
 *
 * A list, newest first. On a phone it is one line, which opens. What concerns the followed member or
 * a friend is told to screen readers.
 */
import { el, setText } from "../lib/dom.js";
import { topic } from "../lib/api.js";
import { watch } from "../lib/live.js";
import { forget, paint } from "../lib/paint.js";
import { number } from "../lib/format.js";
import { full, moment } from "../lib/when.js";
import { announceLater } from "../lib/announce.js";
import { Happenings } from "./boards_happenings.js";
import { byPairs } from "./boards_segments.js";
import { FIRSTS } from "./boards_address.js";
import { scoreText } from "./boards_columns.js";

const SHOWN_MAX = 10;

const MARKS = { milestone: "◆", entered: "▲", left: "▼", season: "■" };
const CLASSES = { milestone: "warn", entered: "up", left: "down", season: "soft" };

/* In the list, where the choice above it says how many the first are. */
function short(one) {
    if (one.kind === "entered") return `in, at ${number(one.rank)}`;
    if (one.kind === "left") return one.rank ? `out, now ${number(one.rank)}` : "is gone";
    return words(one);
}

function words(one) {
    if (one.kind === "milestone") return `reached ${scoreText(one.milestone)}`;
    const first = `the first ${number(one.first)}`;
    if (one.kind === "entered") return `into ${first}, at ${number(one.rank)}`;
    if (one.kind === "left")
        return one.rank ? `out of ${first}, now ${number(one.rank)}` : "is gone";
    return `won the season with ${scoreText(one.score)}`;
}

export class HappeningView {
    /* options: onPick(member), onFirst(n), onSeason(start_ms) */
    constructor(options) {
        Object.assign(this, options);
        this.lines = new WeakMap(); /* something that happened -> its <li> */
        this.seen = new Map(); /* Happenings by board and segment */
        this.model = new Happenings();
        this.list = el("ol", { class: "happenings" });
        this.empty = el("p", { class: "soft" });
        this.first = el(
            "select",
            {
                "aria-label": "Who enters and leaves",
                onchange: () => this.onFirst(Number(this.first.value)),
            },
            FIRSTS.map((n) => el("option", { value: n, text: `first ${n}` })),
        );
        this.more = el("button", {
            type: "button",
            class: "quiet happening-more",
            onclick: () => this.open(!this.element.classList.contains("open")),
        });
        this.element = el(
            "section",
            { class: "aside-panel happening-panel", "aria-label": "Happening", hidden: true },
            el("header", null, el("h2", { text: "Happening" }), this.first, this.more),
            this.list,
            this.empty,
        );
        this.open(false);
        this.draw = this.draw.bind(this);
    }

    open(open) {
        this.element.classList.toggle("open", open);
        this.more.setAttribute("aria-expanded", String(open));
        setText(this.more, open ? "Less" : "More");
    }

    show(view, closed) {
        this.view = view;
        this.element.hidden = closed;
        const topics = closed ? [] : this.topicsOf(view);
        const key = JSON.stringify(topics);
        if (key === this.key) return;
        this.key = key;
        this.end();
        if (closed) return;
        if (!FIRSTS.includes(view.first) && !this.first.querySelector(`[value="${view.first}"]`))
            this.first.append(
                el("option", { value: view.first, text: `first ${number(view.first)}` }),
            );
        this.first.value = String(view.first);
        const place = JSON.stringify([view.board, view.by]);
        if (!this.seen.has(place)) this.seen.set(place, new Happenings());
        this.model = this.seen.get(place);
        const [changes, milestones] = topics;
        this.stops = [
            watch(changes, {
                change: (message) =>
                    this.told(this.model.changes(message, view.first, Date.now())),
                error: () => {},
            }),
        ];
        if (milestones)
            this.stops.push(
                watch(milestones, {
                    snapshot: ({ milestones: found }) => {
                        this.model.milestones(found);
                        paint(this.draw);
                    },
                    change: ({ milestones: found, at }) =>
                        this.told(this.model.milestones(found, at ?? Date.now())),
                }),
            );
        paint(this.draw);
    }

    topicsOf({ board, definition, by, first }) {
        const pairs = byPairs(by);
        return [
            topic(["boards", board, "changes"], [["n", first], ...pairs]),
            ...(definition.milestones?.length
                ? [topic(["boards", board, "milestones"], [["n", SHOWN_MAX], ...pairs])]
                : []),
        ];
    }

    ended(ended) {
        this.model.season(ended, Date.now());
        paint(this.draw);
    }

    told(fresh) {
        const { member, friends } = this.view;
        for (const one of fresh)
            if (one.member === member || friends.includes(one.member))
                announceLater(`${one.member} ${words(one)}`);
        paint(this.draw);
    }

    draw() {
        const { list } = this.model;
        const { member, friends, definition } = this.view;
        this.list.hidden = list.length === 0;
        this.empty.hidden = list.length > 0;
        this.more.hidden = list.length < 2;
        const marks = definition.milestones ?? [];
        setText(
            this.empty,
            marks.length
                ? `Nothing yet. Milestones: ${marks.map(scoreText).join(" · ")}.`
                : "Nothing yet: who enters and leaves is listed here.",
        );
        const own = (name) => name === member || friends.includes(name);
        this.place(this.model.newest(SHOWN_MAX), own);
    }

    /* Lines that stay are not touched: one of them may have the focus. */
    place(shown, own) {
        const wanted = shown.map((one) => {
            if (!this.lines.has(one)) this.lines.set(one, this.line(one));
            const line = this.lines.get(one);
            line.classList.toggle("own", own(one.member));
            return line;
        });
        for (const line of [...this.list.children]) if (!wanted.includes(line)) line.remove();
        wanted.forEach((line, at) => {
            const there = this.list.children[at];
            if (there !== line) this.list.insertBefore(line, there ?? null);
        });
    }

    line(one) {
        return el(
            "li",
            { "data-kind": one.kind },
            el("time", { class: "soft", text: moment(one.at_ms), title: full(one.at_ms) }),
            el("span", {
                class: `mark-of ${CLASSES[one.kind]}`,
                "aria-hidden": "true",
                text: MARKS[one.kind],
            }),
            el(
                "span",
                { class: "what" },
                one.member !== null &&
                    el("button", {
                        type: "button",
                        class: "name-button",
                        onclick: () => this.onPick(one.member),
                        title: one.member,
                        text: one.member,
                    }),
                one.kind === "season"
                    ? el("button", {
                          type: "button",
                          class: "name-button said",
                          onclick: () => this.onSeason(one.season),
                          text: one.member === null ? "the season is over" : words(one),
                      })
                    : el("span", { class: "said", text: short(one), title: words(one) }),
            ),
        );
    }

    end() {
        for (const stop of this.stops ?? []) stop();
        this.stops = [];
    }

    close() {
        this.end();
        forget(this.draw);
    }
}
