// SPDX-License-Identifier: Apache-2.0
/*
 * boards_tools.js - the row of choices above a ranking: board, segment, season, how ranks are
 * counted, since when movement is counted, and the search for a member.
 *
 * Shows what the address says, and tells the page what somebody chose; it decides nothing.
 */
import { el, setText } from "../lib/dom.js";
import { ask, topic } from "../lib/api.js";
import { number } from "../lib/format.js";
import { clock } from "../lib/when.js";
import { Picker, filterOf } from "../lib/picker.js";
import { RANKS } from "./boards_address.js";
import { SPANS_MS } from "./boards_past.js";
import { byPairs, segmentItems } from "./boards_segments.js";
import { CURRENT, hasSeasons, seasonItems, seasonName } from "./boards_seasons.js";
import { scoreText } from "./boards_columns.js";

const FOUND_MAX = 20;
const MARK = "mark";
const SINCE = [
    ["", "page opened"],
    ["1m", "1 min ago"],
    ["5m", "5 min ago"],
    ["1h", "1 h ago"],
    [MARK, "now"],
];

function field(name, control, class_name = "") {
    return el(
        "label",
        { class: `field ${class_name}` },
        el("span", { class: "field-name", text: name }),
        control,
    );
}

function options(pairs) {
    return pairs.map(([value, text]) => el("option", { value, text }));
}

export class Tools {
    /*
     * handlers: boards() -> definitions, onBoard(name), onSegment(by), onSeason(ms | null),
     * onRanks(name), onSince(text | null), onMark(), onPercentile(on), onFriends(),
     * onMember(name), onTable()
     */
    constructor(handlers) {
        this.on = handlers;
        this.board = new Picker({
            label: "Board",
            placeholder: "Choose a board",
            load: (query) => this.boards(query),
            onPick: ({ key }) => this.on.onBoard(key),
        });
        this.segment = new Picker({
            label: "Segment",
            placeholder: "Choose a segment",
            load: (query) => segmentItems(this.view.board, query),
            onPick: ({ by }) => this.on.onSegment(by),
        });
        this.season = new Picker({
            label: "Season",
            placeholder: CURRENT,
            load: (query) => seasonItems(this.view.definition, query),
            onPick: ({ key }) => this.on.onSeason(key || null),
        });
        this.ranks = el(
            "select",
            { onchange: () => this.on.onRanks(this.ranks.value) },
            options(RANKS),
        );
        this.since = el("select", { onchange: () => this.chose() }, options(SINCE));
        this.since_field = field("Movement since", this.since);
        this.percentile = el("button", {
            type: "button",
            onclick: () => this.on.onPercentile(!this.view.percentile),
            text: "Percentile",
        });
        this.friends = el("button", {
            type: "button",
            onclick: () => this.on.onFriends(),
        });
        this.search = new Picker({
            label: "Search a member",
            placeholder: "Name",
            keep: false,
            asks: true,
            hint: "/",
            class: "search",
            load: (query, signal) => this.find(query, signal),
            onPick: ({ key }) => this.on.onMember(key),
            onEmptyDown: () => this.on.onTable(),
        });
        this.element = el(
            "div",
            { class: "tools" },
            this.board.element,
            this.segment.element,
            this.season.element,
            field("Ranks", this.ranks),
            this.since_field,
            this.search.element,
            el("div", { class: "chips tool-buttons" }, this.percentile, this.friends),
        );
        this.segment.element.hidden = this.season.element.hidden = true;
    }

    boards(query) {
        return filterOf(
            this.on.boards().map(({ name, by, stream }) => ({
                key: name,
                text: name,
                note: by?.length ? `by ${by.join(", ")}` : (stream ?? ""),
            })),
        )(query);
    }

    chose() {
        if (this.since.value === MARK) this.on.onMark();
        else this.on.onSince(this.since.value || null);
    }

    async find(query, signal) {
        const { board, by, season } = this.view;
        const pairs = [["search", query], ["n", FOUND_MAX], ...byPairs(by), ["season", season]];
        const { members } = await ask(topic(["boards", board, "members"], pairs), { signal });
        return members.map(({ member, rank, score }) => ({
            key: member,
            text: member,
            note: `#${number(rank)} · ${scoreText(score)}`,
        }));
    }

    /* The board is known, the rest of the view not yet. */
    showBoard(name, definition) {
        this.board.show(name);
        const by = definition?.by ?? [];
        this.segment.element.hidden = by.length === 0;
        setText(this.segment.element.querySelector(".field-name"), by.join(" · ") || "Segment");
        this.season.element.hidden = !definition || !hasSeasons(definition);
    }

    /* seasons: the list, or null if the server has none; closed: the season shown is over */
    show(view, seasons, closed) {
        this.view = view;
        const { definition } = view;
        this.segment.show((definition.by ?? []).map((label) => view.by[label]).join(" · "));
        this.season.element.hidden = !hasSeasons(definition) || seasons === null;
        this.season.show(view.season === null ? CURRENT : seasonName(definition, view.season));
        this.ranks.value = view.ranks;
        this.since_field.hidden = closed;
        const fields = [this.segment.element, this.season.element, this.since_field];
        const shown = fields.filter(({ hidden }) => !hidden).length;
        this.element.classList.toggle("even", shown % 2 === 0); /* with board and ranks */
        this.showSince(view.since);
        this.percentile.setAttribute("aria-pressed", String(view.percentile));
        const { length } = view.friends;
        setText(this.friends, length ? `Friends: ${length}` : "Friends…");
        this.friends.setAttribute("aria-pressed", String(length > 0));
    }

    /* A time that was marked becomes a choice of its own. */
    showSince(since) {
        const marked = since !== null && !(since in SPANS_MS);
        this.marked?.remove();
        if (marked) {
            this.marked = el("option", { value: since, text: clock(Number(since)) });
            this.since.prepend(this.marked);
        }
        this.since.value = since ?? "";
    }
}
