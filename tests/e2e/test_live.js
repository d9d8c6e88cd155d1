// SPDX-License-Identifier: Apache-2.0
/* test_live.js - what comes is shown; what is lost is said, and mended. */
import assert from "node:assert/strict";
import { chartPrint, openPage, shoot } from "./browser.js";
import { sleep } from "./server.js";
import { REGIONS, play, player } from "./sample.js";

const RANKING = 'table[aria-label="Ranking"]';
const VALUES = 'table[aria-label="Values"]';

const rowOf = (page, member) => page.locator(`${RANKING} tbody tr`, { hasText: member }).first();
const digits = (text) => Number(text.replace(/[^0-9.-]/g, ""));

export function assertClean(page) {
    const { console: said, outside, policy, failed } = page.watched;
    assert.deepEqual(said, [], "the console is quiet");
    assert.deepEqual(outside, [], "nobody else is asked for anything");
    assert.deepEqual(policy, [], "the content security policy stops nothing");
    assert.deepEqual(failed, [], "no request fails");
}

export async function until(what, check, ms = 10000) {
    const end_ms = Date.now() + ms;
    let last;
    for (;;) {
        last = await check();
        if (last) return last;
        if (Date.now() > end_ms) throw new Error(`${what}: not within ${ms} ms`);
        await sleep(30);
    }
}

async function score(page, member) {
    return digits(await rowOf(page, member).locator("td.score").innerText());
}

async function boardMoves(browser, server) {
    const page = await openPage(browser, `${server.url}/#/boards/season`, {});
    await rowOf(page, player(0)).waitFor();
    assert.equal(
        await page.locator(`${RANKING} tbody tr`).first().getAttribute("aria-hidden"),
        null,
    );
    const second = await page
        .locator(`${RANKING} td.member, ${RANKING} th.member`)
        .nth(2)
        .innerText();
    const before = await score(page, second);
    const index = [...Array(160).keys()].find((at) => player(at) === second);
    const loaded = await page.evaluate(() => (globalThis.still_here = 1));
    assert.equal(loaded, 1);
    await server.send("plays", [play(index, 7)]);
    await until("the score changes", async () => (await score(page, second)) === before + 7, 3000);
    await server.send("plays", [play(index, 200000)]);
    await until(
        "the row climbs to the top",
        async () => {
            const text = await rowOf(page, second).locator("td.rank").innerText();
            return text === "1";
        },
        3000,
    );
    assert.equal(await page.evaluate(() => globalThis.still_here), 1, "without a reload");
    assertClean(page);
    await page.context().close();
}

async function chartMoves(browser, server) {
    const page = await openPage(browser, `${server.url}/#/metrics/plays_by_region`, {});
    await page.locator(".chart canvas").waitFor();
    await until("the chart is drawn", () => chartPrint(page));
    await sleep(300);
    const before = await chartPrint(page);
    const newest = () => page.locator(`${VALUES} tbody tr:has(.time)`).first().innerText();
    const first = await newest();
    await server.send(
        "plays",
        REGIONS.flatMap((_, at) => Array.from({ length: 50 }, () => play(at, 1))),
    );
    await until("the chart changes", async () => (await chartPrint(page)) !== before, 3000);
    await until("the table of values changes", async () => (await newest()) !== first, 3000);
    await until(
        "what may still change is marked",
        async () => (await newest()).includes("~"),
        3000,
    );
    assertClean(page);
    await page.context().close();
}

async function overviewMoves(browser, server) {
    const page = await openPage(browser, `${server.url}/`, {});
    const note = page.locator(".tile .note").first();
    await until("the tiles are there", () => note.isVisible());
    const before = await note.innerText();
    await server.send(
        "plays",
        Array.from({ length: 1500 }, (_, at) => play(at % 160, 1)),
    );
    await until("the count of events grows", async () => (await note.innerText()) !== before, 5000);
    await page.locator('table[aria-label="Busiest streams"]').getByText("plays").waitFor();
    assertClean(page);
    await page.context().close();
}

async function followed(browser, server) {
    const page = await openPage(browser, `${server.url}/#/boards/season`, {});
    await page.locator(`${RANKING} td.score`).first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type(player(5).slice(0, 6).toLowerCase());
    await page.locator('[role="option"]', { hasText: player(5) }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const panel = page.locator(".followed-panel");
    await panel.waitFor();
    const name = await panel.locator("h2").innerText();
    const index = [...Array(160).keys()].find((at) => player(at) === name);
    const shown = () => panel.locator("dd").nth(1).innerText();
    await until("its score is shown", async () => digits(await shown()) > 0);
    const before = digits(await shown());
    await server.send("plays", [play(index, 11)]);
    await until("its score follows", async () => digits(await shown()) === before + 11, 3000);
    assert.match(page.url(), /member=/, "the address holds who is followed");
    await shoot(page, "boards-member-1280-light");
    assertClean(page);
    await page.context().close();
}

/* kill -9, and back on the same port: the page says so, and mends itself. */
async function lostAndFound(browser, server) {
    const board = await openPage(browser, `${server.url}/#/boards/season`, {});
    const chart = await openPage(browser, `${server.url}/#/metrics/plays_by_region`, {});
    await rowOf(board, player(0)).waitFor();
    await until("the chart is drawn", () => chartPrint(chart));
    const before = await score(board, player(0));
    board.watched.lost = chart.watched.lost = true;
    await server.kill();
    for (const page of [board, chart]) {
        const pill = page.locator("#pill");
        await until(
            "the loss is said",
            async () => (await pill.getAttribute("data-kind")) === "lost",
        );
        assert.match(await pill.innerText(), /Connection lost/);
        assert.match(await page.locator(".meta").innerText(), /as of/, "and since when");
        assert.equal(await page.locator("#pill button").isVisible(), true, "one can try at once");
    }
    assert.equal(await score(board, player(0)), before, "what was seen stays");
    await shoot(board, "lost-boards-1280-light");
    await shoot(chart, "lost-metrics-1280-light");
    await server.start();
    for (const page of [board, chart])
        await until(
            "it mends itself",
            async () => {
                const pill = page.locator("#pill");
                return (
                    (await pill.isHidden()) || (await pill.getAttribute("data-kind")) === "mended"
                );
            },
            20000,
        );
    await until("the score is as before", async () => (await score(board, player(0))) === before);
    const print = await chartPrint(chart);
    await server.send(
        "plays",
        Array.from({ length: 20 }, () => play(0, 5)),
    );
    await until(
        "new events are shown",
        async () => (await score(board, player(0))) === before + 100,
    );
    await until("also on the chart", async () => (await chartPrint(chart)) !== print);
    for (const page of [board, chart]) {
        await until("the pill goes away", () => page.locator("#pill").isHidden());
        assertClean({ watched: { ...page.watched, failed: [] } });
        await page.context().close();
    }
}

async function security(browser, server) {
    const response = await fetch(server.url + "/");
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src '(self|none)'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*|https?:/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const page = await openPage(browser, `${server.url}/`, {});
    const result = await page.evaluate(async () => {
        const script = document.createElement("script");
        script.textContent = "globalThis.injected = true";
        document.body.append(script);
        return globalThis.injected === true;
    });
    assert.equal(result, false, "a script from elsewhere does not run");
    await page.context().close();
}

/* The page's own weight: what a first visit loads, compressed. */
async function weight(browser, server) {
    const page = await openPage(browser, "about:blank", {});
    const client = await page.context().newCDPSession(page);
    const sizes = [];
    await client.send("Network.enable");
    client.on("Network.loadingFinished", ({ encodedDataLength }) => sizes.push(encodedDataLength));
    const began_ms = Date.now();
    for (const part of ["#/", "#/boards", "#/metrics"]) {
        await page.goto(`${server.url}/${part}`);
        await page.locator("h1").waitFor();
        await sleep(400);
    }
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const paint_ms = await page.evaluate(
        () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
    );
    console.log(
        `        ${Math.round(bytes / 1024)} KiB for all pages, first paint after ` +
            `${Math.round(paint_ms)} ms, ${Date.now() - began_ms} ms in all`,
    );
    assert.ok(bytes < 150 * 1024, `${bytes} bytes are more than 150 KiB`);
    await page.context().close();
}

export async function liveTests(run, browser, server) {
    await run("a board's row changes on screen and climbs", () => boardMoves(browser, server));
    await run("a chart and its table change on screen", () => chartMoves(browser, server));
    await run("the overview counts on", () => overviewMoves(browser, server));
    await run("a member is searched, found and followed", () => followed(browser, server));
    await run("the server is killed and comes back", () => lostAndFound(browser, server));
    await run("the content security policy is strict", () => security(browser, server));
    await run("the page weighs little", () => weight(browser, server));
}
