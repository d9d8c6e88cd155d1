// SPDX-License-Identifier: Apache-2.0
/*
 * data.test.mjs - the parts of the dashboard that need no browser: parsing, models, formats.
 *
 * Run with: node --test web/test
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EventParser } from "../lib/sse.js";
import { columnsOf, gapsIn, spread } from "../lib/chart_data.js";
import { timeTicks, valueRange, valueTicks } from "../lib/chart_axes.js";
import { bytes, compact, digitsFor, folded, number, signedShort, span } from "../lib/format.js";
import { Ranking, LINGER_MS, fades } from "../pages/boards_model.js";
import { PICTURE_MS, Past, comparison, sinceTime } from "../pages/boards_past.js";
import { Happenings } from "../pages/boards_happenings.js";
import { Trail, stepPath } from "../pages/boards_trail.js";
import { viewOf, scope } from "../pages/boards_address.js";
import { SeriesModel, stepsFor } from "../pages/metrics_model.js";
import { csvOf } from "../pages/metrics_export.js";

test("events arrive whole however the bytes are cut", () => {
    const text =
        ': keep-alive\n\nid: a-1\nevent: snapshot\ndata: {"n":1}\n\ndata: {"n":\r\ndata: 2}\r\n\r\n';
    for (let size = 1; size <= text.length; size++) {
        const got = [];
        const parser = new EventParser((data) => got.push(JSON.parse(data).n));
        for (let at = 0; at < text.length; at += size) parser.push(text.slice(at, at + size));
        assert.deepEqual(got, [1, 2], `cut every ${size}`);
    }
});

test("a gap is a gap, a slow rhythm is not", () => {
    assert.deepEqual(gapsIn([0, 10, 20, 60, 70, 80], 10), [30]);
    assert.deepEqual(gapsIn([0, 30, 60, 90, 120], 10), []);
    assert.deepEqual(gapsIn([0, 10], 10), []);
});

test("provisional points are apart, and joined to their final neighbours", () => {
    const { times, finals, provisionals, provisional_from_ms } = columnsOf(
        [
            {
                points: [
                    [0, 1, "final"],
                    [10, 2, "final"],
                    [20, 3, "provisional"],
                ],
            },
            { points: [[10, 7, "final"]] },
        ],
        10,
    );
    assert.deepEqual(times, [0, 10, 20]);
    assert.deepEqual(finals, [
        [1, 2, null],
        [null, 7, null],
    ]);
    assert.deepEqual(provisionals, [
        [null, 2, 3],
        [null, null, null],
    ]);
    assert.equal(provisional_from_ms, 20);
    assert.equal(columnsOf([{ points: [[0, 1, "final"]] }], 10).provisional_from_ms, null);
});

test("labels are spread apart and stay inside", () => {
    for (const wanted of [[50], [50, 50, 50], [0, 1, 2, 90], [98, 99, 100], [10, 11, 30, 31, 32]]) {
        const places = spread(wanted, 10, 0, 100);
        places.forEach((place, at) => {
            assert.ok(place >= -1e-9 && place <= 100 + 1e-9, `${wanted}: ${places}`);
            assert.ok(at === 0 || place - places[at - 1] >= 10 - 1e-9, `${wanted}: ${places}`);
        });
    }
    assert.deepEqual(spread([50, 50], 10, 0, 100), [45, 55]);
});

test("axes name times from seconds to decades", () => {
    const day = 86400000;
    assert.deepEqual(timeTicks([Date.UTC(2005, 0, 1), Date.UTC(2010, 0, 1)], 5 * 365 * day), [
        "2005",
        "2010",
    ]);
    assert.deepEqual(
        timeTicks([Date.UTC(2013, 10, 1), Date.UTC(2013, 11, 1), Date.UTC(2014, 0, 1)], 30 * day),
        ["Nov\n2013", "Dec", "Jan\n2014"],
    );
    assert.deepEqual(
        timeTicks([Date.UTC(2024, 1, 3, 9, 5, 7), Date.UTC(2024, 1, 3, 9, 5, 8)], 1000),
        ["09:05:07\n2024-02-03", "09:05:08"],
    );
    assert.deepEqual(valueTicks([0, 0.25, 0.5], 0.25), ["0.00", "0.25", "0.50"]);
    assert.deepEqual(valueTicks([0, 20000, 40000], 20000), ["0", "20k", "40k"]);
});

test("the value axis begins at zero where height is the meaning", () => {
    assert.equal(valueRange(900, 1000, true)[0], 0);
    assert.ok(valueRange(2500, 2600, false)[0] > 2400);
    assert.ok(valueRange(5, 5, false)[0] < 5 && valueRange(5, 5, false)[1] > 5);
});

test("numbers read well at every size", () => {
    assert.equal(number(-1234567.5, 1), "−1,234,567.5");
    assert.equal(compact(1234567), "1.23M");
    assert.equal(compact(999999), "1.00M");
    assert.equal(compact(8341), "8,341");
    assert.equal(bytes(1023), "1,023 B");
    assert.equal(bytes(1024 * 1024 * 1.5), "1.5 MiB");
    assert.equal(bytes(1024 * 1024 - 1), "1.0 MiB");
    assert.equal(span(30 * 86400000), "30 d");
    assert.equal(span(4260000), "1 h 11 min");
    assert.equal(digitsFor([1, 2.5, 30]), 2);
    assert.equal(folded("Åse Łukasz Íñigo"), "ase lukasz inigo");
});

test("a ranking tells the last movement for a while and the one since it was opened", () => {
    let now_ms = 1000;
    const ranking = new Ranking(() => now_ms);
    const entry = (rank, member, score) => ({ rank, member, score, reached_at: rank });
    ranking.snapshot({
        size: 3,
        entries: [entry(1, "a", 30), entry(2, "b", 20), entry(3, "c", 10)],
    });
    now_ms += 10;
    ranking.change({
        changed: [entry(1, "c", 40), entry(2, "a", 30), entry(3, "b", 20)],
        removed: [],
        size: 4,
    });
    let rows = ranking.rows();
    assert.deepEqual(
        rows.map(({ member, places, gain }) => [member, places, gain]),
        [
            ["c", 2, 30],
            ["a", -1, 0],
            ["b", -1, 0],
        ],
    );
    assert.equal(ranking.size, 4);
    assert.ok(ranking.recent(rows[0]));
    now_ms += LINGER_MS;
    assert.ok(!ranking.recent(rows[0]));
    assert.equal(ranking.lingersUntil(), null);
    ranking.change({ changed: [entry(3, "d", 25)], removed: ["b"] });
    rows = ranking.rows();
    assert.deepEqual(
        rows.map(({ member }) => member),
        ["c", "a", "d"],
    );
    assert.ok(rows[2].opened.entered);
    assert.equal(rows[0].opened.rank - rows[0].rank, 2);
    ranking.snapshot({ size: 4, entries: [entry(1, "c", 40), entry(2, "b", 35)] });
    assert.equal(
        ranking.rows()[1].opened.rank,
        2,
        "who comes back keeps the rank it was first seen with",
    );
});

test("members who share a rank keep one order", () => {
    const ranking = new Ranking();
    ranking.snapshot({
        size: 3,
        entries: [
            { rank: 1, member: "z", score: 5, reached_at: 1 },
            { rank: 1, member: "b", score: 5, reached_at: 2 },
            { rank: 1, member: "a", score: 5, reached_at: 2 },
        ],
    });
    assert.deepEqual(
        ranking.rows().map(({ member }) => member),
        ["z", "a", "b"],
    );
});

test("series merge by labels and time, and the window moves along", () => {
    const model = new SeriesModel(3);
    const points = (from, count) =>
        Array.from({ length: count }, (_, at) => [from + at, at, "final"]);
    model.snapshot({
        unit_ms: 1,
        step_ms: 1,
        series: [
            { labels: { r: "EU" }, points: points(0, 3) },
            { labels: { r: "US" }, points: points(0, 3) },
        ],
    });
    model.change({
        changed: [
            {
                labels: { r: "EU" },
                points: [
                    [2, 9, "final"],
                    [3, 5, "provisional"],
                ],
            },
        ],
    });
    assert.deepEqual(model.points(model.series.get("EU")), [
        [1, 1, "final"],
        [2, 9, "final"],
        [3, 5, "provisional"],
    ]);
    assert.deepEqual(model.points(model.series.get("US")), [
        [1, 1, "final"],
        [2, 2, "final"],
    ]);
    model.change({ changed: [{ labels: { r: "APAC" }, points: [[3, 99, "final"]] }] });
    assert.deepEqual(
        model.shown([]).map(({ key }) => key),
        ["APAC", "EU", "US"],
    );
    assert.deepEqual(
        model.shown(["US", "gone"]).map(({ key }) => key),
        ["US"],
    );
});

test("of many series the dozen with the highest last value is shown", () => {
    const model = new SeriesModel(null);
    model.snapshot({
        unit_ms: 1,
        step_ms: 1,
        series: Array.from({ length: 40 }, (_, at) => ({
            labels: { n: String(at) },
            points: [
                [0, 100 - at, "final"],
                [1, at, "final"],
            ],
        })),
    });
    assert.equal(model.top.length, 12);
    assert.deepEqual(model.top.slice(0, 2), ["39", "38"]);
    assert.ok(stepsFor(1000).every((ms) => ms % 1000 === 0));
});

test("CSV quotes what needs it and disarms formulas", () => {
    const text = csvOf("m", [
        { labels: { who: 'Carlsen, "M"' }, points: [[0, 1.5, "final"]] },
        { labels: { who: "=1+1" }, points: [[1000, -2, "provisional"]] },
    ]);
    assert.equal(
        text,
        'time,who,m,state\r\n1970-01-01T00:00:00.000Z,"Carlsen, ""M""",1.5,final\r\n1970-01-01T00:00:01.000Z,\'=1+1,-2,provisional\r\n',
    );
});

const entry = (rank, member, score) => ({ rank, member, score, reached_at: 1 });

test("moves add up for a moment only", () => {
    let now_ms = 0;
    const ranking = new Ranking(() => now_ms);
    const row = () => ranking.rows_by_member.get("a");
    ranking.snapshot({ size: 90, entries: [entry(90, "a", 0)] });
    for (let step = 1; step <= 20; step++) {
        now_ms += LINGER_MS / 4;
        ranking.change({ changed: [entry(90 - step, "a", step)] });
        assert.ok(row().places <= 5 && row().gain <= 5, `step ${step}: ${row().places}`);
        assert.ok(ranking.recent(row()));
    }
    assert.equal(row().opened.rank, 90);
});

test("what fades is not news, what an event changed is", () => {
    assert.ok(fades({ score: "decayed_sum(points, 7d)" }) && !fades({ score: "sum(points)" }));
    const ranking = new Ranking(() => 1e6);
    ranking.fades = true;
    ranking.snapshot({ size: 1, entries: [entry(1, "a", 10)] });
    ranking.change({ changed: [entry(1, "a", 9)] });
    assert.equal(ranking.rows()[0].moved_ms, 0);
    ranking.change({ changed: [{ ...entry(1, "a", 12), reached_at: 2 }] });
    assert.equal(ranking.rows()[0].moved_ms, 1e6);
});

test("a ranking is compared with how it stood at a chosen time", () => {
    let now_ms = 1e12;
    const ranking = new Ranking(() => now_ms);
    const of = (since, member) =>
        comparison(ranking, since).of(ranking.rows().find((row) => row.member === member));
    ranking.snapshot({ size: 3, entries: [entry(1, "a", 30), entry(2, "b", 20)] });
    now_ms += 2 * 60000;
    ranking.change({ changed: [entry(2, "a", 30), entry(1, "b", 40)] });
    now_ms += 30000;
    assert.deepEqual(of("1m", "b"), { rank: 2, score: 20 }, "before the change");
    const marked_ms = ranking.remember(true);
    now_ms += 1000;
    ranking.change({ changed: [entry(1, "c", 50), entry(2, "b", 40)], removed: ["a"] });
    assert.deepEqual(of(String(marked_ms), "b"), { rank: 1, score: 40 });
    assert.equal(of(String(marked_ms), "c"), "new", "it was not among the first two");
    const hour = comparison(ranking, "1h");
    assert.ok(hour.short && hour.from_ms === 1e12, "the page has not seen that far back");
    assert.equal(sinceTime("nonsense", now_ms), null);
});

test("pictures are thinned out, the first and the chosen ones stay", () => {
    let now_ms = 60000 * 1000;
    const past = new Past(() => now_ms);
    const began_ms = now_ms;
    let chosen_ms = 0;
    for (let step = 0; step < 3 * 360; step++) {
        const chosen = step === 100;
        if (chosen) chosen_ms = now_ms;
        past.remember([entry(1, "a", step)], 1, chosen);
        now_ms += PICTURE_MS;
    }
    assert.ok(past.pictures.length < 110, `${past.pictures.length} pictures`);
    assert.equal(past.first_ms, began_ms);
    assert.equal(past.at(chosen_ms).at_ms, chosen_ms);
    for (const [back_ms, near_ms] of [
        [60000, PICTURE_MS],
        [300000, PICTURE_MS],
        [3600000, 60000],
    ]) {
        const off_ms = now_ms - back_ms - past.at(now_ms - back_ms).at_ms;
        assert.ok(off_ms >= 0 && off_ms <= near_ms, `${back_ms}: off by ${off_ms}`);
    }
});

test("another season begins anew, and the last one has a winner", () => {
    const ranking = new Ranking(() => 5000);
    ranking.snapshot({ season: 1, size: 2, entries: [entry(1, "a", 9), entry(2, "b", 8)] });
    ranking.change({ season: 2, size: 1, changed: [entry(1, "b", 1)], removed: ["a"] });
    assert.equal(ranking.ended.season, 1);
    assert.equal(ranking.ended.first.member, "a");
    const [row] = ranking.rows();
    assert.deepEqual([row.places, row.opened.score, ranking.rows().length], [0, 1, 1]);
});

test("neither milestones nor entries crowd the others out", () => {
    const happenings = new Happenings();
    happenings.changes({ entered: [entry(3, "x", 1)], left: [], at: 1 }, 3, 0);
    const fired = Array.from({ length: 30 }, (_, at) => ({
        milestone: 5,
        member: `m${at}`,
        score: 5,
        reached_at: 10 + at,
    }));
    happenings.milestones(fired, 50);
    assert.equal(happenings.milestones(fired).length, 0, "a snapshot repeats what is known");
    const shown = happenings.newest(10);
    assert.equal(shown.length, 10);
    assert.ok(shown.slice(0, 9).every(({ at_ms }) => at_ms === 50), "by when it was told");
    assert.equal(shown.at(-1).member, "x", "and the entry is among them");
});

test("a line of ranks holds each one until the next", () => {
    const trail = new Trail();
    for (const [ms, rank] of [
        [0, 8],
        [5, 8],
        [10, 1],
    ])
        trail.add(ms, rank);
    assert.deepEqual(trail.points, [
        [0, 8],
        [10, 1],
    ]);
    assert.equal(stepPath(trail.points, 20), "M0.0 66.0H180.0V6.0H360.0");
});

test("an address is read with what it leaves out", () => {
    const route = (text) => ({ params: new URLSearchParams(text) });
    const usual = viewOf({ name: "x", ties: "shared" }, route("ranks=odd&n=-4&since=never"));
    assert.deepEqual(
        [usual.ranks, usual.n, usual.since, usual.season, usual.first],
        ["competition", 1, null, null, 10],
    );
    const view = viewOf(
        { name: "x" },
        route("ranks=dense&season=17&by.r=EU&friend=a&friend=b&friend=a&percentile=1"),
    );
    assert.deepEqual(view.friends, ["a", "b"]);
    assert.deepEqual(scope(view), [
        ["by.r", "EU"],
        ["season", 17],
        ["ranks", "dense"],
    ]);
});

test("a difference that would be cut is told shortly", () => {
    assert.equal(signedShort(999999), "+999,999");
    assert.equal(signedShort(-1234567890123), "−1.23T");
});
