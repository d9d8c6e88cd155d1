// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_legend.js - the names of the lines with their values, and the chooser of all the others.
 *
 * A value is the one under the crosshair, or the newest. The chooser lists every series, newest
 * value first, with a field to filter; taking one in or out is kept in the address.
 */
import { el, setText } from "../lib/dom.js";
import { folded, number } from "../lib/format.js";
import { cssColor } from "../lib/theme.js";
import { SHOWN_MAX } from "./metrics_model.js";

const LISTED_MAX = 300;

export class Legend {
    /* options: onChoose(keys | null) */
    constructor(options) {
        Object.assign(this, options);
        this.list = el("ul", { class: "legend-list", "aria-label": "Series" });
        this.more = el("button", { type: "button", class: "quiet", onclick: () => this.choose() });
        this.element = el("div", { class: "legend" }, this.list, this.more);
        this.items = new Map();
    }

    /* shown: [{key, label, color, text}] */
    draw(shown, model) {
        this.model = model;
        this.shown = shown;
        const wanted = new Set(shown.map(({ key }) => key));
        for (const [key, { element }] of this.items)
            if (!wanted.has(key)) {
                element.remove();
                this.items.delete(key);
            }
        shown.forEach((one, at) => {
            let item = this.items.get(one.key);
            if (!item) this.items.set(one.key, (item = this.item(one)));
            if (this.list.children[at] !== item.element)
                this.list.insertBefore(item.element, this.list.children[at] ?? null);
            item.swatch.style.backgroundColor = cssColor(one.color);
            setText(item.value, one.text);
        });
        const folded_count = model.series.size - shown.length;
        this.more.hidden = model.series.size < 2;
        setText(this.more, folded_count > 0 ? `+${number(folded_count)} more` : "Choose series");
    }

    item({ label }) {
        const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
        const value = el("span", { class: "legend-value" });
        return {
            swatch,
            value,
            element: el(
                "li",
                null,
                swatch,
                el("span", { class: "legend-name", title: label, text: label }),
                value,
            ),
        };
    }

    choose() {
        const dialog = el("dialog", { class: "keys chooser", "aria-labelledby": "chooser-title" });
        const list = el("ul");
        const filter = el("input", {
            type: "text",
            placeholder: "Filter",
            "aria-label": "Filter the series",
            oninput: () => fill(),
        });
        const note = el("p", { class: "soft", role: "status" });
        let keys = this.shown.map(({ key }) => key);
        const all = this.model.byLast();

        const fill = () => {
            const words = folded(filter.value).split(/\s+/).filter(Boolean);
            const found = all.filter(({ key }) =>
                words.every((word) => folded(key).includes(word)),
            );
            list.replaceChildren(
                ...found.slice(0, LISTED_MAX).map((one) => {
                    const box = el("input", {
                        type: "checkbox",
                        checked: keys.includes(one.key),
                        disabled: keys.length >= SHOWN_MAX && !keys.includes(one.key),
                    });
                    box.addEventListener("change", () => {
                        keys = box.checked
                            ? [...keys, one.key]
                            : keys.filter((key) => key !== one.key);
                        fill();
                        list.querySelectorAll("input")[found.indexOf(one)]?.focus();
                    });
                    return el(
                        "li",
                        null,
                        el(
                            "label",
                            null,
                            box,
                            el("span", { class: "option-text", text: one.label }),
                            el("span", {
                                class: "soft",
                                text: number(
                                    this.model.last(one),
                                    Number.isInteger(this.model.last(one)) ? 0 : 1,
                                ),
                            }),
                        ),
                    );
                }),
            );
            note.textContent =
                keys.length >= SHOWN_MAX
                    ? `${SHOWN_MAX} are shown, which is the most: take one out first`
                    : found.length > LISTED_MAX
                      ? `${number(found.length - LISTED_MAX)} more: type to narrow down`
                      : `${keys.length} of ${number(all.length)} shown`;
        };
        const close = (chosen) => {
            dialog.close();
            if (chosen !== undefined) this.onChoose(chosen);
        };
        dialog.append(
            el("h2", { id: "chooser-title", text: "Series to show" }),
            filter,
            list,
            note,
            el(
                "div",
                { class: "chips" },
                el("button", {
                    type: "button",
                    onclick: () => close(keys.length ? keys : null),
                    text: "Show these",
                }),
                el("button", {
                    type: "button",
                    class: "quiet",
                    onclick: () => close(null),
                    text: `Top ${SHOWN_MAX} by last value`,
                }),
                el("button", {
                    type: "button",
                    class: "quiet",
                    onclick: () => close(),
                    text: "Cancel",
                }),
            ),
        );
        dialog.addEventListener("close", () => dialog.remove());
        fill();
        document.body.append(dialog);
        dialog.showModal();
        filter.focus();
    }
}
