// SPDX-License-Identifier: Apache-2.0
/* sample.js - what the server of the tests knows: definitions, and events that end now. */

export const CONFIG = {
    partitions: 2,
    workers: 2,
    streams: {
        plays: {
            fields: { player: "string", points: "int", region: "string", at: "time" },
            key: "player",
            time: "at",
            lateness: "2s",
        },
    },
    metrics: {
        plays_by_region: { stream: "plays", value: "count()", by: ["region"], every: "1s" },
        points_mean: { stream: "plays", value: "avg(points)", every: "1s" },
        points_sum: { stream: "plays", value: "sum(points)", by: ["region"], every: "10s" },
    },
    boards: {
        season: { stream: "plays", member: "player", score: "sum(points)" },
        regions: { stream: "plays", member: "player", score: "sum(points)", by: ["region"] },
        hall: { type: "float", order: "asc" },
    },
};

export const REGIONS = ["Africa", "Asia", "Europe", "Oceania"];
const NAMES = [
    "Ada",
    "Bela",
    "Chidi",
    "Dana",
    "Emil",
    "Fatima",
    "Goran",
    "Hana",
    "Ines",
    "Jun",
    "Kofi",
    "Lars",
    "Mira",
    "Noor",
    "Olga",
    "Pavel",
];

/* 160 players; the first is far ahead. */
export function player(index) {
    return `${NAMES[index % NAMES.length]} ${String.fromCharCode(65 + (index >> 4))}.`;
}

export function play(index, points, at = Date.now()) {
    return { player: player(index), points, region: REGIONS[index % REGIONS.length], at };
}

/* Two minutes of it, the same every time. */
export async function seed(server) {
    const now_ms = Date.now();
    const rows = [];
    for (let second = 120; second > 0; second--)
        for (let index = 0; index < 40; index++) {
            const who = (index * 7 + second * 13) % 160;
            rows.push(play(who, ((who * 37 + second) % 90) + 10, now_ms - second * 1000));
        }
    rows.push(play(0, 100000, now_ms - 900));
    await server.send("plays", rows);
}
