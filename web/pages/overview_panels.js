// SPDX-License-Identifier: Apache-2.0
/*
 * overview_panels.js - the tables of the overview: streams, boards that move, metrics, partitions.
 *
 * Ordered by how busy they are, but by name among equals, so that a quiet server's tables stand
 * still.
 */
import { el } from "../lib/dom.js";
import { go, href } from "../lib/route.js";
import { bytes, compact, labelText, number, span } from "../lib/format.js";
import { moment } from "../lib/when.js";
import { Table } from "../lib/table.js";

const BUSY_MAX = 12;

const link = (page) => (td, row, text) =>
    td.replaceChildren(el("a", { href: href(page, row.name), title: text, text }));
const figure = (id, title, text, more = {}) => ({ id, title, text, class: "num", ...more });

/* A count that should be nothing: with a sign when it is not. */
function trouble(id, title) {
    return {
        id,
        title,
        class: "num wide",
        text: (row) => (row[id] > 0 ? `! ${compact(row[id])}` : "0"),
        fill: (td, row, text) =>
            td.replaceChildren(el("span", { class: row[id] > 0 ? "warn" : "soft", text })),
    };
}

function leaderColumn(leaders) {
    return {
        id: "leader",
        title: "Leads",
        class: "leader wide",
        text: (row) => {
            const first = leaders.of(row.name);
            if (!first) return "";
            const where = Object.keys(first.by).length ? ` (${labelText(first.by)})` : "";
            return `${first.member}${where}`;
        },
        fill: (td, row, text) => {
            const first = leaders.of(row.name);
            const params = first
                ? [
                      ...Object.entries(first.by).map(([label, value]) => [`by.${label}`, value]),
                      ["member", first.member],
                  ]
                : [];
            td.replaceChildren(
                text ? el("a", { href: href("boards", row.name, params), title: text, text }) : "",
            );
        },
    };
}

function byBusy(field) {
    return (a, b) =>
        Math.round((b[field] ?? 0) / 10) - Math.round((a[field] ?? 0) / 10) ||
        (a.name < b.name ? -1 : 1);
}

export class Panels {
    constructor(leaders) {
        const named = (label, columns, page) =>
            new Table({
                label,
                columns,
                headerColumn: 0,
                keyOf: (row) => row.name,
                glides: true,
                onPick: page && ((row) => go(page, row.name)),
            });
        this.streams = named("Busiest streams", [
            { id: "name", title: "Stream", class: "name", text: (row) => row.name },
            figure("events_per_s", "Events/s", (row) => compact(row.events_per_s)),
            figure("events", "Events", (row) => compact(row.events)),
            trouble("late", "Late"),
            figure("duplicates", "Twice", (row) => compact(row.duplicates), {
                class: "num wide",
                hint: "Events that came again and were counted once",
            }),
            figure("watermark", "Seen until", (row) => moment(row.watermark_ms), {
                class: "num until",
                hint: "Watermark: up to this event time everything is taken to be here",
            }),
        ]);
        this.boards = named(
            "Boards that move",
            [
                {
                    id: "name",
                    title: "Board",
                    class: "name",
                    text: (row) => row.name,
                    fill: link("boards"),
                },
                figure("moves", "Moves/s", (row) => compact(row.moves_per_s)),
                figure("members", "Members", (row) => compact(row.members)),
                figure("segments", "Segments", (row) => compact(row.segments)),
                leaderColumn(leaders),
            ],
            "boards",
        );
        this.metrics = named(
            "Metrics",
            [
                {
                    id: "name",
                    title: "Metric",
                    class: "name",
                    text: (row) => row.name,
                    fill: link("metrics"),
                },
                figure("every", "Every", (row) => span(row.every_ms)),
                figure("series", "Series", (row) => compact(row.series)),
                figure("panes", "Panes", (row) => compact(row.panes)),
                { id: "stream", title: "Stream", class: "wide soft", text: (row) => row.stream },
            ],
            "metrics",
        );
        this.partitions = new Table({
            label: "Partitions",
            headerColumn: 0,
            keyOf: (row) => row.partition,
            columns: [
                {
                    id: "partition",
                    title: "Partition",
                    class: "partition",
                    text: (row) => `${row.state === "failed" ? "! failed " : ""}${row.partition}`,
                    fill: (td, row, text) =>
                        td.replaceChildren(
                            el("span", { class: row.state === "failed" ? "warn" : "", text }),
                        ),
                },
                figure("worker", "Worker", (row) => String(row.worker), { class: "num wide" }),
                figure("offset", "Offset", (row) => number(row.offset)),
                figure("journal", "Journal", (row) => bytes(row.journal_bytes)),
                figure("memory", "Memory", (row) => bytes(row.memory_bytes), { class: "num wide" }),
            ],
        });
        this.parts = [
            ["Busiest streams", "streams"],
            ["Boards that move", "boards"],
            ["Metrics", "metrics"],
            ["Partitions", "partitions"],
        ].map(([title, field]) => ({ field, more: el("p", { class: "soft" }), title }));
        this.element = el(
            "div",
            { class: "panels", hidden: true },
            this.parts.map(({ title, field, more }) =>
                el(
                    "section",
                    { class: "panel" },
                    el("h2", { text: title }),
                    this[field].element,
                    more,
                ),
            ),
        );
    }

    draw(status) {
        const rows = {
            streams: [...(status.streams ?? [])].sort(byBusy("events_per_s")),
            boards: [...(status.boards ?? [])].sort(byBusy("moves_per_s")),
            metrics: [...(status.metrics ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
            partitions: status.partitions ?? [],
        };
        this.element.hidden = false;
        for (const { field, more } of this.parts) {
            const all = rows[field];
            const shown = field === "partitions" ? all : all.slice(0, BUSY_MAX);
            this[field].update(shown);
            more.textContent =
                shown.length < all.length ? `and ${number(all.length - shown.length)} more` : "";
            this[field].element.parentElement.hidden = all.length === 0;
        }
    }

    close() {
        for (const { field } of this.parts) this[field].close();
    }
}
