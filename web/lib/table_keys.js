// SPDX-License-Identifier: Apache-2.0
/*
 * table_keys.js - arrows in a table: one row is a tab stop, arrows move it, Enter picks.
 *
 * The row is remembered by its key, so that it stays the same member while ranks change around it.
 */

const PAGE_ROWS = 10;

function show(table, index) {
    const row = table.rows[index];
    if (!row) return;
    const key = table.keyOf(row);
    if (!table.cells.has(key)) {
        /* Not there yet in a long list: scroll to where it will be, and let it come to be. */
        const height = table.rowHeight();
        const top = table.element.getBoundingClientRect().top + scrollY;
        scrollTo(0, top + index * height - innerHeight / 2);
        table.render();
    }
    const cell = table.cells.get(key);
    if (!cell) return;
    stop(table, cell.tr);
    cell.tr.focus({ preventScroll: true });
    cell.tr.scrollIntoView({ block: "nearest" });
}

function stop(table, tr) {
    if (table.stop) table.stop.tabIndex = -1;
    table.stop = tr;
    tr.tabIndex = 0;
}

export function bindArrows(table) {
    const { body } = table;
    body.addEventListener("focusin", (event) => {
        const found = table.at(event.target);
        if (found) stop(table, found.tr);
    });
    /* Without a row to come back to, the first one is the tab stop. */
    table.element.addEventListener("focus", () => show(table, 0));
    table.element.tabIndex = 0;
    body.addEventListener("keydown", (event) => {
        const found = table.at(event.target);
        if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
        const last = table.rows.length - 1;
        const targets = {
            ArrowDown: found.index + 1,
            ArrowUp: found.index - 1,
            PageDown: found.index + PAGE_ROWS,
            PageUp: found.index - PAGE_ROWS,
            Home: 0,
            End: last,
        };
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            table.onPick(found.row);
        } else if (event.key in targets) {
            event.preventDefault();
            show(table, Math.max(0, Math.min(last, targets[event.key])));
        }
    });
}

/* Puts the keyboard into a table, as "arrow down" from a field above it does. */
export function enterTable(table) {
    show(table, 0);
}
