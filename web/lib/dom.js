// SPDX-License-Identifier: Apache-2.0
/*
 * dom.js - building elements.
 *
 * Every text goes in as a text node and every attribute through setAttribute, so a member's name
 * can hold any character and stays text. There is no way to pass HTML or a style attribute (the
 * Content-Security-Policy forbids the latter).
 */

const SVG = "http://www.w3.org/2000/svg";
const AS_PROPERTY = new Set(["value", "checked", "disabled", "hidden", "selected", "tabIndex"]);

const NOTHING = new Set([null, undefined, false]); /* children that are left out */

function fill(node, props, children) {
    for (const [name, value] of Object.entries(props ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
        else if (name === "text") node.textContent = value;
        else if (AS_PROPERTY.has(name)) node[name] = value;
        else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => !NOTHING.has(child)));
    return node;
}

/* el("td", {class: "score", text: "12"}) or el("p", null, "text", el("b", …)). */
export function el(tag, props, ...children) {
    return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
    return fill(document.createElementNS(SVG, tag), props, children);
}

/* Sets a text only when it differs: an untouched node costs no layout. */
export function setText(node, text) {
    if (node.textContent === text) return false;
    node.textContent = text;
    return true;
}

let serial = 0;
export function freshId(prefix) {
    return `${prefix}-${++serial}`;
}
