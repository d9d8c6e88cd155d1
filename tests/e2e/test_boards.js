// SPDX-License-Identifier: Apache-2.0
/*
 * test_boards.js - the Boards page: segments, seasons, styles, friends, what happens, and movement
 * since a chosen time, also through the death of the server.
 */
import assert from "node:assert/strict";
import { openPage, shoot } from "./browser.js";
import { assertClean, until } from "./test_live.js";
import { CUP_PLAYERS, DAYS, player, round } from "./sample.js";

const RANKING = 'table[aria-label="Ranking"]';
const LAST = DAYS.at(-1);

/* Later and later on the last day, so that no event is late. */
let second = 100;
const now = () => new Date(Date.parse(`${LAST}T12:00:00Z`) + 1000 * second++).toISOString();

const rowOf = (page, table, member) =>
    page.locator(`${table} tbody tr`, { has: page.getByText(member, { exact: true }) });
const cell = (page, member, name) => rowOf(page, RANKING, member).locator(`td.${name}`);
const leader = (page) => page.locator(`${RANKING} tbody th.member`).first();
const hashOf = (page) => page.evaluate(() => location.hash);
const paramsOf = async (page) => new URLSearchParams((await hashOf(page)).split("?")[1] ?? "");

async function openBoard(browser, server, address, look = {}) {
    const page = await openPage(browser, `${server.url}/#/boards/${address}`, look);
    await page.locator(`${RANKING} td.score`).first().waitFor();
    return page;
}

async function choose(page, label, text) {
    const field = page.getByRole("combobox", { name: label, exact: true });
    await field.click();
    await field.fill(text);
    await page.getByRole("option", { name: text }).first().click();
}

async function closePage(page) {
    assertClean(page);
    await page.context().close();
}

async function segments(browser, server) {
    const page = await openBoard(browser, server, "regions?by.region=Europe");
    await choose(page, "region", "Asia");
    await until(
        "the address says it",
        async () => (await paramsOf(page)).get("by.region") === "Asia",
    );
    await rowOf(page, RANKING, player(1)).waitFor();
    await page.goBack();
    await rowOf(page, RANKING, player(2)).waitFor();
    await closePage(page);
}

async function seasons(browser, server) {
    const page = await openBoard(browser, server, "cup");
    await until("who leads today", async () => (await leader(page).innerText()) === player(2));
    assert.equal(await page.locator(".badge").isVisible(), false);
    await choose(page, "Season", DAYS[0]);
    await until("who won then", async () => (await leader(page).innerText()) === player(0));
    assert.equal(await page.locator(".badge").innerText(), "final");
    assert.equal((await paramsOf(page)).get("season"), String(Date.parse(DAYS[0])));
    assert.equal(await page.getByLabel("Movement since").isVisible(), false, "nothing moves there");
    assert.equal(await page.locator(".happening-panel").isVisible(), false);
    assert.equal(await cell(page, player(0), "sub").innerText(), "40", "the subscore has a column");

    await page.getByLabel("Ranks").selectOption("dense");
    await page.getByRole("button", { name: "Percentile" }).click();
    await until("percentiles", async () =>
        (await cell(page, player(0), "percentile").innerText()).startsWith("100"),
    );
    await page.reload();
    await until("the link is the view", async () => (await leader(page).innerText()) === player(0));
    const params = await paramsOf(page);
    assert.equal(params.get("ranks"), "dense");
    assert.equal(await page.getByLabel("Ranks").inputValue(), "dense");
    assert.equal(await page.locator(".badge").innerText(), "final");

    await choose(page, "Season", "Current");
    await until("back to today", async () => (await leader(page).innerText()) === player(2));
    assert.equal((await paramsOf(page)).get("season"), null);
    await closePage(page);
}

async function history(browser, server) {
    const page = await openBoard(browser, server, `cup?member=${encodeURIComponent(player(1))}`);
    const table = page.locator('table[aria-label="By season"]');
    await table.locator("td.score").first().waitFor();
    const rows = await table.locator("tbody tr:not(.spacer)").allInnerTexts();
    const told = rows.map((text) => text.split(/\s+/).slice(0, 3));
    assert.deepEqual(told, [
        [DAYS[1], "1", "40"],
        [DAYS[0], "2", "37"],
    ]);
    await table.getByText(DAYS[1]).click();
    await until("it leads there", async () => (await leader(page).innerText()) === player(1));
    assert.equal((await paramsOf(page)).get("season"), String(Date.parse(DAYS[1])));
    await closePage(page);
}

async function friends(browser, server) {
    const page = await openBoard(browser, server, `cup?member=${encodeURIComponent(player(9))}`);
    const table = 'table[aria-label="Friends"]';
    const order = () => page.locator(`${table} tbody th.member`).allInnerTexts();
    await page.keyboard.press("f");
    await page.getByRole("textbox").fill(`${player(8)}\n${player(7)}\nNobody\n`);
    await page.getByRole("button", { name: "Show them" }).click();
    await until("them among each other", async () => (await order()).join() ===
        [player(7), player(8)].join());
    await page.getByText("No score here: Nobody").waitFor();
    await page.getByRole("button", { name: "Add to friends" }).click();
    await until("three of them", async () => (await order()).length === 3);
    assert.deepEqual((await paramsOf(page)).getAll("friend"), [
        player(8),
        player(7),
        "Nobody",
        player(9),
    ]);
    await server.send("rounds", [round(8, 4, now())]);
    await until("one passes another", async () => (await order())[0] === player(8), 3000);
    const overall = await rowOf(page, table, player(8)).locator("td.overall").innerText();
    assert.equal(overall, `#${await cell(page, player(8), "rank").innerText()}`);
    await shoot(page, "friends-1280-light");
    await closePage(page);
}

async function happenings(browser, server) {
    const who = player(CUP_PLAYERS - 1);
    const page = await openBoard(
        browser,
        server,
        `cup?first=3&member=${encodeURIComponent(who)}`,
    );
    const list = page.locator(".happenings");
    await page.getByText("Milestones: 50 · 100 · 500").waitFor();
    await server.send("rounds", [round(CUP_PLAYERS - 1, 60, now())]);
    const line = (kind) => list.locator(`li[data-kind="${kind}"]`);
    await line("milestone").getByText("reached 50").waitFor();
    await line("entered").getByText(who).waitFor();
    await line("left").first().waitFor();
    assert.match(await line("entered").innerText(), /in, at 1/);
    assert.equal(await line("milestone").count(), 1, "100 was not reached");
    await server.send("rounds", [round(CUP_PLAYERS - 1, 30, now())]);
    await line("milestone").getByText("reached 100").waitFor();
    await until("the ear hears of the followed", async () =>
        (await page.locator("#announce").innerText()).includes(who),
    );
    /* A member of the list is followed on a click; the list is the same after a reload. */
    await page.reload();
    await line("milestone").getByText("reached 50").waitFor();
    await line("milestone").getByRole("button").first().click();
    assert.equal((await paramsOf(page)).get("member"), who);
    await closePage(page);
}

async function sinceNow(browser, server) {
    const who = player(3);
    const page = await openBoard(browser, server, `cup?member=${encodeURIComponent(who)}`);
    const rank = async () => Number(await cell(page, who, "rank").innerText());
    const before = await rank();
    await server.send("rounds", [round(3, 1, now())]);
    await until("gained since opened", async () =>
        (await cell(page, who, "since-gain").innerText()) === "+1",
    );
    await page.getByLabel("Movement since").selectOption("mark");
    await until("nothing has moved since now", async () =>
        (await cell(page, who, "since-gain").innerText()) === "",
    );
    assert.match((await paramsOf(page)).get("since"), /^\d{13}$/, "the time is in the address");
    await server.send("rounds", [round(3, 200, now())]);
    await until("the score since then", async () =>
        (await cell(page, who, "since-gain").innerText()) === "+200",
    );
    const won = before - (await rank());
    assert.ok(won > 0, "it has climbed");
    assert.match(await cell(page, who, "since").innerText(), new RegExp(`▲ ${won}`));
    const trail = page.locator(".followed-panel .trail-line path").first();
    await until("the line has a step", async () =>
        /V/.test((await trail.getAttribute("d")) ?? ""),
    );
    assert.match(await page.locator(`${RANKING} th.since`).innerText(), /Since \d\d:\d\d/);

    await page.getByLabel("Movement since").selectOption("1h");
    await page.getByText("as far back as this page has seen").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await until("n marks it", async () => /^\d+$/.test((await paramsOf(page)).get("since")));
    await closePage(page);
}

/* kill -9: what was compared with is not forgotten, and what happens is told again. */
async function lostAndFound(browser, server) {
    const who = player(5);
    const query = new URLSearchParams([
        ["friend", player(5)],
        ["friend", player(6)],
        ["member", who],
    ]);
    const page = await openBoard(browser, server, `cup?${query}`);
    await page.keyboard.press("n");
    await server.send("rounds", [round(5, 3, now())]);
    const gained = () => cell(page, who, "since-gain").innerText();
    await until("it moves", async () => (await gained()) === "+3");
    page.watched.lost = true;
    await server.kill();
    const pill = page.locator("#pill");
    await until("said", async () => (await pill.getAttribute("data-kind")) === "lost");
    assert.equal(await gained(), "+3", "what was seen stays");
    await server.start();
    await until("mended", async () => (await pill.getAttribute("data-kind")) !== "lost", 20000);
    await server.send("rounds", [round(5, 300, now())]);
    await until("counted from before the loss", async () => (await gained()) === "+303");
    await until("a milestone after the loss", async () =>
        (await page.locator('.happenings li[data-kind="milestone"]').allInnerTexts()).some(
            (text) => text.includes(who) && text.includes("reached 100"),
        ),
    );
    const friend = rowOf(page, 'table[aria-label="Friends"]', who);
    await until("friends too", async () => (await friend.locator("td.rank").innerText()) === "1");
    await page.context().close();
}

async function seasonEnds(browser, server) {
    const page = await openBoard(browser, server, `cup?member=${encodeURIComponent(player(0))}`);
    const winner = await leader(page).innerText();
    const score = await cell(page, winner, "score").innerText();
    await server.send(
        "rounds",
        Array.from({ length: CUP_PLAYERS }, (_, index) =>
            round(index, 1 + index, `2026-03-04T00:00:${10 + index}Z`),
        ),
    );
    const line = page.locator('.happenings li[data-kind="season"]');
    await line.getByText(winner).waitFor();
    await until("the new season's leader", async () =>
        (await leader(page).innerText()) === player(CUP_PLAYERS - 1),
    );
    await line.getByText(`won the season with ${score}`).click();
    await until("the season that ended", async () => (await leader(page).innerText()) === winner);
    assert.equal((await paramsOf(page)).get("season"), String(Date.parse(LAST)));
    await page.locator(".badge").waitFor();
    await closePage(page);
}

/* Beyond 2^53 a number of JavaScript is a guess; a score is not. */
async function exactScores(browser, server) {
    const page = await openBoard(browser, server, "vault");
    const response = await fetch(`${server.url}/v1/streams/rounds/events`, {
        method: "POST",
        body: `{"player":"Zoe","coins":9007199254740993,"at":"${now()}"}`,
    });
    assert.equal(response.status, 200);
    await until("all digits", async () =>
        (await cell(page, "Zoe", "score").innerText()) === "9,007,199,254,740,993",
    );
    await server.send("rounds", [{ player: "Zoe", coins: 2, at: now() }]);
    await until("and the gain", async () =>
        (await cell(page, "Zoe", "score").innerText()) === "9,007,199,254,740,995",
    );
    await closePage(page);
}

/* Who asked for stillness gets it; the values come all the same. */
async function still(browser, server) {
    const page = await openBoard(browser, server, "cup", { still: true });
    await server.send("rounds", [round(4, 77, now())]);
    let seen = 0;
    await until("the score", async () => {
        seen += await page.evaluate(
            () => document.getAnimations().filter((one) => one.playState === "running").length,
        );
        return Number(await cell(page, player(4), "score").innerText()) > 77;
    });
    assert.equal(seen, 0, "nothing glides or is washed");
    await closePage(page);
}

export async function boardTests(run, browser, server) {
    await run("boards: a segment is picked, and Back undoes it", () => segments(browser, server));
    await run("boards: a season, a style, percentiles", () => seasons(browser, server));
    await run("boards: a member season by season", () => history(browser, server));
    await run("boards: friends among each other", () => friends(browser, server));
    await run("boards: a milestone falls, one enters the first", () => happenings(browser, server));
    await run("boards: movement since now", () => sinceNow(browser, server));
    await run("boards: long scores to the digit", () => exactScores(browser, server));
    await run("boards: stillness", () => still(browser, server));
    await run("boards: the server is killed and comes back", () => lostAndFound(browser, server));
    await run("boards: a season ends while one looks", () => seasonEnds(browser, server));
}
