// SPDX-License-Identifier: Apache-2.0
/*
 * chart_marks.js - what is drawn on a chart beside its lines: the hatched ground of what is not
 * final yet, and names at the ends of the lines, each tied to its end where names had to move
 * apart.
 */
import { cssColor } from "./theme.js";
import { spread } from "./chart_data.js";

const HATCH_PX = 7;
const LABEL_PX = 15;
const LABEL_MAX = 20;
const LABEL_GAP_PX = 30;
const TIE_PX = 16;

const short = (text) => (text.length > LABEL_MAX ? text.slice(0, LABEL_MAX - 1) + "…" : text);

/* Diagonal lines from the first provisional value (half a step before it) to the right edge. */
export function hatching(fromMs, stepMs) {
    function draw(u) {
        const from_ms = fromMs();
        if (from_ms === null) return;
        const { ctx, bbox } = u;
        const ratio = devicePixelRatio;
        const wanted = u.valToPos(from_ms - stepMs() / 2, "x", true);
        const left = Math.max(bbox.left, Math.min(wanted, bbox.left + bbox.width));
        const right = bbox.left + bbox.width;
        ctx.save();
        ctx.beginPath();
        ctx.rect(left, bbox.top, right - left, bbox.height);
        ctx.clip();
        ctx.strokeStyle = cssColor("--hatch");
        ctx.lineWidth = ratio;
        ctx.beginPath();
        const distance = HATCH_PX * ratio;
        const start = left - (left % distance) - bbox.height;
        for (let x = start; x < right; x += distance) {
            ctx.moveTo(x, bbox.top + bbox.height);
            ctx.lineTo(x + bbox.height, bbox.top);
        }
        ctx.stroke();
        ctx.restore();
    }
    return { hooks: { drawClear: [draw] } };
}

export function labelRoom(series, font) {
    const ctx = document.createElement("canvas").getContext("2d");
    ctx.font = font;
    return (
        LABEL_GAP_PX +
        6 +
        Math.ceil(Math.max(...series.map(({ label }) => ctx.measureText(short(label)).width)))
    );
}

function lastOf(points) {
    for (let at = points.length - 1; at >= 0; at--) if (points[at][1] !== null) return points[at];
    return null;
}

export function directLabels(seriesOf, font) {
    function draw(u) {
        const { ctx, bbox } = u;
        const ratio = devicePixelRatio;
        const ends = seriesOf()
            .map(({ label, color, points }) => ({ label, color, last: lastOf(points) }))
            .filter(({ last }) => last !== null)
            .map((end) => ({ ...end, y: u.valToPos(end.last[1], "y", true) }))
            .sort((a, b) => a.y - b.y);
        const places = spread(
            ends.map(({ y }) => y),
            LABEL_PX * ratio,
            bbox.top,
            bbox.top + bbox.height,
        );
        ctx.save();
        ctx.font = font.replace(/^(\d+)px/, (_, size) => `${size * ratio}px`);
        ctx.textBaseline = "middle";
        ctx.textAlign = "left";
        ctx.fillStyle =
            cssColor(
                "--ink",
            ); /* words in ink: a line's colour has contrast enough for a line only */
        const right = bbox.left + bbox.width;
        ends.forEach(({ label, color, y }, at) => {
            ctx.strokeStyle = cssColor(color);
            ctx.lineWidth = 1.25 * ratio;
            ctx.beginPath();
            ctx.moveTo(right + 2 * ratio, y);
            ctx.lineTo(right + TIE_PX * ratio, places[at]);
            ctx.stroke();
            ctx.lineWidth = 3 * ratio;
            ctx.beginPath();
            ctx.moveTo(right + TIE_PX * ratio, places[at]);
            ctx.lineTo(right + (LABEL_GAP_PX - 4) * ratio, places[at]);
            ctx.stroke();
            ctx.fillText(short(label), right + LABEL_GAP_PX * ratio, places[at]);
        });
        ctx.restore();
    }
    return { hooks: { draw: [draw] } };
}
