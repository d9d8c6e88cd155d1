// SPDX-License-Identifier: Apache-2.0
/*
 * chart.js - a live line chart (uPlot) in the colours of the page.
 *
 * Final values are solid lines, provisional ones dashed on a hatched ground. Drag chooses a range,
 * double click gives it back; both only tell the page, which keeps the range in the address. The
 * crosshair is shared by all charts of a page.
 */
import uPlot from "/vendor/uPlot.esm.js";
import { columnsOf } from "./chart_data.js";
import { timeTicks, valueRange, valueTicks } from "./chart_axes.js";
import { directLabels, hatching, labelRoom } from "./chart_marks.js";
import { cssColor } from "./theme.js";
import { zoneName } from "./when.js";

const HEIGHT = 360;
const HEIGHT_NARROW = 260;
const NARROW = 640;
const DRAG_MIN_PX = 8;
const POINT_ROOM_PX = 14;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/* Points on the line where there is room, and always where a value stands alone. */
function visiblePoints(u, index) {
    const values = u.data[index];
    const roomy = u.bbox.width / uPlot.pxRatio / Math.max(1, values.length) > POINT_ROOM_PX;
    const out = [];
    values.forEach((value, at) => {
        const alone = (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
        if (value !== null && (roomy || alone)) out.push(at);
    });
    return out;
}

export class Chart {
    /*
     * handlers: onZoom(from_ms, to_ms), onReset(), onCursor(ms | null),
     * onBegins(value | null): where the value axis begins, when that is not zero
     */
    constructor(host, handlers) {
        this.host = host;
        this.handlers = handlers;
        this.plot = null;
        this.resized = new ResizeObserver(() => this.fit());
        this.resized.observe(host);
    }

    /*
     * model: {series: [{key, label, color, points}], step_ms, from_ms, to_ms, from_zero, title}
     * from_ms and to_ms null: as far as the values go.
     */
    draw(model) {
        this.model = model;
        const width = this.host.clientWidth;
        if (!width) return;
        const columns = columnsOf(model.series, model.step_ms);
        this.columns = columns;
        const data = [
            columns.times,
            ...model.series.flatMap((_, at) => [columns.finals[at], columns.provisionals[at]]),
        ];
        const shape = JSON.stringify([
            model.series.map(({ key, color }) => [key, color]),
            zoneName(),
            width < NARROW,
        ]);
        if (this.plot && shape === this.shape) {
            this.plot.setData(data, true);
            return;
        }
        this.shape = shape;
        this.plot?.destroy();
        this.plot = new uPlot(this.options(width), data, this.host);
        this.host.setAttribute(
            "aria-label",
            `${model.title}: a line chart of ${model.series.length} series, with a table below it`,
        );
    }

    provisional() {
        return this.columns?.provisional_from_ms !== null;
    }

    redraw() {
        this.shape = null;
        if (this.model) this.draw(this.model);
    }

    fit() {
        const width = this.host.clientWidth;
        if (!this.plot || !width || width === this.plot.width) return;
        if (width < NARROW !== this.plot.width < NARROW) this.redraw();
        else this.plot.setSize({ width, height: this.plot.height });
    }

    options(width) {
        const narrow = width < NARROW;
        const { series } = this.model;
        const labelled = !narrow && series.length > 1;
        return {
            width,
            height: narrow ? HEIGHT_NARROW : HEIGHT,
            ms: 1,
            padding: [12, labelled ? labelRoom(series, FONT) : 12, 0, 0],
            tzDate: (ms) =>
                zoneName() === "utc" ? uPlot.tzDate(new Date(ms), "Etc/UTC") : new Date(ms),
            legend: { show: false },
            scales: {
                x: { time: true, range: (u, min, max) => this.timeRange(min, max) },
                y: { range: (u, min, max) => valueRange(min, max, this.model.from_zero) },
            },
            cursor: {
                sync: { key: "page" },
                drag: { x: true, y: false, setScale: false },
                points: { size: 7 },
                y: false,
                bind: { dblclick: () => () => this.handlers.onReset() },
            },
            axes: this.axes(narrow),
            series: [{}, ...series.flatMap((one) => this.lines(one))],
            plugins: [
                hatching(
                    () => this.columns.provisional_from_ms,
                    () => this.model.step_ms,
                ),
                ...(labelled ? [directLabels(() => this.model.series, FONT)] : []),
            ],
            hooks: {
                setScale: [
                    (u, key) =>
                        key === "y" &&
                        this.handlers.onBegins(u.scales.y.min > 0 ? u.scales.y.min : null),
                ],
                setSelect: [(u) => this.selected(u)],
                setCursor: [
                    (u) =>
                        this.handlers.onCursor(
                            u.cursor.idx === null || u.cursor.left < 0
                                ? null
                                : u.data[0][u.cursor.idx],
                        ),
                ],
            },
        };
    }

    timeRange(min, max) {
        const { from_ms, to_ms, step_ms } = this.model;
        if (from_ms !== null && to_ms !== null) return [from_ms, to_ms];
        if (min === null || max === null) return [Date.now() - step_ms, Date.now()];
        return min === max ? [min - step_ms, max + step_ms] : [min, max];
    }

    axes(narrow) {
        const common = { stroke: cssColor("--soft"), font: FONT, ticks: { show: false } };
        const line = { stroke: cssColor("--line"), width: 1 };
        return [
            {
                ...common,
                grid: { show: false },
                border: { show: true, stroke: cssColor("--line-strong"), width: 1 },
                size: 44,
                space: narrow ? 60 : 80,
                values: (u, splits, axis, space, increment) => timeTicks(splits, increment),
            },
            {
                ...common,
                grid: line,
                space: 40,
                gap: 8,
                size: (u, values) =>
                    16 + 7.5 * Math.max(4, ...(values ?? []).map((text) => text?.length ?? 0)),
                values: (u, splits, axis, space, increment) => valueTicks(splits, increment),
            },
        ];
    }

    lines({ color, label }) {
        const stroke = cssColor(color);
        const surface = cssColor("--bg");
        const points = (fill) => ({
            show: true,
            size: 5,
            stroke,
            fill,
            filter: (u, index) => visiblePoints(u, index),
        });
        return [
            { label, stroke, width: 1.75, points: points(stroke) },
            {
                label: `${label} (provisional)`,
                stroke,
                width: 1.5,
                dash: [3, 4],
                points: {
                    ...points(surface),
                    filter: (u, index) => this.provisionalPoints(u, index),
                },
            },
        ];
    }

    /* Hollow points for provisional values only, not for the final neighbours on the same line. */
    provisionalPoints(u, index) {
        return visiblePoints(u, index).filter((at) => u.data[index - 1][at] === null);
    }

    selected(u) {
        const { left, width } = u.select;
        if (width < DRAG_MIN_PX) return;
        const from_ms = u.posToVal(left, "x");
        const to_ms = u.posToVal(left + width, "x");
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        this.handlers.onZoom(from_ms, to_ms);
    }

    destroy() {
        this.resized.disconnect();
        this.plot?.destroy();
        this.plot = null;
    }
}
