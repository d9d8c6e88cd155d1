// SPDX-License-Identifier: Apache-2.0
/*
 * first_steps.js - the commands that an empty page offers to copy, with this server's own address.
 */

function put(kind, name, definition) {
    const url = `${location.origin}/v1/${kind}/${name}`;
    return `curl -X PUT ${url} \\\n  -d '${JSON.stringify(definition)}'`;
}

const stream = () =>
    put("streams", "plays", {
        fields: { player: "string", points: "int", region: "string" },
        key: "player",
    });
const board = () =>
    put("boards", "season", { stream: "plays", member: "player", score: "sum(points)" });
const metric = () =>
    put("metrics", "plays_by_region", {
        stream: "plays",
        value: "count()",
        by: ["region"],
        every: "1s",
    });
const event = () =>
    `curl ${location.origin}/v1/streams/plays/events \\\n` +
    `  -d '{"player": "ada", "points": 3, "region": "EU"}'`;

export const firstBoard = () => [stream(), board()].join("\n");
export const firstMetric = () => [stream(), metric()].join("\n");
export const firstEvent = () => [stream(), board(), event()].join("\n");
