// SPDX-License-Identifier: Apache-2.0
/*
 * fit.js - columns as wide as what they hold, without a layout of the table.
 *
 * Tables have fixed columns, so that nothing moves when a number changes. A number that would be
 * cut is worse, though: a column may grow to its longest text, and never shrinks while it is shown.
 */

const MIN_PX = 40;
const LONG_PX = 104; /* on a phone other columns then make room: class long-NAME */
let canvas = null;

function widthOf(text, cell) {
    canvas ??= document.createElement("canvas").getContext("2d");
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(cell);
    canvas.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    return Math.ceil(canvas.measureText(text.replace(/\d/g, "0")).width) + 1;
}

/* Makes room in the column of a class ("score") of a Table for each of the texts. */
export function fitColumn(table, name, texts) {
    const longest = texts.reduce((one, text) => (text.length > one.length ? text : one), "");
    table.fitted ??= new Map();
    const known = table.fitted.get(name);
    if (known && longest.length <= known) return;
    const cell = table.body.querySelector(`td.${name}`);
    if (!cell) return;
    table.fitted.set(name, longest.length);
    const width = Math.max(MIN_PX, widthOf(longest, cell));
    table.element.style.setProperty(`--fit-${name}`, `${width}px`);
    table.element.classList.toggle(`long-${name}`, width > LONG_PX);
}

/* Another ranking is to be shown: its columns need their own room. */
export function forgetFit(table) {
    table.fitted = new Map();
}
