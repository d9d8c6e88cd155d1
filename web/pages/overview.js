// SPDX-License-Identifier: Apache-2.0
/*
 * overview.js - what is flowing: the numbers that say whether all is well, and links to the rest.
 *
 * Everything comes from the status topic, except the leaders of the boards that move most, which
 * are watched while this page is open.
 */
import { el, setText } from "../lib/dom.js";
import { go } from "../lib/route.js";
import { bindKey } from "../lib/keys.js";
import { bytes, compact, counted, millis, number, span } from "../lib/format.js";
import { onConnection } from "../lib/live.js";
import { onZone } from "../lib/when.js";
import { forget, paint } from "../lib/paint.js";
import { freshness } from "../lib/pill.js";
import { HISTORY_MS, feed, journalRates, onStatus } from "../lib/status_feed.js";
import { firstEvent } from "../lib/first_steps.js";
import { emptyState, loadingState } from "../lib/states.js";
import { Spark } from "../lib/spark.js";
import { Panels } from "./overview_panels.js";
import { Leaders } from "./overview_leaders.js";

const GAP_MS = 3500;
const WINDOW_MIN_MS = 30000;

class Tile {
    constructor(title, unit, spark_label) {
        this.value = el("span");
        this.note = el("p", { class: "note" });
        this.spark = spark_label ? new Spark(spark_label) : null;
        this.element = el(
            "section",
            { class: "tile" },
            el("h2", { text: title }),
            el("p", { class: "big" }, this.value, unit && el("small", { text: unit })),
            this.spark?.element,
            this.note,
        );
    }

    draw(value, note) {
        setText(this.value, value);
        setText(this.note, note);
        this.note.title = note;
    }
}

class OverviewPage {
    constructor(root) {
        this.meta = el("p", { class: "meta" });
        this.events = new Tile("Events a second", "", "Events a second, the last minutes");
        this.ack = new Tile(
            "Acknowledged within, p99",
            "ms",
            "Acknowledgement latency, 99th percentile, the last minutes",
        );
        this.journal = new Tile("Journal", "", "Bytes a second into the journal, the last minutes");
        this.server = new Tile("Memory", "", "Memory, the last minutes");
        this.leaders = new Leaders(() => paint(this.draw));
        this.panels = new Panels(this.leaders);
        this.tiles = el(
            "div",
            { class: "tiles", hidden: true },
            [this.events, this.ack, this.journal, this.server].map(({ element }) => element),
        );
        this.state = el("div", null, loadingState());
        root.append(
            el("header", { class: "page-head" }, el("h1", { text: "Overview" }), this.meta),
            this.state,
            this.tiles,
            this.panels.element,
        );
        this.draw = this.draw.bind(this);
        this.drawMeta = this.drawMeta.bind(this);
        const soon = () => paint(this.draw);
        this.ends = [
            onStatus(soon),
            onZone(soon),
            onConnection(this.drawMeta),
            bindKey("/", "search a member", () => go("boards")),
        ];
        this.clock = setInterval(
            () => paint(this.draw),
            1000,
        ); /* the little lines move on also when nothing comes */
        paint(this.draw);
    }

    drawMeta() {
        const { status } = feed;
        setText(
            this.meta,
            status
                ? [
                      `${status.state}`,
                      `up ${span(status.uptime_ms)}`,
                      `durability ${status.durability}`,
                      `version ${status.version}`,
                      freshness(),
                  ].join(" · ")
                : freshness(),
        );
    }

    draw() {
        const { status, samples } = feed;
        this.drawMeta();
        if (!status) return;
        const { ingest } = status;
        this.tiles.hidden = false;
        const refused = [
            [ingest.rejected, "rejected"],
            [ingest.late, "late"],
            [ingest.duplicates, "duplicates"],
        ]
            .filter(([count]) => count > 0)
            .map(([count, what]) => `${compact(count)} ${what}`);
        this.events.draw(
            compact(ingest.events_per_s),
            [`${compact(ingest.events)} in all`, ...refused].join(" · "),
        );
        const { p50 = null, p99 = null } = (ingest.requests && ingest.ack_ms) || {};
        this.ack.draw(
            millis(p99),
            `p50 ${millis(p50)} ms · ${counted(ingest.requests, "request", "requests")}`,
        );
        const partitions = status.partitions ?? [];
        const sum = (field) =>
            partitions.reduce((total, partition) => total + (partition[field] ?? 0), 0);
        const journal_bytes = sum("journal_bytes");
        const events = sum("events");
        this.journal.draw(
            bytes(journal_bytes),
            [
                `${bytes(journalRates().at(-1)?.[1] ?? 0)}/s`,
                events ? `${number(journal_bytes / events, 1)} bytes an event` : null,
            ]
                .filter(Boolean)
                .join(" · "),
        );
        this.server.draw(
            bytes(status.memory_bytes),
            [
                status.connections !== undefined &&
                    counted(status.connections, "connection", "connections"),
                counted(status.watches, "watch", "watches"),
            ]
                .filter(Boolean)
                .join(" · "),
        );
        this.drawSparks(samples);
        if ((status.streams ?? []).length === 0) this.drawEmpty();
        else this.state.replaceChildren();
        this.leaders.watchBusiest(status.boards ?? []);
        this.panels.draw(status);
    }

    drawSparks(samples) {
        const now_ms = Date.now();
        /* A page that was just opened shows its one minute, not four empty ones before it. */
        const window_ms = Math.min(
            HISTORY_MS,
            Math.max(WINDOW_MIN_MS, now_ms - (samples[0]?.ms ?? now_ms)),
        );
        const of = (field) => samples.map((sample) => [sample.ms, sample[field]]);
        for (const [tile, points] of [
            [this.events, of("events_per_s")],
            [this.ack, of("p99")],
            [this.journal, journalRates()],
            [this.server, of("memory_bytes")],
        ])
            tile.spark.draw(points, now_ms, window_ms, GAP_MS);
    }

    drawEmpty() {
        if (this.state.querySelector(".state")) return;
        this.state.replaceChildren(
            emptyState(
                "Nothing flows yet",
                "Define a stream, a board on it, and send the first event:",
                firstEvent(),
            ),
        );
    }

    update() {
        paint(this.draw);
    }

    unmount() {
        clearInterval(this.clock);
        for (const end of this.ends) end();
        forget(this.draw);
        this.leaders.close();
        this.panels.close();
    }
}

export function mount(root) {
    return new OverviewPage(root);
}
