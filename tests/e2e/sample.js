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
        rounds: {
            fields: { player: "string", points: "int", coins: "int", at: "time" },
            key: "player",
            time: "at",
            lateness: "1s",
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
        cup: {
            stream: "rounds",
            member: "player",
            score: "sum(points)",
            subscores: [{ score: "max(points)", order: "desc" }],
            period: "daily",
            milestones: [50, 100, 500],
        },
        vault: { stream: "rounds", member: "player", score: "sum(coins)" },
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

/* Days of the cup: the last one is the season that runs. Times of their own, far from any clock. */
export const DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"];
export const CUP_PLAYERS = 12;

export function round(index, points, at, coins = 0) {
    return { player: player(index), points, coins, at };
}

/* On day d the players stand in another order: player d is the first, the next one second. */
export async function seedCup(server) {
    for (const [day, date] of DAYS.entries()) {
        const rows = [];
        for (let place = 0; place < CUP_PLAYERS; place++)
            rows.push(
                round(
                    (place + day) % CUP_PLAYERS,
                    40 - 3 * place,
                    `${date}T12:00:${String(place).padStart(2, "0")}Z`,
                    1234567890123 * (place + 1),
                ),
            );
        await server.send("rounds", rows);
    }
}
