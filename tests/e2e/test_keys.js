// SPDX-License-Identifier: Apache-2.0
/* test_keys.js - all of it works by keyboard. */
import assert from "node:assert/strict";
import { openPage, shoot } from "./browser.js";
import { assertClean } from "./test_live.js";
import { player } from "./sample.js";

const title = (page) => page.locator("h1").innerText();
const press = async (page, keys) => {
    for (const key of keys.split(" ")) await page.keyboard.press(key);
};

async function pages(browser, server) {
    const page = await openPage(browser, `${server.url}/`, {});
    await page.locator("h1", { hasText: "Overview" }).waitFor();
    await press(page, "g b");
    await page.waitForURL(/#\/boards/);
    await page.locator('table[aria-label="Ranking"] td.rank').first().waitFor();
    await press(page, "g m");
    await page.waitForURL(/#\/metrics/);
    await page.locator(".chart canvas").waitFor();
    await press(page, "/");
    assert.equal(await page.evaluate(() => document.activeElement.role), "combobox");
    await press(page, "Escape");
    await page.evaluate(() => document.activeElement.blur());
    await press(page, "g o");
    await page.locator("h1", { hasText: "Overview" }).waitFor();
    await page.goBack();
    await page.waitForURL(/#\/metrics/);
    await page.locator(".chart canvas").waitFor();
    assert.notEqual(await title(page), "Overview", "Back goes back");
    assertClean(page);
    await page.context().close();
}

async function help(browser, server) {
    const page = await openPage(browser, `${server.url}/`, {});
    await page.locator("h1").waitFor();
    await press(page, "?");
    const dialog = page.locator("dialog.keys");
    await dialog.waitFor();
    await shoot(page, "keys-1280-light");
    const text = await dialog.innerText();
    for (const word of ["overview", "boards", "metrics", "theme", "search"])
        assert.ok(text.toLowerCase().includes(word), `${word} is in the list of keys`);
    await press(page, "Escape");
    await dialog.waitFor({ state: "detached" });
    assertClean(page);
    await page.context().close();
}

async function theme(browser, server) {
    const page = await openPage(browser, `${server.url}/`, {});
    await page.locator("h1").waitFor();
    const color = () =>
        page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await color();
    await press(page, "t");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
    await press(page, "t");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.notEqual(await color(), light);
    await page.reload();
    await page.locator("h1").waitFor();
    assert.equal(
        await page.evaluate(() => document.documentElement.dataset.theme),
        "dark",
        "the choice is kept",
    );
    assertClean(page);
    await page.context().close();
}

async function table(browser, server) {
    const page = await openPage(browser, `${server.url}/#/boards/season`, {});
    await page.locator('table[aria-label="Ranking"] td.rank').first().waitFor();
    await press(page, "/");
    await press(page, "ArrowDown");
    const focused = () =>
        page.evaluate(
            () => document.activeElement.closest("tr")?.querySelector(".rank")?.innerText,
        );
    assert.equal(await focused(), "1", "arrow down in the empty field enters the table");
    await press(page, "ArrowDown ArrowDown");
    assert.equal(await focused(), "3");
    await press(page, "ArrowUp");
    assert.equal(await focused(), "2");
    await press(page, "End");
    assert.equal(await focused(), "100");
    await press(page, "Home Enter");
    const panel = page.locator(".followed-panel");
    await panel.waitFor();
    assert.ok((await panel.locator("h2").innerText()).length > 0);
    await press(page, "Escape");
    await panel.waitFor({ state: "hidden" });
    assertClean(page);
    await page.context().close();
}

async function segments(browser, server) {
    const page = await openPage(browser, `${server.url}/#/boards/regions`, {});
    await page.waitForURL(/by\.region=/);
    await page.goto(`${server.url}/#/boards/regions?by.region=Asia`);
    await page.locator('table[aria-label="Ranking"]', { hasText: player(1) }).waitFor();
    await page.goto(`${server.url}/#/boards/regions?by.region=Nowhere`);
    await page.getByText("Nobody is ranked here yet").waitFor();
    await page.goto(`${server.url}/#/boards/unheard-of`);
    await page.getByText("No board is named").waitFor();
    assertClean(page);
    await page.context().close();
}

export async function keyTests(run, browser, server) {
    await run("keys lead to every page, and Back back", () => pages(browser, server));
    await run("? shows the keys", () => help(browser, server));
    await run("t changes the theme, which is kept", () => theme(browser, server));
    await run("arrows walk over a table", () => table(browser, server));
    await run("addresses: a segment, an empty one, no board", () => segments(browser, server));
}
