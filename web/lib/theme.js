// SPDX-License-Identifier: Apache-2.0
/*
 * theme.js - auto, light or dark: kept in this browser, told to whoever draws on a canvas.
 */

const STORED = "tallywheel.theme";
const THEMES = ["auto", "light", "dark"];
const observers = new Set();
const system_dark = matchMedia("(prefers-color-scheme: dark)");

export function themeName() {
    return document.documentElement.dataset.theme ?? "auto";
}

export function setTheme(name) {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    try {
        if (name === "auto") localStorage.removeItem(STORED);
        else localStorage.setItem(STORED, name);
    } catch {
        /* Storage may be blocked: the choice then lasts as long as the page. */
    }
    tell();
}

export function nextTheme() {
    setTheme(THEMES[(THEMES.indexOf(themeName()) + 1) % THEMES.length]);
}

function tell() {
    for (const observer of observers) observer(themeName());
}

export function onTheme(observer) {
    observers.add(observer);
    return () => observers.delete(observer);
}

/* A colour of the style sheet, for what cannot use CSS. */
export function cssColor(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

system_dark.addEventListener("change", tell);
