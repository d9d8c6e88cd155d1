// SPDX-License-Identifier: Apache-2.0
/*
 * format.js - numbers as people read them.
 *
 * One way for each kind, so that columns line up: groups of three, a true minus sign, and a unit in
 * the text wherever the number alone would be a riddle.
 */

const grouped = [0, 1, 2, 3].map(
    (digits) =>
        new Intl.NumberFormat("en-US", {
            minimumFractionDigits: digits,
            maximumFractionDigits: digits,
        }),
);

export const NONE = "–";

export function number(value, digits = 0) {
    if (value === null || value === undefined || Number.isNaN(value)) return NONE;
    return grouped[digits].format(value).replace("-", "−");
}

/* How many decimals a set of values needs to be told apart: none for whole numbers. */
export function digitsFor(values) {
    let digits = 0;
    for (const value of values) {
        if (!Number.isFinite(value) || Number.isInteger(value)) continue;
        digits = Math.max(digits, Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3);
    }
    return digits;
}

export function signed(value, digits = 0) {
    return (value > 0 ? "+" : "") + number(value, digits);
}

const SHORT_FROM = 1e6;

/* A difference for a narrow column: in full, or as +1.23M where that would be cut. */
export function signedShort(value, digits = 0) {
    if (Math.abs(value) < SHORT_FROM) return signed(value, digits);
    return (value > 0 ? "+" : "") + compact(value);
}

const STEPS = [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
];

/* 1234567 is 1.23M: for tiles and axes, where the size matters and not the last digit. */
export function compact(value) {
    if (value === null || value === undefined) return NONE;
    const size = Math.abs(value);
    if (size >= 99999.5)
        for (const [unit, letter] of STEPS)
            if (size >= unit * 0.99995) {
                const scaled = value / unit;
                return (
                    number(scaled, Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2) +
                    letter
                );
            }
    return number(value, Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
    if (value === null || value === undefined) return NONE;
    let unit = 0;
    while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${number(value, unit === 0 || value >= 100 ? 0 : 1)} ${BYTE_UNITS[unit]}`;
}

export function millis(value) {
    if (value === null || value === undefined) return NONE;
    return number(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

const SPANS = [
    [31536e6, "y"],
    [86400e3, "d"],
    [3600e3, "h"],
    [60e3, "min"],
    [1000, "s"],
];

/* A length of time with at most two parts: 2 d 4 h, 1 min, 250 ms. */
export function span(ms) {
    for (let i = 0; i < SPANS.length; i++) {
        const [unit, name] = SPANS[i];
        if (ms < unit) continue;
        const whole = Math.floor(ms / unit);
        const next = SPANS[i + 1];
        const rest = next && whole < 10 ? Math.floor((ms % unit) / next[0]) : 0;
        return rest ? `${whole} ${name} ${rest} ${next[1]}` : `${whole} ${name}`;
    }
    return `${Math.round(ms)} ms`;
}

export function percent(value) {
    if (value === null || value === undefined) return NONE;
    const digits = value === 100 || value === 0 ? 0 : value >= 99.95 || value < 10 ? 2 : 1;
    return `${number(value, digits)} %`;
}

/* A definition's value or score is text, or an object in answers that spell it out. */
export function expression(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "string") return value;
    return value.name
        ? `${value.name}(${[].concat(value.field ?? value.args ?? []).join(", ")})`
        : JSON.stringify(value);
}

/* counted(1, "watch", "watches") is "1 watch". */
export function counted(count, one, many) {
    return `${number(count)} ${count === 1 ? one : many}`;
}

/* {federation: "NOR", mode: "blitz"} is "NOR · blitz". */
export function labelText(labels) {
    const values = Object.values(labels).map((value) => (value === "" ? "(empty)" : String(value)));
    return values.length ? values.join(" · ") : "all";
}

const STROKES = {
    ł: "l",
    ø: "o",
    đ: "d",
    ð: "d",
    ħ: "h",
    ı: "i",
    ß: "ss",
    æ: "ae",
    œ: "oe",
    þ: "th",
};

/*
 * For comparing what is typed with what is stored: case, accents and strokes through letters fall
 * away.
 */
export function folded(text) {
    return String(text)
        .toLowerCase()
        .normalize("NFD")
        .replace(/\p{M}/gu, "")
        .replace(/[łøđðħıßæœþ]/g, (letter) => STROKES[letter]);
}
