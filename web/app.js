// SPDX-License-Identifier: Apache-2.0
/*
 * app.js - starts the page: theme, keys, the live connection, and the part that the address names.
 *
 * A page is a module with mount(root, route), which returns {update(route), unmount()}. Only the
 * part that is looked at is loaded.
 */
import { el } from "./lib/dom.js";
import { current, go, onRoute } from "./lib/route.js";
import { bindKey, showKeys, startKeys } from "./lib/keys.js";
import { nextTheme, onTheme, themeName } from "./lib/theme.js";
import { onZone, setZone, zoneName } from "./lib/when.js";
import { startPill } from "./lib/pill.js";
import { startStatus } from "./lib/status_feed.js";
import { emptyState, errorState } from "./lib/states.js";

const PAGES = {
    overview: { title: "Overview", load: () => import("./pages/overview.js") },
    boards: { title: "Boards", load: () => import("./pages/boards.js") },
    metrics: { title: "Metrics", load: () => import("./pages/metrics.js") },
};

const root = document.getElementById("page");
let shown = null; /* {page, view} */
let turn = 0;

async function show(route) {
    const page = PAGES[route.page];
    for (const tab of document.querySelectorAll(".tab"))
        if (tab.dataset.page === route.page) tab.setAttribute("aria-current", "page");
        else tab.removeAttribute("aria-current");
    document.title = [route.name, page?.title ?? "Not found", "Tallywheel"]
        .filter(Boolean)
        .join(" · ");
    if (shown && shown.page === route.page) {
        shown.view.update(route);
        return;
    }
    const mine = ++turn;
    const first = shown === null;
    shown?.view.unmount();
    shown = null;
    if (!page) {
        root.replaceChildren(
            emptyState(
                "There is no such page",
                `“${route.page}” is not a part of this dashboard. See the list of pages.`,
            ),
        );
        return;
    }
    try {
        const module = await page.load();
        if (mine !== turn) return;
        root.replaceChildren();
        scrollTo(0, 0);
        shown = { page: route.page, view: module.mount(root, current()) };
        if (!first) root.focus({ preventScroll: true });
    } catch (error) {
        reportError(error);
        if (mine === turn)
            root.replaceChildren(
                errorState("This page could not be loaded", error, () => location.reload()),
            );
    }
}

function railFoot() {
    const theme = el("button", { type: "button", class: "quiet" });
    const zone = el("button", { type: "button", class: "quiet" });
    const keys = el(
        "button",
        { type: "button", class: "quiet keys-button", title: "Keys (?)", onclick: showKeys },
        "Keys",
        el("kbd", { text: "?" }),
    );
    theme.addEventListener("click", nextTheme);
    zone.addEventListener("click", () => setZone(zoneName() === "utc" ? "local" : "utc"));
    const draw = () => {
        theme.textContent = `Theme: ${themeName()}`;
        zone.textContent = `Times: ${zoneName() === "utc" ? "UTC" : "local"}`;
    };
    onTheme(draw);
    onZone(draw);
    draw();
    document.getElementById("rail-foot").append(theme, zone, keys);
}

document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); /* the hash is the route */
    root.focus();
});
startKeys();
bindKey("g o", "overview", () => go("overview"));
bindKey("g b", "boards", () => go("boards"));
bindKey("g m", "metrics", () => go("metrics"));
bindKey("t", "theme: auto, light, dark", nextTheme);
railFoot();
startPill();
startStatus();
onRoute(show);
show(current());
