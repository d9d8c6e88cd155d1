// SPDX-License-Identifier: Apache-2.0
/*
 * pill.js - the one quiet place that speaks of the connection and of a server that is not ready.
 *
 * Lost: since when, and a countdown to the next try, which can be had at once. Mended: a word that
 * goes away. While the server recovers: how far it is. Otherwise there is no pill.
 */
import { el, setText } from "./dom.js";
import { connection, onConnection, retryNow } from "./live.js";
import { feed, onStatus } from "./status_feed.js";
import { announce } from "./announce.js";
import { clock } from "./when.js";
import { bytes, span } from "./format.js";

const MENDED_MS = 2500;
const PATIENCE_MS = 1500; /* a blink of the network is not worth a word */

let mended_until_ms = 0;
let was_lost = false;
let said = false;

export function startPill() {
    const pill = document.getElementById("pill");
    const text = el("span");
    const retry = el("button", { type: "button", class: "quiet", onclick: retryNow }, "Try now");
    pill.append(el("span", { class: "dot", "aria-hidden": "true" }), text, retry);

    function lostText(now_ms) {
        const left_s = Math.max(0, Math.ceil((connection.retry_at_ms - now_ms) / 1000));
        const next = left_s > 0 ? `next try in ${left_s} s` : "trying…";
        return `Connection lost at ${clock(connection.lost_at_ms)} · ${next}`;
    }

    function draw() {
        const now_ms = Date.now();
        const lost = connection.state === "lost" && now_ms - connection.lost_at_ms > PATIENCE_MS;
        const status = feed.status;
        let kind = "";
        if (lost) {
            kind = "lost";
            setText(text, lostText(now_ms));
            pill.title = connection.reason;
        } else if (now_ms < mended_until_ms) {
            kind = "mended";
            setText(text, "Connected again");
        } else if (status && status.state === "recovering") {
            kind = "recovering";
            const { done_bytes = 0, total_bytes = 0 } = status.recovery ?? {};
            const share = total_bytes
                ? ` ${Math.floor((100 * done_bytes) / total_bytes)} % of ${bytes(total_bytes)}`
                : "";
            setText(text, `Reading the journal:${share}`);
        } else if (status && status.state === "draining") {
            kind = "recovering";
            setText(text, "The server is stopping");
        }
        pill.hidden = kind === "";
        pill.dataset.kind = kind;
        retry.hidden = kind !== "lost";
        document.documentElement.classList.toggle("is-stale", lost);
        if (lost && !said) {
            said = true;
            announce("Connection lost. The page tries again by itself.");
        }
    }

    onConnection(({ state }) => {
        if (state === "lost") {
            was_lost = true;
        } else if (state === "live" && was_lost) {
            was_lost = false;
            if (said) {
                mended_until_ms = Date.now() + MENDED_MS;
                announce("Connected again");
            }
            said = false;
        }
        draw();
    });
    onStatus(draw);
    setInterval(draw, 500);
}

/* "live", or since when what is shown is old: for the line under a page's title. */
export function freshness() {
    if (connection.state === "live") return "live";
    if (connection.state === "lost") {
        const age = span(Date.now() - connection.lost_at_ms);
        return `as of ${clock(connection.lost_at_ms)}, ${age} ago`;
    }
    return "connecting…";
}
