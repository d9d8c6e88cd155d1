// SPDX-License-Identifier: Apache-2.0
/*
 * metrics_export.js - what is shown, as CSV: one line a point, times in RFC 3339.
 *
 * Made here from what is on the screen, so that the file is the picture. A label that a spreadsheet
 * would take for a formula gets an apostrophe before it.
 */

function cell(value) {
    let text = String(value ?? "");
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/* series: [{labels, points}] */
export function csvOf(metric, series) {
    const names = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))];
    const lines = [["time", ...names, metric, "state"]];
    for (const { labels, points } of series)
        for (const [ms, value, state] of points)
            lines.push([
                new Date(ms).toISOString(),
                ...names.map((name) => String(labels[name] ?? "")),
                value,
                state ?? "final",
            ]);
    return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function download(name, text) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}
