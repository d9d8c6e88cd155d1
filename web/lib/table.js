// SPDX-License-Identifier: Apache-2.0
/*
 * table.js - a real <table> for rows that change all the time.
 *
 * Rows are keyed: the same key keeps its element, so what did not change costs nothing. All rows
 * have one height, so that a row's way to its new place is known without measuring (motion.js), and
 * so that of long lists only what is near the window exists, between two empty rows that hold the
 * space.
 *
 * A column: {id, title, text(row), fill?(td, row), class?, wash? (true, or wash(row, before)),
 * hint?, header? (the row is called by it)}. text says when a cell has changed; fill draws it where
 * text is not enough.
 */
import { el, setText } from "./dom.js";
import { glide, wash } from "./motion.js";
import { bindArrows } from "./table_keys.js";

/*
 * Up to here every row exists, and the browser's own search finds it. A phone lays out a table of
 * 200 changing rows too slowly for ten paints a second, so there a window of rows exists sooner.
 */
const WHOLE_MAX = matchMedia("(pointer: coarse)").matches ? 50 : 200;
const OVERSCAN = 12;

export class Table {
    /* options: label, columns, keyOf(row), onPick?(row), glides?, rowClass?(row) */
    constructor(options) {
        Object.assign(this, { glides: false, rowClass: () => "" }, options);
        this.rows = [];
        this.cells = new Map(); /* key -> {tr, row, index, texts} of the rows that exist */
        this.places = new Map(); /* key -> index in rows, of all rows */
        this.above = this.spacer();
        this.below = this.spacer();
        this.body = el("tbody");
        this.head = el("tr");
        this.element = el(
            "table",
            { "aria-label": this.label, class: this.onPick ? "pickable" : "" },
            el("thead", null, this.head),
            el("tbody", { "aria-hidden": "true" }, this.above),
            this.body,
            el("tbody", { "aria-hidden": "true" }, this.below),
        );
        this.setColumns(this.columns);
        if (this.onPick) this.listen();
        this.onScroll = () =>
            this.long() && requestAnimationFrame(() => this.element.isConnected && this.render());
        addEventListener("scroll", this.onScroll, { passive: true, capture: true });
        addEventListener("resize", this.onScroll);
    }

    close() {
        removeEventListener("scroll", this.onScroll, { capture: true });
        removeEventListener("resize", this.onScroll);
    }

    spacer() {
        return el("tr", { class: "spacer", hidden: true }, el("td"));
    }

    listen() {
        this.body.addEventListener("click", (event) => {
            if (event.target.closest("a, button") || getSelection().toString()) return;
            const found = this.at(event.target);
            if (found) this.onPick(found.row);
        });
        bindArrows(this);
    }

    at(target) {
        const tr = target.closest("tr");
        return tr && this.cells.get(tr.key);
    }

    setColumns(columns) {
        this.columns = columns;
        this.head.replaceChildren(
            ...columns.map((column) =>
                el(
                    "th",
                    {
                        scope: "col",
                        class: column.class,
                        title: column.hint,
                    },
                    column.head ?? column.title,
                ),
            ),
        );
        for (const { tr } of this.cells.values()) tr.remove();
        this.cells.clear();
    }

    long() {
        return this.rows.length > WHOLE_MAX;
    }

    rowHeight() {
        return parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 32;
    }

    update(rows) {
        this.rows = rows;
        this.before = this.places;
        this.places = new Map(rows.map((row, index) => [this.keyOf(row), index]));
        this.render(true);
    }

    /*
     * The rows that can be seen: nothing else moves or is washed. Measured before anything changes.
     */
    look() {
        const height = this.rowHeight();
        const { top } = this.element.getBoundingClientRect();
        const rows_top = top + this.element.tHead.offsetHeight;
        const count = this.rows.length;
        const first = Math.max(0, Math.min(count, Math.floor(-rows_top / height)));
        this.seen = [first, Math.max(first, Math.ceil((innerHeight - rows_top) / height))];
    }

    sees(index) {
        return index >= this.seen[0] && index < this.seen[1];
    }

    /* The part of the rows that exists: all, or what is near the window. */
    range() {
        this.look();
        const count = this.rows.length;
        if (!this.long()) return [0, count];
        const [first, last] = this.seen;
        return [Math.max(0, first - OVERSCAN), Math.min(count, last + OVERSCAN)];
    }

    render(fresh = false) {
        const [first, last] = this.range();
        if (!fresh && first === this.first && last === this.last) return;
        this.first = first;
        this.last = last;
        this.hold(this.above, first);
        this.hold(this.below, this.rows.length - last);
        this.element.setAttribute("aria-rowcount", this.rows.length + 1);
        const wanted = new Set();
        for (let index = first; index < last; index++) wanted.add(this.keyOf(this.rows[index]));
        const focused = document.activeElement?.closest?.("tr");
        for (const [key, { tr }] of this.cells)
            if (!wanted.has(key)) {
                tr.remove();
                this.cells.delete(key);
            }
        const height = this.glides && fresh ? this.rowHeight() : 0;
        this.place(first, last, height);
        if (focused && this.body.contains(focused) && document.activeElement !== focused)
            focused.focus({ preventScroll: true }); /* moving a node takes the focus from it */
    }

    place(first, last, height) {
        let next = this.body.firstChild;
        const moved = [];
        for (let index = first; index < last; index++) {
            const row = this.rows[index];
            const key = this.keyOf(row);
            let cell = this.cells.get(key);
            const known = cell !== undefined;
            if (!known) this.cells.set(key, (cell = this.make(key)));
            if (known && next && cell.tr === next.nextSibling) next = cell.tr; /* next sank */
            if (cell.tr !== next) this.insert(cell.tr, next, known);
            else next = next.nextSibling;
            this.fillRow(cell, row, index, known);
            const was = this.before?.get(key);
            if (!height || !known || was === undefined || was === index) continue;
            if (this.sees(was) || this.sees(index)) moved.push([cell.tr, (was - index) * height]);
        }
        for (const [tr, offset] of moved) glide(tr, offset);
    }

    insert(tr, next, known) {
        if (known && this.body.moveBefore)
            this.body.moveBefore(tr, next); /* keeps focus and running glides */
        else this.body.insertBefore(tr, next);
    }

    hold(spacer, count) {
        spacer.hidden = count === 0;
        if (count) spacer.firstChild.style.height = `${count * this.rowHeight()}px`;
    }

    make(key) {
        const tr = el(
            "tr",
            { tabIndex: -1 },
            this.columns.map((column, index) =>
                el(this.isHeader(column, index) ? "th" : "td", {
                    class: column.class,
                    scope: this.isHeader(column, index) ? "row" : null,
                }),
            ),
        );
        tr.key = key;
        if (!this.onPick) tr.removeAttribute("tabindex");
        return { tr, row: null, index: -1, texts: [] };
    }

    /* What a row is called. */
    isHeader(column, index) {
        return column.header ?? index === this.headerColumn;
    }

    fillRow(cell, row, index, known) {
        const { tr, texts, row: before } = cell;
        if (cell.index !== index) tr.setAttribute("aria-rowindex", index + 2);
        cell.row = row;
        cell.index = index;
        const name = this.rowClass(row);
        if (tr.className !== name) tr.className = name;
        this.columns.forEach((column, at) => {
            const text = column.text(row, index);
            if (texts[at] === text) return;
            const td = tr.cells[at];
            if (column.fill) column.fill(td, row, text);
            else setText(td, text);
            const news =
                typeof column.wash === "function" ? column.wash(row, before) : column.wash;
            if (known && news && this.sees(index)) wash(td);
            texts[at] = text;
        });
    }
}
