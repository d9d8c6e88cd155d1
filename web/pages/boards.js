// SPDX-License-Identifier: Apache-2.0
/*
 * boards.js - the Boards page: which board, which segment, how ranks are counted, who is followed.
 *
 * All of that is in the address: #/boards/NAME?by.LABEL=VALUE&ranks=dense&n=200&member=NAME. This
 * module turns the address into views and choices into addresses.
 */
import { el, setText } from "../lib/dom.js";
import { go, labelsOf, withParams } from "../lib/route.js";
import { ask, topic } from "../lib/api.js";
import { bindKey } from "../lib/keys.js";
import { expression, number } from "../lib/format.js";
import { freshness } from "../lib/pill.js";
import { onConnection } from "../lib/live.js";
import { onZone } from "../lib/when.js";
import { firstBoard } from "../lib/first_steps.js";
import { emptyState, errorState, loadingState } from "../lib/states.js";
import { Picker, filterOf } from "../lib/picker.js";
import { enterTable } from "../lib/table_keys.js";
import { byPairs, segmentItems, segmentsOf } from "./boards_segments.js";
import { N_MAX, RankingView } from "./boards_ranking.js";
import { MemberView } from "./boards_member.js";

const RANKS = [
    ["ordinal", "1 2 3 4 ordinal"],
    ["competition", "1 2 2 4 competition"],
    ["dense", "1 2 2 3 dense"],
];
const N_FIRST = 100;
const FOUND_MAX = 20;

class BoardsPage {
    constructor(root, route) {
        this.root = root;
        this.route = route;
        this.definitions = null;
        this.build();
        this.keys = [
            bindKey("/", "search a member", () => this.search.focus()),
            bindKey("Escape", "", () => this.route.params.has("member") && this.follow(null)),
        ];
        let was_lost = false;
        this.ends = [
            onZone(() => this.ranking.draw()),
            onConnection(({ state }) => {
                if (state === "live" && was_lost && !this.definitions?.length)
                    this.load(); /* what could not be asked while the server was away */
                was_lost = state === "lost";
                this.drawMeta();
            }),
        ];
        this.clock = setInterval(() => this.drawMeta(), 1000);
        this.load();
    }

    build() {
        this.title = el("h1", { text: "Boards" });
        this.meta = el("p", { class: "meta" });
        this.board = new Picker({
            label: "Board",
            placeholder: "Choose a board",
            load: (query) =>
                filterOf(
                    (this.definitions ?? []).map(({ name, by, stream }) => ({
                        key: name,
                        text: name,
                        note: by?.length ? `by ${by.join(", ")}` : (stream ?? ""),
                    })),
                )(query),
            onPick: ({ key }) => go("boards", key, {}),
        });
        this.segment = new Picker({
            label: "Segment",
            placeholder: "Choose a segment",
            load: (query) => segmentItems(this.route.name, query),
            onPick: ({ by }) => this.setBy(by),
        });
        this.ranks = el(
            "select",
            {
                onchange: () =>
                    this.refine({
                        ranks: this.ranks.value === "ordinal" ? null : this.ranks.value,
                    }),
            },
            RANKS.map(([value, text]) => el("option", { value, text })),
        );
        this.search = new Picker({
            label: "Search a member",
            placeholder: "Name",
            keep: false,
            asks: true,
            hint: "/",
            class: "search",
            load: (query, signal) => this.find(query, signal),
            onPick: ({ key }) => this.follow(key),
            onEmptyDown: () => enterTable(this.ranking.table),
        });
        this.ranking = new RankingView({
            onPick: (member) =>
                this.follow(member === this.route.params.get("member") ? null : member),
            onMore: (n) => this.refine({ n }),
            onChange: () => this.drawMeta(),
        });
        this.member = new MemberView({
            onPick: (member) => this.follow(member),
            onClose: () => this.follow(null),
        });
        this.tools = el(
            "div",
            { class: "tools" },
            this.board.element,
            this.segment.element,
            el(
                "label",
                { class: "field" },
                el("span", { class: "field-name", text: "Ranks" }),
                this.ranks,
            ),
            this.search.element,
        );
        this.state = el("div", null, loadingState());
        this.content = el(
            "div",
            { class: "split", hidden: true },
            this.ranking.element,
            this.member.element,
        );
        this.root.append(
            el("header", { class: "page-head" }, this.title, this.meta),
            this.tools,
            this.state,
            this.content,
        );
    }

    async load() {
        try {
            this.definitions = (await ask("boards")).boards;
        } catch (error) {
            this.definitions = null;
            this.fail("The list of boards", error);
            return;
        }
        this.update(this.route);
    }

    fail(what, error) {
        this.content.hidden = true;
        this.state.replaceChildren(errorState(what, error, () => this.load()));
    }

    refine(changes) {
        go("boards", this.route.name, withParams(this.route.params, changes), {
            replace: "n" in changes,
        });
    }

    follow(member) {
        this.refine({ member });
    }

    setBy(by) {
        const params = new URLSearchParams(
            [...this.route.params].filter(([name]) => !name.startsWith("by.")),
        );
        for (const [name, value] of byPairs(by)) params.append(name, value);
        params.delete("n");
        go("boards", this.route.name, params);
    }

    async find(query, signal) {
        const pairs = [["search", query], ["n", FOUND_MAX], ...byPairs(this.by)];
        const { members } = await ask(topic(["boards", this.route.name, "members"], pairs), {
            signal,
        });
        return members.map(({ member, rank, score }) => ({
            key: member,
            text: member,
            note: `#${number(rank)} · ${number(score)}`,
        }));
    }

    update(route) {
        this.route = route;
        const { definitions } = this;
        if (!definitions) return;
        if (definitions.length === 0) {
            this.tools.hidden = this.content.hidden = true;
            this.state.replaceChildren(
                emptyState(
                    "No board is defined yet",
                    "A board ranks the members of a stream. Define a stream and a board on it:",
                    firstBoard(),
                ),
            );
            return;
        }
        if (!route.name) {
            go("boards", definitions[0].name, route.params, { replace: true });
            return;
        }
        const definition = definitions.find(({ name }) => name === route.name);
        setText(this.title, route.name);
        this.board.show(route.name);
        if (!definition) {
            this.segment.element.hidden = true;
            this.fail(`Board ${route.name}`, {
                code: "not_found",
                message: `No board is named “${route.name}”.`,
            });
            return;
        }
        this.definition = definition;
        this.showBoard(definition, route);
    }

    async showBoard(definition, route) {
        const wanted = definition.by ?? [];
        this.by = labelsOf(route.params, "by.");
        this.segment.element.hidden = wanted.length === 0;
        this.segment.element.querySelector(".field-name").textContent =
            wanted.join(" · ") || "Segment";
        if (wanted.some((label) => !(label in this.by))) {
            await this.chooseLargest(definition);
            return;
        }
        this.segment.show(wanted.map((label) => this.by[label]).join(" · "));
        const ranks = RANKS.some(([name]) => name === route.params.get("ranks"))
            ? route.params.get("ranks")
            : "ordinal";
        const wished = Number.parseInt(route.params.get("n"), 10) || N_FIRST;
        const n = Math.max(1, Math.min(N_MAX, wished));
        const view = { board: route.name, definition, by: this.by, ranks, n };
        const member = route.params.get("member");
        this.ranks.value = ranks;
        this.state.replaceChildren();
        this.content.hidden = false;
        this.content.classList.toggle("has-aside", member !== null);
        this.ranking.follow(member);
        this.ranking.show(view);
        this.member.show(view, member);
        this.drawMeta();
    }

    /* A board in segments needs one: the largest is where most people are. */
    async chooseLargest(definition) {
        try {
            const [largest] = await segmentsOf(definition.name);
            if (this.route.name !== definition.name) return;
            if (largest) {
                const params = withParams(
                    this.route.params,
                    Object.fromEntries(byPairs(largest.by)),
                );
                go("boards", definition.name, params, { replace: true });
                return;
            }
            this.content.hidden = true;
            this.state.replaceChildren(
                emptyState(
                    "No segment has members yet",
                    `They appear with the first event on stream “${definition.stream}”.`,
                ),
            );
        } catch (error) {
            this.fail(`The segments of ${definition.name}`, error);
        }
    }

    drawMeta() {
        const { definition } = this;
        if (!definition) return;
        const { size } = this.ranking.model;
        const first = definition.order === "asc" ? "lowest" : "highest";
        setText(
            this.meta,
            [
                size === null ? null : `${number(size)} members`,
                definition.stream ? expression(definition.score) : "scores set directly",
                `${first} first`,
                freshness(),
            ]
                .filter(Boolean)
                .join(" · "),
        );
    }

    unmount() {
        clearInterval(this.clock);
        for (const end of [...this.keys, ...this.ends]) end();
        this.ranking.close();
        this.member.close();
    }
}

export function mount(root, route) {
    return new BoardsPage(root, route);
}
