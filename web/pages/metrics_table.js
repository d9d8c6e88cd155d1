// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_table.js - the values behind the chart, newest first; "~" marks what may still change.
 */
import { el } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { stamp } from "../lib/when.js";
import { Table } from "../lib/table.js";

const COLUMN_PX = 120;
const TIME_PX = 160;

export class MetricsTable {
    constructor() {
        this.table = new Table({
            label: "Values",
            columns: [],
            headerColumn: 0,
            keyOf: (row) => row.ms,
        });
        this.element = el(
            "div",
            {
                class: "scroll-x",
                tabIndex: 0,
                role: "region",
                "aria-label": "Values, newest first",
            },
            this.table.element,
        );
        this.shape = "";
    }

    /* shown: [{key, label, color, points}] */
    draw(shown, step_ms, digits) {
        this.step_ms = step_ms;
        this.digits = digits;
        const shape = JSON.stringify(shown.map(({ key, color }) => [key, color]));
        if (shape !== this.shape) {
            this.shape = shape;
            this.table.setColumns([
                {
                    id: "time",
                    title: "Time",
                    class: "time",
                    text: (row) => stamp(row.ms, this.step_ms),
                },
                ...shown.map(({ key, label }) => ({
                    id: key,
                    class: "num",
                    title: label,
                    hint: label,
                    wash: true,
                    text: (row) => this.value(row.values.get(key)),
                })),
            ]);
            this.table.element.style.minWidth = `${TIME_PX + COLUMN_PX * shown.length}px`;
        }
        const rows = new Map();
        for (const { key, points } of shown)
            for (const point of points) {
                let row = rows.get(point[0]);
                if (!row) rows.set(point[0], (row = { ms: point[0], values: new Map() }));
                row.values.set(key, point);
            }
        this.table.update([...rows.values()].sort((a, b) => b.ms - a.ms));
    }

    value(point) {
        if (!point || point[1] === null) return "";
        return (point[2] === "provisional" ? "~ " : "") + number(point[1], this.digits);
    }

    close() {
        this.table.close();
    }
}
