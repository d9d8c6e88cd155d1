// SPDX-License-Identifier: Apache-2.0
/*
 * browser.js - Debian's Chromium, and pages that are watched: what they write to the console, whom
 * they ask, and what the content security policy stops is kept for the test to look at.
 */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ROOT } from "./server.js";

export const SCREENSHOTS = join(ROOT, "build/screenshots");
export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/* What a browser itself says when a server is gone; the page has no say in it. */
const LOST = /net::ERR_(CONNECTION_REFUSED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONNECTION_RESET)/;

export async function launch() {
    await mkdir(SCREENSHOTS, { recursive: true });
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        headless: true,
        args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    });
}

/* A context of its own for each look of the page: nothing is remembered from another one. */
export async function openPage(
    browser,
    url,
    { viewport = WIDE, scheme = "light", touch = false, still = false },
) {
    const context = await browser.newContext({
        viewport,
        colorScheme: scheme,
        reducedMotion: still ? "reduce" : "no-preference",
        hasTouch: touch,
        isMobile: touch,
        deviceScaleFactor: touch ? 2 : 1,
        timezoneId: "UTC",
        locale: "en-GB",
    });
    const page = await context.newPage();
    const watched = { console: [], outside: [], policy: [], failed: [], lost: false };
    const origin = new URL(url).origin;

    page.on("console", (message) => {
        if (message.type() !== "error" && message.type() !== "warning") return;
        if (watched.lost && LOST.test(message.text())) return;
        watched.console.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => watched.console.push(`uncaught: ${error.message}`));
    page.on("request", (request) => {
        const asked = request.url();
        if (!asked.startsWith(origin + "/") && !/^(data|blob):/.test(asked))
            watched.outside.push(asked);
    });
    page.on("response", (response) => {
        if (response.status() >= 400 && !watched.lost)
            watched.failed.push(`${response.status()} ${response.url()}`);
    });
    await page.exposeFunction("tell_policy", (text) => watched.policy.push(text));
    await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) =>
            globalThis.tell_policy(`${event.violatedDirective}: ${event.blockedURI}`),
        );
    });
    page.watched = watched;
    page.setDefaultTimeout(10000);
    await page.goto(url);
    return page;
}

export async function shoot(page, name) {
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: "disabled" });
}

/* What is to be seen of the chart, as a text that changes with it; null before it is drawn. */
export async function chartPrint(page) {
    const chart = page.locator(".chart canvas");
    if (!(await chart.isVisible())) return null;
    return createHash("sha256")
        .update(await chart.screenshot())
        .digest("hex");
}
