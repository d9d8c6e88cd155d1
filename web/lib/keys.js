// SPDX-License-Identifier: Apache-2.0
/*
 * keys.js - the keyboard: single keys, "g x" pairs, and the list of them behind "?".
 *
 * A key means nothing here while someone types in a field, or with Ctrl, Alt or Meta, which belong
 * to the browser. Pages add their own keys and take them away when they leave.
 */
import { el } from "./dom.js";

const PAIR_MS = 1200;
const bound = new Map(); /* "g b" or "/" -> {what, act} */
let first = null;
let first_ms = 0;

const FIXED = [
    ["↑ ↓ Home End", "move in a table or a list"],
    ["Enter", "follow the member in the row, or take the choice"],
    ["Esc", "close what is open, or stop following"],
];

export function bindKey(keys, what, act) {
    bound.set(keys, { what, act });
    return () => bound.delete(keys);
}

function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.key !== "Escape" && typing(event.target)) return;
    if (document.querySelector("dialog[open]"))
        return; /* a dialog has the keyboard to itself; it closes on Esc natively */
    const now_ms = performance.now();
    const pair = first && now_ms - first_ms < PAIR_MS ? `${first} ${event.key}` : null;
    const found = (pair && bound.get(pair)) ?? bound.get(event.key);
    first = event.key;
    first_ms = now_ms;
    if (!found) return;
    first = null;
    event.preventDefault();
    found.act();
}

export function showKeys() {
    const rows = [...bound]
        .filter(([keys]) => keys !== "Escape")
        .map(([keys, { what }]) => [keys, what]);
    const dialog = el(
        "dialog",
        { class: "keys", "aria-labelledby": "keys-title" },
        el("h2", { id: "keys-title", text: "Keys" }),
        el(
            "dl",
            null,
            [...rows, ...FIXED].map(([keys, what]) =>
                el(
                    "div",
                    null,
                    el(
                        "dt",
                        null,
                        keys.split(" ").map((key) => el("kbd", { text: key })),
                    ),
                    el("dd", { text: what }),
                ),
            ),
        ),
        el("button", { type: "button", onclick: () => dialog.close(), text: "Close" }),
    );
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => {
        if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
}

export function startKeys() {
    document.addEventListener("keydown", onKey);
    bindKey("?", "show these keys", showKeys);
}
