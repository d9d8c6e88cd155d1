// SPDX-License-Identifier: Apache-2.0
/*
 * spark.js - a small line beside a number: where it came from, without axes.
 *
 * The vertical scale begins at zero and the horizontal one is time, so that two of them compare; a
 * missing second is a gap.
 */
import { svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 40;

export class Spark {
    constructor(label) {
        this.line = svg("path", { class: "spark-line" });
        this.area = svg("path", { class: "spark-area" });
        this.element = svg(
            "svg",
            {
                class: "spark",
                viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
                preserveAspectRatio: "none",
                role: "img",
                "aria-label": label,
            },
            this.area,
            this.line,
        );
    }

    /* points: [[ms, value]]; the window is the length of time that the width stands for. */
    draw(points, end_ms, window_ms, gap_ms) {
        const top = points.reduce((max, [, value]) => Math.max(max, value), 0) * 1.1 || 1;
        const x = (ms) => (WIDTH * (1 - (end_ms - ms) / window_ms)).toFixed(1);
        const y = (value) => (HEIGHT - 1 - ((HEIGHT - 2) * value) / top).toFixed(1);
        let line = "";
        let area = "";
        let before = null;
        for (const [ms, value] of points) {
            if (ms < end_ms - window_ms) continue;
            if (before !== null && ms - before <= gap_ms) {
                line += `L${x(ms)} ${y(value)}`;
                area += `L${x(ms)} ${y(value)}`;
            } else {
                if (before !== null) area += `L${x(before)} ${HEIGHT}Z`;
                line += `M${x(ms)} ${y(value)}`;
                area += `M${x(ms)} ${HEIGHT}L${x(ms)} ${y(value)}`;
            }
            before = ms;
        }
        if (before !== null) area += `L${x(before)} ${HEIGHT}Z`;
        this.line.setAttribute("d", line);
        this.area.setAttribute("d", area);
    }
}
