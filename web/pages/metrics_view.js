// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_view.js - what the address of the Metrics page asks for, and the topic that answers it.
 *
 * #/metrics/NAME?by=LABEL,LABEL&where.LABEL=VALUE&last=120 or &from=TIME&to=TIME, &step=MS,
 * &show=SERIES. What an address has wrong is left out; the rest still makes a view.
 */
import { labelsOf } from "../lib/route.js";
import { topic } from "../lib/api.js";

const LAST_FIRST = 120;
const LAST_MAX = 10000;

export function viewOf(route, definitions) {
    const { params } = route;
    const definition = definitions.find(({ name }) => name === route.name);
    const known = definition?.by ?? [];
    const from_ms = Date.parse(params.get("from"));
    const to_ms = Date.parse(params.get("to"));
    const dated = from_ms < to_ms;
    const last = Number.parseInt(params.get("last"), 10) || LAST_FIRST;
    const where = Object.entries(labelsOf(params, "where."));
    return {
        metric: route.name,
        definition,
        by: (params.get("by") ?? "").split(",").filter((label) => known.includes(label)),
        where: Object.fromEntries(where.filter(([label]) => known.includes(label))),
        last: Math.max(2, Math.min(LAST_MAX, last)),
        from_ms: dated ? from_ms : null,
        to_ms: dated ? to_ms : null,
        step_ms: Number.parseInt(params.get("step"), 10) || null,
        show: params.getAll("show"),
    };
}

export function topicOf(view) {
    const range =
        view.from_ms === null
            ? [["latest", view.last]]
            : [
                  ["start", view.from_ms],
                  ["end", view.to_ms],
              ];
    return topic(
        ["metrics", view.metric],
        [
            ...range,
            ["step", view.step_ms],
            ["by", view.by.join(",")],
            ...Object.entries(view.where).map(([label, value]) => [`where.${label}`, value]),
        ],
    );
}
