// SPDX-License-Identifier: Apache-2.0
/* test_pictures.js - every page at two widths and in two themes: does it fit? And a picture. */
import assert from "node:assert/strict";
import { PHONE, WIDE, openPage, shoot } from "./browser.js";
import { assertClean } from "./test_live.js";
import { sleep } from "./server.js";
import { DAYS, play, player } from "./sample.js";

const LOOKS = [
    ["1280-light", { viewport: WIDE, scheme: "light" }],
    ["1280-dark", { viewport: WIDE, scheme: "dark" }],
    ["390-light", { viewport: PHONE, scheme: "light", touch: true }],
    ["390-dark", { viewport: PHONE, scheme: "dark", touch: true }],
];

const PAGES = {
    overview: ["#/", ".tile .note"],
    boards: ["#/boards/season", 'table[aria-label="Ranking"] td.score'],
    followed: [
        `#/boards/season?member=${encodeURIComponent(player(6))}`,
        ".followed-panel td.score",
    ],
    segment: [
        "#/boards/regions?by.region=Europe&ranks=dense",
        'table[aria-label="Ranking"] td.score',
    ],
    season: [
        `#/boards/cup?season=${Date.parse(DAYS[0])}&member=${encodeURIComponent(player(1))}`,
        ".followed-panel td.score",
    ],
    cup: [
        `#/boards/cup?percentile=1&since=1m&friend=${encodeURIComponent(player(4))}` +
            `&friend=${encodeURIComponent(player(2))}&friend=Nobody`,
        ".friends-panel td.score",
    ],
    vault: [
        `#/boards/vault?member=${encodeURIComponent(player(2))}`,
        ".followed-panel td.score",
    ],
    metrics: ["#/metrics/plays_by_region", ".chart canvas"],
    mean: ["#/metrics/points_mean", ".chart canvas"],
};

async function assertFits(page) {
    const wide = await page.evaluate(() => ({
        content: document.scrollingElement.scrollWidth,
        window: innerWidth,
    }));
    assert.ok(wide.content <= wide.window, `${wide.content} px in ${wide.window} px`);
}

/* A name may be cut, a number never. */
async function assertWholeScores(page) {
    const cut = await page.evaluate(() =>
        [...document.querySelectorAll("td.score, td.rank, td.gap, td.overall, td.percentile")]
            .filter((cell) => cell.offsetParent && cell.scrollWidth > cell.clientWidth)
            .map((cell) => `${cell.className}: ${cell.textContent}`),
    );
    assert.deepEqual(cut, [], "no number is cut");
}

async function picture(browser, server, look, name, [address, wanted]) {
    const page = await openPage(browser, `${server.url}/${address}`, look[1]);
    await page.locator(wanted).first().waitFor();
    for (let at = 0; at < 3; at++) {
        await server.send(
            "plays",
            Array.from({ length: 40 }, (_, i) => play(i * 3 + at, 20 + i)),
        );
        await sleep(250);
    }
    await assertFits(page);
    await assertWholeScores(page);
    await shoot(page, `${name}-${look[0]}`);
    assertClean(page);
    await page.context().close();
}

export const pictureTests = {
    async empty(run, browser, server) {
        for (const look of [LOOKS[0], LOOKS[3]])
            for (const [name, address] of [
                ["overview", "#/"],
                ["boards", "#/boards"],
                ["metrics", "#/metrics"],
            ])
                await run(`nothing yet: ${name}, ${look[0]}`, async () => {
                    const page = await openPage(browser, `${server.url}/${address}`, look[1]);
                    await page.locator(".state .command code").waitFor();
                    await assertFits(page);
                    await shoot(page, `empty-${name}-${look[0]}`);
                    assertClean(page);
                    await page.context().close();
                });
    },

    async full(run, browser, server) {
        for (const look of LOOKS)
            for (const [name, what] of Object.entries(PAGES))
                await run(`picture: ${name}, ${look[0]}`, () =>
                    picture(browser, server, look, name, what),
                );
    },
};
