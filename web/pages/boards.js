// SPDX-License-Identifier: Apache-2.0
/*
 * boards.js - the Boards page: a ranking, who is followed, friends, and what happens.
 *
 * Every choice is in the address (boards_address.js). This module turns the address into views and
 * choices into addresses.
 */
import { el, setText } from "../lib/dom.js";
import { go, labelsOf, withParams } from "../lib/route.js";
import { ask } from "../lib/api.js";
import { bindKey } from "../lib/keys.js";
import { expression, number } from "../lib/format.js";
import { announce } from "../lib/announce.js";
import { freshness } from "../lib/pill.js";
import { onConnection } from "../lib/live.js";
import { clock, onZone } from "../lib/when.js";
import { firstBoard } from "../lib/first_steps.js";
import { emptyState, errorState, loadingState } from "../lib/states.js";
import { enterTable } from "../lib/table_keys.js";
import { FRIENDS_MAX, usualRanks, viewOf } from "./boards_address.js";
import { byPairs, segmentsOf } from "./boards_segments.js";
import { hasSeasons, seasonName, seasonsOf } from "./boards_seasons.js";
import { Tools } from "./boards_tools.js";
import { RankingView } from "./boards_ranking.js";
import { MemberView } from "./boards_member.js";
import { FriendsView, editFriends } from "./boards_friends.js";
import { HappeningView } from "./boards_happening.js";

class BoardsPage {
    constructor(root, route) {
        this.root = root;
        this.route = route;
        this.definitions = null;
        this.build();
        this.keys = [
            bindKey("/", "search a member", () => this.tools.search.focus()),
            bindKey("f", "friends: whom to compare", () => this.view && this.editFriends()),
            bindKey("n", "movement since now", () => this.view && this.mark()),
            bindKey("Escape", "", () => this.route.params.has("member") && this.follow(null)),
        ];
        let was_lost = false;
        this.ends = [
            onZone(() => this.view && this.showView(this.view)),
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
        this.badge = el("span", { class: "badge", hidden: true });
        this.meta = el("p", { class: "meta" });
        this.tools = new Tools({
            boards: () => this.definitions ?? [],
            onBoard: (name) => go("boards", name, this.kept()),
            onSegment: (by) => this.setBy(by),
            onSeason: (season) => this.refine({ season, n: null }),
            onRanks: (ranks) =>
                this.refine({ ranks: ranks === usualRanks(this.definition) ? null : ranks }),
            onSince: (since) => this.refine({ since }),
            onMark: () => this.mark(),
            onPercentile: (on) => this.refine({ percentile: on ? "1" : null }),
            onFriends: () => this.editFriends(),
            onMember: (member) => this.follow(member),
            onTable: () => enterTable(this.ranking.table),
        });
        const onPick = (member) => this.follow(member);
        const onSeason = (season) => this.refine({ season: String(season), n: null });
        this.ranking = new RankingView({
            onPick: (member) =>
                this.follow(member === this.route.params.get("member") ? null : member),
            onMore: (n) => this.refine({ n }),
            onChange: () => this.drawMeta(),
            onSeason: (ended) => this.seasonEnded(ended),
        });
        this.member = new MemberView({
            onPick,
            onSeason,
            onClose: () => this.follow(null),
            onFriend: (member) => this.toggleFriend(member),
        });
        this.friends = new FriendsView({ onPick, onEdit: () => this.editFriends() });
        this.happening = new HappeningView({
            onPick,
            onSeason,
            onFirst: (first) => this.refine({ first }),
        });
        this.state = el("div", null, loadingState());
        this.content = el(
            "div",
            { class: "split", hidden: true },
            this.ranking.element,
            el(
                "div",
                { class: "board-aside" },
                this.member.element,
                this.friends.element,
                this.happening.element,
            ),
        );
        this.root.append(
            el("header", { class: "page-head" }, this.title, this.badge, this.meta),
            this.tools.element,
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
            replace: "n" in changes && !("season" in changes),
        });
    }

    /* What another board can be looked at with, too. */
    kept() {
        const params = new URLSearchParams();
        for (const name of ["friend", "since", "percentile"])
            for (const value of this.route.params.getAll(name)) params.append(name, value);
        return params;
    }

    follow(member) {
        this.refine({ member });
    }

    mark() {
        const at_ms = this.ranking.mark();
        if (at_ms === null) return;
        this.refine({ since: String(at_ms) });
        announce(`Movement since ${clock(at_ms)}`);
    }

    editFriends() {
        editFriends(this.view.friends, (names) => this.refine({ friend: names }));
    }

    toggleFriend(member) {
        const { friends } = this.view;
        const without = friends.filter((name) => name !== member);
        if (without.length < friends.length) this.refine({ friend: without });
        else if (friends.length < FRIENDS_MAX) this.refine({ friend: [...friends, member] });
        else announce(`${FRIENDS_MAX} friends are the most`);
    }

    setBy(by) {
        const params = new URLSearchParams(
            [...this.route.params].filter(([name]) => !name.startsWith("by.")),
        );
        for (const [name, value] of byPairs(by)) params.append(name, value);
        params.delete("n");
        go("boards", this.route.name, params);
    }

    update(route) {
        this.route = route;
        const { definitions } = this;
        if (!definitions) return;
        if (definitions.length === 0) {
            this.tools.element.hidden = this.content.hidden = true;
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
        this.tools.showBoard(route.name, definition);
        if (!definition) {
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
        const by = labelsOf(route.params, "by.");
        if ((definition.by ?? []).some((label) => !(label in by))) {
            await this.chooseLargest(definition);
            return;
        }
        const view = viewOf(definition, route);
        const known = (start_ms) => this.seasons?.some((one) => one.start_ms === start_ms);
        if (this.seasons_of !== definition.name || (view.season !== null && !known(view.season))) {
            this.seasons = await this.loadSeasons(definition);
            this.seasons_of = definition.name;
        }
        if (this.route === route) this.showView(view);
    }

    /* Not having the list only means that there is nothing to choose from. */
    async loadSeasons(definition, anew = false) {
        if (!hasSeasons(definition)) return null;
        try {
            return await seasonsOf(definition.name, anew);
        } catch {
            return null;
        }
    }

    showView(view) {
        this.view = view;
        const season = this.seasons?.find(({ start_ms }) => start_ms === view.season);
        if (season?.current) view.season = null; /* the address names the one that still runs */
        const closed = view.season !== null;
        this.season = season ?? null;
        this.state.replaceChildren();
        this.content.hidden = false;
        this.content.classList.toggle(
            "has-aside",
            view.member !== null || view.friends.length > 0 || !closed,
        );
        this.tools.show(view, this.seasons, closed);
        this.ranking.show(view, closed);
        this.member.show(view, closed);
        this.friends.show(view);
        this.happening.show(view, closed);
        this.drawMeta();
    }

    async seasonEnded(ended) {
        this.happening.ended(ended);
        this.member.restart(this.view);
        this.seasons = (await this.loadSeasons(this.definition, true)) ?? this.seasons;
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
        const { definition, view } = this;
        if (!definition || !view) return;
        const { size, season } = this.ranking.model;
        const closed = view.season !== null;
        const first = definition.order === "asc" ? "lowest" : "highest";
        this.badge.hidden = !closed;
        setText(this.badge, this.season && !this.season.final ? "closing" : "final");
        setText(
            this.meta,
            [
                closed
                    ? `season ${seasonName(definition, view.season)}`
                    : season && `season since ${seasonName(definition, season)}`,
                size === null ? null : `${number(size)} members`,
                definition.stream ? expression(definition.score) : "scores set directly",
                `${first} first`,
                closed ? null : this.sinceNote(),
                freshness(),
            ]
                .filter(Boolean)
                .join(" · "),
        );
    }

    /* Said only where less is shown than was asked for. */
    sinceNote() {
        const { compared } = this.ranking;
        if (this.view.since === null || !compared.short || compared.from_ms === null) return null;
        return `movement since ${clock(compared.from_ms)}, as far back as this page has seen`;
    }

    unmount() {
        clearInterval(this.clock);
        for (const end of [...this.keys, ...this.ends]) end();
        for (const part of [this.ranking, this.member, this.friends, this.happening]) part.close();
    }
}

export function mount(root, route) {
    return new BoardsPage(root, route);
}
