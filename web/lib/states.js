// SPDX-License-Identifier: Apache-2.0
/*
 * states.js - what stands where data is not: nothing yet, still coming, or gone wrong.
 *
 * Empty says what to do next, with the command to copy. An error says what, where and what to do.
 */
import { el } from "./dom.js";
import { announce } from "./announce.js";

function copyButton(text) {
    const button = el("button", { type: "button", class: "quiet" }, "Copy");
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(text);
            button.textContent = "Copied";
            announce("Copied");
        } catch {
            /* No clipboard outside a secure context: select it, so that the usual key copies it. */
            getSelection().selectAllChildren(button.parentElement.querySelector("code"));
            button.textContent = "Selected";
        }
        setTimeout(() => {
            button.textContent = "Copy";
        }, 2000);
    });
    return button;
}

export function emptyState(title, text, command = null) {
    return el(
        "section",
        { class: "state" },
        el("h2", { text: title }),
        el("p", { text }),
        command &&
            el(
                "div",
                { class: "command" },
                el("pre", null, el("code", { text: command })),
                copyButton(command),
            ),
    );
}

const ADVICE = {
    unreachable: "Check that the server runs; this page tries again by itself.",
    not_found: "Choose another one above, or check the name in the address bar.",
    unauthorized: "This server wants to know who asks: sign in or use a token.",
    forbidden: "Your role does not allow this.",
    limit: "The server is at its limit; it is asked again in a moment.",
    unavailable: "The server is starting or stopping; this page tries again by itself.",
};

export function errorState(what, error, retry = null) {
    return el(
        "section",
        { class: "state error", role: "alert" },
        el("h2", null, el("span", { "aria-hidden": "true", class: "warn" }, "! "), what),
        el("p", { text: error.message }),
        ADVICE[error.code] && el("p", { class: "soft", text: ADVICE[error.code] }),
        retry && el("button", { type: "button", onclick: retry }, "Try again"),
    );
}

export function loadingState(rows = 8) {
    return el(
        "div",
        { class: "loading", role: "status", "aria-label": "Loading" },
        Array.from({ length: rows }, () => el("div", { class: "bone" })),
    );
}
