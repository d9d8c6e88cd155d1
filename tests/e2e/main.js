// SPDX-License-Identifier: Apache-2.0
/*
 * main.js - the dashboard as a person meets it: it shows what comes, loses its server, recovers by
 * itself, obeys the keyboard, fits a phone, and asks nobody but its own server for anything.
 *
 * Each test is a function of tests/; they share one server and run one after the other.
 */
import { launch } from "./browser.js";
import { Server } from "./server.js";
import { CONFIG, seed, seedCup } from "./sample.js";
import { boardTests } from "./test_boards.js";
import { liveTests } from "./test_live.js";
import { keyTests } from "./test_keys.js";
import { pictureTests } from "./test_pictures.js";

const only = process.argv[2] ?? "";
let passed = 0;
let failed = 0;

async function run(name, test) {
    if (!name.includes(only)) return;
    try {
        await test();
        passed++;
        console.log(`ok      ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).slice(0, 3000)}`);
    }
}

const browser = await launch();
const server = new Server(CONFIG);
try {
    const empty = new Server({});
    await empty.open();
    try {
        await pictureTests.empty(run, browser, empty);
    } finally {
        await empty.close();
    }
    await server.open();
    await seed(server);
    await seedCup(server);
    await liveTests(run, browser, server);
    await boardTests(run, browser, server);
    await keyTests(run, browser, server);
    await pictureTests.full(run, browser, server);
    await run("SIGTERM ends the server although pages watch it", () => server.stop());
} catch (error) {
    failed++;
    console.log(`FAILED  the tests themselves\n        ${error.stack}`);
} finally {
    await browser.close();
    await server.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
