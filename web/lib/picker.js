// SPDX-License-Identifier: Apache-2.0
/*
 * picker.js - a field that chooses one of many: boards, thousands of segments, members by search.
 *
 * An editable combobox with a list below it (the ARIA pattern: the focus stays in the field, the
 * active option is named by aria-activedescendant). Choices come from load(query, signal), which
 * may be a filter over what is known or a question to the server.
 */
import { el, freshId } from "./dom.js";
import { folded } from "./format.js";
import { announce } from "./announce.js";

const SHOWN_MAX = 200;
const TYPING_MS = 120;

/*
 * options: label, placeholder, load(query, signal) -> [{key, text, note}] (may be a promise),
 * onPick(item), onEmptyDown?() (arrow down, nothing typed), keep (the field shows the choice),
 * class, hint (a key shown at the end of the field), asks (each letter asks the server)
 */
export class Picker {
    constructor(options) {
        Object.assign(this, { keep: true, asks: false }, options);
        const list_id = freshId("list");
        this.list = el("ul", {
            id: list_id,
            role: "listbox",
            "aria-label": this.label,
            hidden: true,
        });
        this.input = el("input", {
            type: "text",
            role: "combobox",
            autocomplete: "off",
            spellcheck: "false",
            autocapitalize: "off",
            "aria-autocomplete": "list",
            "aria-expanded": "false",
            "aria-controls": list_id,
            "aria-labelledby": `${list_id}-name`, /* the label holds the list as well */
            placeholder: this.placeholder,
        });
        this.element = el(
            "label",
            { class: `field picker ${this.class ?? ""}` },
            el("span", { class: "field-name", id: `${list_id}-name`, text: this.label }),
            this.input,
            this.hint && el("kbd", { class: "hint", "aria-hidden": "true", text: this.hint }),
            this.list,
        );
        this.items = [];
        this.active = -1;
        this.text = "";
        this.listen();
    }

    /* What the field shows when nobody is typing in it. */
    show(text) {
        this.text = text ?? "";
        if (document.activeElement !== this.input || this.list.hidden) this.input.value = this.text;
    }

    focus() {
        this.input.focus();
        this.input.select();
    }

    listen() {
        const { input, list } = this;
        input.addEventListener("focus", () => {
            input.select();
            if (!this.asks) this.open("");
        });
        input.addEventListener("click", () => list.hidden && !this.asks && this.open(""));
        input.addEventListener("input", () => {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this.open(input.value), this.asks ? TYPING_MS : 0);
        });
        input.addEventListener("blur", () => this.shut());
        input.addEventListener("keydown", (event) => this.key(event));
        list.addEventListener("mousedown", (event) => event.preventDefault()); /* keep the focus */
        list.addEventListener("click", (event) => {
            event.preventDefault(); /* inside a label: do not click the input again */
            const option = event.target.closest("[role=option]");
            if (option) this.pick(this.items[option.index]);
        });
    }

    async open(query) {
        this.abort?.abort();
        const abort = (this.abort = new AbortController());
        if (this.asks && query.trim() === "") {
            this.hide();
            return;
        }
        let items;
        try {
            items = await this.load(query.trim(), abort.signal);
        } catch (error) {
            if (abort.signal.aborted) return;
            this.say(error.message);
            return;
        }
        if (abort.signal.aborted || document.activeElement !== this.input) return;
        this.items = items;
        this.draw();
        if (query) announce(items.length === 1 ? "1 choice" : `${items.length} choices`);
    }

    draw() {
        const shown = this.items.slice(0, SHOWN_MAX);
        this.list.replaceChildren(
            ...shown.map((item, index) => {
                const option = el(
                    "li",
                    {
                        role: "option",
                        id: freshId("option"),
                        class: item.text === this.text ? "chosen" : null,
                        "aria-selected": "false",
                    },
                    el("span", { class: "option-text", text: item.text }),
                    item.note && el("span", { class: "option-note", text: item.note }),
                );
                option.index = index;
                return option;
            }),
        );
        const more = this.items.length - shown.length;
        if (more > 0)
            this.list.append(
                el("li", {
                    class: "option-more",
                    text: `${more.toLocaleString("en-US")} more: type to narrow down`,
                }),
            );
        if (!shown.length)
            this.list.append(el("li", { class: "option-more", text: "Nothing matches" }));
        this.unhide();
        this.activate(
            this.asks && shown.length ? 0 : shown.findIndex((item) => item.text === this.text),
        );
    }

    say(text) {
        this.items = [];
        this.list.replaceChildren(el("li", { class: "option-more", text }));
        this.unhide();
        announce(text);
    }

    unhide() {
        this.list.hidden = false;
        this.input.setAttribute("aria-expanded", "true");
    }

    hide() {
        this.list.hidden = true;
        this.input.setAttribute("aria-expanded", "false");
        this.input.removeAttribute("aria-activedescendant");
        this.active = -1;
    }

    shut() {
        clearTimeout(this.timer);
        this.abort?.abort();
        this.hide();
        this.input.value = this.keep ? this.text : "";
    }

    activate(index) {
        const options = this.list.querySelectorAll("[role=option]");
        options[this.active]?.setAttribute("aria-selected", "false");
        this.active = index;
        const option = options[index];
        if (!option) {
            this.input.removeAttribute("aria-activedescendant");
            return;
        }
        option.setAttribute("aria-selected", "true");
        this.input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
    }

    pick(item) {
        if (!item) return;
        this.text = this.keep ? item.text : "";
        this.hide();
        this.input.value = this.text;
        this.input.blur();
        this.onPick(item);
    }

    key(event) {
        const count = this.list.querySelectorAll("[role=option]").length;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (this.list.hidden && this.asks && event.key === "ArrowDown" && !this.input.value)
                this.onEmptyDown?.();
            else if (this.list.hidden) this.open(this.asks ? this.input.value : "");
            else if (count)
                this.activate(
                    (this.active +
                        (event.key === "ArrowDown" ? 1 : count - 1) +
                        (this.active < 0 && event.key === "ArrowUp" ? 1 : 0)) %
                        count,
                );
        } else if (event.key === "Enter") {
            event.preventDefault();
            this.pick(this.items[this.active] ?? (this.items.length === 1 ? this.items[0] : null));
        } else if (event.key === "Escape") {
            event.preventDefault();
            event.stopPropagation();
            if (this.list.hidden) this.input.blur();
            else this.hide();
            this.input.value = this.keep ? this.text : "";
        }
    }
}

/* load() over a list that is known: the typed words in any order, without case and accents. */
export function filterOf(items) {
    const searchable = items.map((item) => [folded(item.text), item]);
    return (query) => {
        const words = folded(query).split(/\s+/).filter(Boolean);
        return searchable
            .filter(([text]) => words.every((word) => text.includes(word)))
            .map(([, item]) => item);
    };
}
