// SPDX-License-Identifier: Apache-2.0
/*
 * boards_trail.js - the rank of one member over time, as a line: the first place is at the top.
 *
 * While a season runs it is what this page has seen; over closed seasons it is what the server
 * remembers.
 */
import { el, setText, svg } from "../lib/dom.js";
import { number } from "../lib/format.js";

const WIDTH = 360;
const HEIGHT = 72;
const EDGE = 6;
const POINTS_MAX = 2000;

/* [[ms, rank]]: a point for each change, the older half thinned out when there are too many. */
export class Trail {
    constructor() {
        this.points = [];
    }

    add(ms, rank) {
        const { points } = this;
        if (points.at(-1)?.[1] === rank) return;
        points.push([ms, rank]);
        if (points.length > POINTS_MAX)
            this.points = points.filter((_, at) => at > POINTS_MAX / 2 || at % 2 === 0);
    }
}

/*
 * The way of the line through a box, as the d of a path. Ranks hold until the next one, so it has
 * steps. The height is of ratios, for from 20th to 10th is as far as from 2,000th to 1,000th; and
 * fewer than four places fill only a part of it.
 */
export function stepPath(points, end_ms) {
    const ranks = points.map(([, rank]) => rank);
    const best = Math.min(...ranks);
    const range = Math.log(Math.max(best + 3, ...ranks) / best);
    const from_ms = points[0][0];
    const wide_ms = Math.max(1, end_ms - from_ms);
    const x = (ms) => ((WIDTH * (ms - from_ms)) / wide_ms).toFixed(1);
    const y = (rank) => (EDGE + ((HEIGHT - 2 * EDGE) * Math.log(rank / best)) / range).toFixed(1);
    let path = `M${x(from_ms)} ${y(ranks[0])}`;
    for (const [ms, rank] of points.slice(1)) path += `H${x(ms)}V${y(rank)}`;
    return `${path}H${x(end_ms)}`;
}

export class TrailView {
    constructor(title) {
        this.title = title;
        this.line = svg("path", { class: "spark-line" });
        this.picture = svg(
            "svg",
            {
                class: "trail-line",
                viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
                preserveAspectRatio: "none",
                role: "img",
            },
            this.line,
        );
        this.best = el("span");
        this.from = el("span");
        this.to = el("span");
        this.element = el(
            "figure",
            { class: "trail" },
            el("figcaption", null, el("span", { text: title }), this.best),
            this.picture,
            el("div", { class: "trail-foot" }, this.from, this.to),
        );
    }

    /* points: [[ms, rank]]; text_of(ms) names the ends. */
    draw(points, end_ms, text_of, to_text) {
        this.element.hidden = points.length === 0;
        if (points.length === 0) return;
        const ranks = points.map(([, rank]) => rank);
        const best = number(Math.min(...ranks));
        const worst = number(Math.max(...ranks));
        const from = text_of(points[0][0]);
        this.line.setAttribute("d", stepPath(points, end_ms));
        setText(this.best, best === worst ? `#${best}` : `best #${best} · lowest #${worst}`);
        setText(this.from, from);
        setText(this.to, to_text);
        this.picture.setAttribute(
            "aria-label",
            `${this.title}: since ${from} from ${number(ranks[0])} to ${number(ranks.at(-1))}, ` +
                `best ${best}, lowest ${worst}`,
        );
    }
}
