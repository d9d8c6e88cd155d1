// SPDX-License-Identifier: Apache-2.0
/*
 * metrics.js - the Metrics page: which metric, over what range, grouped and filtered how.
 *
 * All of that is in the address (metrics_view.js); this module turns it into one watched topic and
 * its picture, and what is chosen in the picture into an address.
 */
import { el, setText } from "../lib/dom.js";
import { go, withParams } from "../lib/route.js";
import { ask } from "../lib/api.js";
import { bindKey } from "../lib/keys.js";
import { expression, number, span } from "../lib/format.js";
import { onConnection, watch } from "../lib/live.js";
import { forget, paint } from "../lib/paint.js";
import { freshness } from "../lib/pill.js";
import { onTheme } from "../lib/theme.js";
import { onZone } from "../lib/when.js";
import { firstMetric } from "../lib/first_steps.js";
import { emptyState, errorState, loadingState } from "../lib/states.js";
import { topicOf, viewOf } from "./metrics_view.js";
import { SeriesModel } from "./metrics_model.js";
import { MetricsPicture } from "./metrics_picture.js";
import { MetricTools } from "./metrics_tools.js";

class MetricsPage {
    constructor(root, route) {
        this.route = route;
        this.definitions = null;
        this.model = new SeriesModel(null);
        this.draw = this.draw.bind(this);
        this.build(root);
        let was_lost = false;
        this.ends = [
            bindKey("/", "choose a metric", () => this.tools.metric.focus()),
            onTheme(() => this.picture.restyle()),
            onZone(() => this.picture.restyle()),
            onConnection(({ state }) => {
                if (state === "live" && was_lost && !this.definitions?.length) this.load();
                was_lost = state === "lost";
                this.drawMeta();
            }),
        ];
        this.clock = setInterval(() => this.drawMeta(), 1000);
        this.load();
    }

    build(root) {
        this.title = el("h1", { text: "Metrics" });
        this.meta = el("p", { class: "meta" });
        this.tools = new MetricTools({
            definitions: () => this.definitions ?? [],
            onMetric: (name) => go("metrics", name, {}),
            onRefine: (changes) => this.refine(changes),
            extent: () => this.extent(),
        });
        this.picture = new MetricsPicture({
            dates: this.tools.dates,
            onZoom: (from_ms, to_ms) => this.zoom(from_ms, to_ms),
            onReset: () => this.unzoom(),
            onChoose: (keys) => this.refine({ show: keys }),
        });
        this.content = this.picture.element;
        this.state = el("div", null, loadingState());
        root.append(
            el("header", { class: "page-head" }, this.title, this.meta),
            this.tools.element,
            this.state,
            this.content,
        );
    }

    async load() {
        try {
            this.definitions = (await ask("metrics")).metrics;
        } catch (error) {
            this.definitions = null;
            this.content.hidden = true;
            this.state.replaceChildren(errorState("The list of metrics", error, () => this.load()));
            return;
        }
        this.update(this.route);
    }

    update(route) {
        this.route = route;
        if (!this.definitions) return;
        if (this.definitions.length === 0) {
            this.tools.element.hidden = this.content.hidden = true;
            this.state.replaceChildren(
                emptyState(
                    "No metric is defined yet",
                    "A metric is a value of a stream for every slice of time. Define one:",
                    firstMetric(),
                ),
            );
            return;
        }
        if (!route.name) {
            go("metrics", this.definitions[0].name, route.params, { replace: true });
            return;
        }
        const view = viewOf(route, this.definitions);
        setText(this.title, route.name);
        this.tools.metric.show(route.name);
        if (!view.definition) {
            this.stop?.();
            this.path = null;
            this.content.hidden = true;
            this.state.replaceChildren(
                errorState(`Metric ${route.name}`, {
                    code: "not_found",
                    message: `No metric is named “${route.name}”.`,
                }),
            );
            return;
        }
        if (this.view?.metric !== view.metric) this.unit_ms = null;
        this.view = view;
        this.tools.draw(view, this.unit_ms);
        this.subscribe(view);
    }

    subscribe(view) {
        const path = topicOf(view);
        if (path === this.path) {
            paint(this.draw); /* another choice of what is shown */
            return;
        }
        this.path = path;
        this.stop?.();
        this.content.classList.add("dim");
        const model = new SeriesModel(view.from_ms === null ? view.last : null);
        const take = (change) => {
            change();
            this.problem = null;
            this.model = model;
            paint(this.draw);
        };
        this.stop = watch(path, {
            snapshot: (answer) => take(() => model.snapshot(answer)),
            change: (message) => take(() => model.change(message)),
            error: (error) => {
                this.problem = error;
                paint(this.draw);
            },
        });
    }

    refine(changes) {
        go("metrics", this.route.name, withParams(this.route.params, changes));
    }

    zoom(from_ms, to_ms) {
        const { step_ms } = this.model;
        const from = Math.floor(from_ms / step_ms) * step_ms;
        const to = Math.max(from + 2 * step_ms, Math.ceil(to_ms / step_ms) * step_ms);
        this.refine({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    }

    unzoom() {
        if (this.view.from_ms !== null) this.refine({ from: null, to: null });
    }

    extent() {
        const times = this.model.times();
        return times.length
            ? [times[0], times.at(-1) + this.model.step_ms]
            : [Date.now() - 3600000, Date.now()];
    }

    draw() {
        if (this.problem) {
            this.content.hidden = true;
            this.state.replaceChildren(errorState(`Metric ${this.view.metric}`, this.problem));
            return;
        }
        const { model, view } = this;
        if (!model.ready) return;
        if (this.unit_ms !== model.unit_ms) {
            this.unit_ms = model.unit_ms;
            this.tools.draw(view, this.unit_ms);
        }
        this.content.classList.remove("dim");
        const drawn = this.picture.draw(model, view);
        this.state.replaceChildren(...(drawn ? [] : [this.nothing()]));
        this.drawMeta();
    }

    nothing() {
        const { view } = this;
        const { stream } = view.definition;
        return view.from_ms !== null || Object.keys(view.where).length
            ? emptyState(
                  "Nothing in this range",
                  "No value lies between these times with these labels. Choose others above.",
              )
            : emptyState("No value yet", `The first comes with an event on stream “${stream}”.`);
    }

    drawMeta() {
        const { definition } = this.view ?? {};
        if (!definition) return;
        const every = this.unit_ms ? ` every ${span(this.unit_ms)}` : "";
        setText(
            this.meta,
            [
                expression(definition.value) + every,
                definition.stream && `stream ${definition.stream}`,
                this.model.ready && `${number(this.model.series.size)} series`,
                freshness(),
            ]
                .filter(Boolean)
                .join(" · "),
        );
    }

    unmount() {
        clearInterval(this.clock);
        this.stop?.();
        for (const end of this.ends) end();
        forget(this.draw);
        this.picture.close();
    }
}

export function mount(root, route) {
    const sheet = "/vendor/uPlot.min.css";
    if (!document.querySelector(`link[href="${sheet}"]`))
        document.head.append(el("link", { rel: "stylesheet", href: sheet }));
    return new MetricsPage(root, route);
}
