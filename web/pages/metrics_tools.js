// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_tools.js - the row of choices above the chart: metric, range, step, grouping, filters.
 *
 * It shows what the address says and hands on what is chosen; it holds no state of its own.
 */
import { el } from "../lib/dom.js";
import { ask, topic } from "../lib/api.js";
import { expression, span } from "../lib/format.js";
import { fromInput, toInput } from "../lib/when.js";
import { Picker, filterOf } from "../lib/picker.js";
import { stepsFor } from "./metrics_model.js";

const LASTS = [30, 60, 120, 300, 600, 1200];
const LABELS_FRESH_MS = 10000;

export class MetricTools {
    /* options: definitions(), onMetric(name), onRefine(changes), extent() -> [from_ms, to_ms] */
    constructor(options) {
        Object.assign(this, options);
        this.metric = new Picker({
            label: "Metric",
            placeholder: "Choose a metric",
            hint: null,
            load: (query) =>
                filterOf(
                    this.definitions().map(({ name, value }) => ({
                        key: name,
                        text: name,
                        note: expression(value),
                    })),
                )(query),
            onPick: ({ key }) => this.onMetric(key),
        });
        this.range = el("select", { onchange: () => this.pickRange() });
        this.step = el("select", { onchange: () => this.onRefine({ step: this.step.value }) });
        this.from = el("input", {
            type: "datetime-local",
            step: "1",
            onchange: () => this.pickDates(),
        });
        this.to = el("input", {
            type: "datetime-local",
            step: "1",
            onchange: () => this.pickDates(),
        });
        this.groups = el("div", { class: "chips" });
        this.group_set = el(
            "fieldset",
            { class: "group" },
            el("legend", { text: "Group by" }),
            this.groups,
        );
        this.filter = new Picker({
            label: "Only where",
            placeholder: "Any label",
            keep: false,
            load: async (query) => filterOf(await this.pairs())(query),
            onPick: ({ label, value }) => this.onRefine({ [`where.${label}`]: value, show: null }),
        });
        this.filters = el("div", { class: "chips wide-tool" });
        const field = (name, input) =>
            el("label", { class: "field" }, el("span", { class: "field-name", text: name }), input);
        /*
         * Beside the chart's title, where room is kept for it: a drag must not push the chart down.
         */
        this.dates = el(
            "div",
            { class: "dates", hidden: true },
            el("label", null, el("span", { class: "soft", text: "from " }), this.from),
            el("label", null, el("span", { class: "soft", text: "to " }), this.to),
            el("button", {
                type: "button",
                class: "quiet",
                onclick: () => this.onRefine({ from: null, to: null }),
                text: "Back to the newest",
            }),
        );
        this.element = el(
            "div",
            { class: "tools" },
            this.metric.element,
            field("Range", this.range),
            field("Step", this.step),
            this.group_set,
            this.filter.element,
            this.filters,
        );
    }

    async pairs() {
        const known = this.known;
        if (known?.metric !== this.view.metric || Date.now() - known.at_ms > LABELS_FRESH_MS) {
            const { labels } = await ask(topic(["metrics", this.view.metric, "labels"]));
            const items = Object.entries(labels).flatMap(([label, values]) =>
                values.map((value) => ({
                    key: `${label}=${value}`,
                    text: `${label} = ${value}`,
                    label,
                    value,
                })),
            );
            this.known = { metric: this.view.metric, at_ms: Date.now(), items };
        }
        return this.known.items;
    }

    pickRange() {
        const { value } = this.range;
        if (value !== "dates") {
            this.onRefine({ last: value, from: null, to: null });
            return;
        }
        const [from_ms, to_ms] = this.extent();
        this.onRefine({ from: new Date(from_ms).toISOString(), to: new Date(to_ms).toISOString() });
    }

    pickDates() {
        const from_ms = fromInput(this.from.value);
        const to_ms = fromInput(this.to.value);
        if (from_ms !== null && to_ms !== null && from_ms < to_ms)
            this.onRefine({
                from: new Date(from_ms).toISOString(),
                to: new Date(to_ms).toISOString(),
            });
    }

    /*
     * view: {metric, definition, by, where, last, from_ms, to_ms, step_ms}; unit_ms: a pane, when
     * known
     */
    draw(view, unit_ms) {
        this.view = view;
        this.metric.show(view.metric);
        const dated = view.from_ms !== null;
        this.options(
            this.range,
            [
                ...[...new Set([...LASTS, view.last])]
                    .sort((a, b) => a - b)
                    .map((last) => [
                        String(last),
                        `Last ${last}${unit_ms ? ` × ${span(view.step_ms ?? unit_ms)}` : ""}`,
                    ]),
                ["dates", "From … to …"],
            ],
            dated ? "dates" : String(view.last),
        );
        this.dates.hidden = !dated;
        if (dated) {
            this.from.value = toInput(view.from_ms);
            this.to.value = toInput(view.to_ms);
        }
        const steps = unit_ms ? stepsFor(unit_ms) : [];
        if (view.step_ms && !steps.includes(view.step_ms)) steps.push(view.step_ms);
        this.options(
            this.step,
            steps.map((ms) => [ms === unit_ms ? "" : String(ms), span(ms)]),
            view.step_ms && view.step_ms !== unit_ms ? String(view.step_ms) : "",
        );
        this.drawGroups(view);
        this.filters.replaceChildren(
            ...Object.entries(view.where).map(([label, value]) =>
                el(
                    "button",
                    {
                        type: "button",
                        "aria-label": `Take away: ${label} = ${value}`,
                        onclick: () => this.onRefine({ [`where.${label}`]: null, show: null }),
                    },
                    `${label} = ${value} `,
                    el("span", { "aria-hidden": "true", text: "×" }),
                ),
            ),
        );
        this.filters.hidden = this.filters.childElementCount === 0;
    }

    drawGroups({ definition, by }) {
        const labels = definition.by ?? [];
        this.group_set.hidden = this.filter.element.hidden = labels.length === 0;
        const shape = JSON.stringify([definition.name, labels, by]);
        if (shape === this.group_shape) return;
        this.group_shape = shape;
        const focused = document.activeElement?.dataset?.label;
        this.groups.replaceChildren(
            ...labels.map((label) => {
                const on = by.includes(label);
                return el(
                    "button",
                    {
                        type: "button",
                        "data-label": label,
                        "aria-pressed": String(on),
                        onclick: () =>
                            this.onRefine({
                                by:
                                    labels
                                        .filter((one) => (one === label ? !on : by.includes(one)))
                                        .join(",") || null,
                                show: null,
                            }),
                    },
                    label,
                );
            }),
        );
        if (focused)
            [...this.groups.children].find((button) => button.dataset.label === focused)?.focus();
    }

    options(select, pairs, value) {
        const shape = JSON.stringify(pairs);
        if (select.shape !== shape) {
            select.shape = shape;
            select.replaceChildren(
                ...pairs.map(([one, text]) => el("option", { value: one, text })),
            );
        }
        select.value = value;
    }
}
