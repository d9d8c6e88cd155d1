// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_picture.js - what a metric's answer looks like: chart, legend, table and the CSV of them.
 *
 * It draws what it is given and keeps only where the crosshair is. The same values go to all
 * three, so that they cannot disagree.
 */
import { el, setText } from "../lib/dom.js";
import { digitsFor, expression, number } from "../lib/format.js";
import { colorsFor } from "../lib/palette.js";
import { stamp, zoneName } from "../lib/when.js";
import { Chart } from "../lib/chart.js";
import { MetricsTable } from "./metrics_table.js";
import { Legend } from "./metrics_legend.js";
import { csvOf, download } from "./metrics_export.js";

const DAY_MS = 86400000;

export class MetricsPicture {
    /* options: dates (an element beside the chart's title), onZoom, onReset, onChoose */
    constructor({ dates, onZoom, onReset, onChoose }) {
        this.readout = el("span", { class: "readout" });
        this.begins = el("span", { class: "soft" });
        this.hatched = el(
            "span",
            { class: "soft", hidden: true },
            el("span", { class: "hatch", "aria-hidden": "true" }),
            "not final yet",
        );
        this.host = el("div", { class: "chart", role: "img" });
        this.chart = new Chart(this.host, {
            onZoom,
            onReset,
            onCursor: (ms) => this.point(ms),
            onBegins: (value) => this.drawBegins(value),
        });
        this.legend = new Legend({ onChoose });
        this.table = new MetricsTable();
        const save = el("button", { type: "button", onclick: () => this.save() }, "Export CSV");
        this.element = el(
            "div",
            { hidden: true },
            el("div", { class: "chart-head" }, this.readout, this.begins, this.hatched, dates),
            this.host,
            this.legend.element,
            el("div", { class: "table-head" }, el("h2", { text: "Values" }), save),
            this.table.element,
        );
    }

    /* Returns whether there was anything to draw. */
    draw(model, view) {
        this.model = model;
        this.view = view;
        const series = model.shown(view.show);
        const none = series.every((one) => model.points(one).length === 0);
        this.element.hidden = none;
        if (none) return false;
        const colors = colorsFor(series.map(({ key }) => key));
        this.shown = series.map((one) => ({
            key: one.key,
            label: one.label,
            labels: one.labels,
            color: colors.get(one.key),
            points: model.points(one),
        }));
        const values = this.shown.flatMap(({ points }) => points.map(([, value]) => value));
        const value_text = expression(view.definition.value);
        this.chart.draw({
            series: this.shown,
            step_ms: model.step_ms,
            from_ms: view.from_ms,
            to_ms: view.to_ms,
            from_zero: /^(count|sum)\b/.test(value_text),
            title: `${view.metric}, ${value_text}`,
        });
        this.hatched.hidden = !this.chart.provisional();
        this.table.draw(this.shown, model.step_ms, digitsFor(values));
        this.point(this.cursor_ms ?? null);
        return true;
    }

    drawBegins(value) {
        const text = value === null ? "" : `axis begins at ${number(value, value < 10 ? 2 : 0)}`;
        setText(this.begins, text);
    }

    /* The moment under the crosshair, or else the newest. */
    point(ms) {
        this.cursor_ms = ms;
        if (!this.shown) return;
        setText(this.readout, ms === null ? this.rangeText() : stamp(ms, this.model.step_ms));
        const at = (points) => (ms === null ? points.at(-1) : points.find(([when]) => when === ms));
        this.legend.draw(
            this.shown.map((one) => ({ ...one, text: this.table.value(at(one.points)) || "–" })),
            this.model,
        );
    }

    rangeText() {
        const { step_ms } = this.model;
        const times = this.model.times();
        const zone = zoneName() === "utc" ? "UTC" : "local";
        return `${stamp(times[0], step_ms)} to ${stamp(times.at(-1), step_ms)} ${zone}`;
    }

    save() {
        const day = stamp(this.model.times()[0], DAY_MS);
        download(`${this.view.metric}-${day}.csv`, csvOf(this.view.metric, this.shown));
    }

    restyle() {
        this.chart.redraw();
        if (this.shown) this.draw(this.model, this.view);
    }

    close() {
        this.chart.destroy();
        this.table.close();
    }
}
