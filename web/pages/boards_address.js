// SPDX-License-Identifier: Apache-2.0
/*
 * boards_address.js - what the address of the Boards page says: #/boards/NAME?...
 *
 *     by.LABEL=VALUE  the segment             since=5m      movement since then: 1m, 5m, 1h, or ms
 *     season=MS       a season, by its start  first=10      who enters and leaves the first 10
 *     ranks=dense     how ranks are counted   member=NAME   who is followed
 *     percentile=1    with percentiles        friend=NAME   one of a list, repeated
 *     n=200           how many rows
 */
import { labelsOf } from "../lib/route.js";
import { byPairs } from "./boards_segments.js";
import { sinceTime } from "./boards_past.js";

export const RANKS = [
    ["ordinal", "1 2 3 4 ordinal"],
    ["competition", "1 2 2 4 competition"],
    ["dense", "1 2 2 3 dense"],
];
export const FIRSTS = [3, 10, 50, 100];
export const N_MAX = 10000; /* the server's own limit of a page, unless it was changed */
export const FRIENDS_MAX = 100;
const N_FIRST = 100;
const FIRST = 10;

/* Boards whose members share ranks are counted so unless something else is chosen. */
export function usualRanks(definition) {
    return definition.ties === "shared" ? "competition" : "ordinal";
}

function whole(text, usual, max) {
    const value = Number.parseInt(text, 10);
    return Number.isNaN(value) ? usual : Math.max(1, Math.min(max, value));
}

/* {board, definition, by, season, ranks, percentile, n, since, first, member, friends} */
export function viewOf(definition, { params }) {
    const ranks = params.get("ranks");
    const since = params.get("since");
    const season = Number.parseInt(params.get("season"), 10);
    return {
        board: definition.name,
        definition,
        by: labelsOf(params, "by."),
        season: Number.isNaN(season) ? null : season,
        ranks: RANKS.some(([name]) => name === ranks) ? ranks : usualRanks(definition),
        percentile: params.get("percentile") === "1",
        n: whole(params.get("n"), N_FIRST, N_MAX),
        since: sinceTime(since, Date.now()) === null ? null : since,
        first: whole(params.get("first"), FIRST, N_MAX),
        member: params.get("member"),
        friends: [...new Set(params.getAll("friend"))].slice(0, FRIENDS_MAX),
    };
}

/* What every read of a view has in its query. */
export function scope({ definition, by, season, ranks }) {
    return [
        ...byPairs(by),
        ["season", season],
        ["ranks", ranks === usualRanks(definition) ? null : ranks],
    ];
}

/* Two views with the same key show the same members in the same order. */
export function viewKey({ board, by, season, ranks }) {
    return JSON.stringify([board, by, season, ranks]);
}
