// SPDX-License-Identifier: Apache-2.0
/*
 * boards_past.js - how a ranking stood a while ago, from what this page has seen of it.
 *
 * A picture of the first rows is taken every ten seconds. Of the last six minutes all are kept, of
 * the last hour one a minute, and those that were taken by choice. The server does not tell the
 * past of a season that still runs, so what came before the page was opened is not known, and the
 * page says how far back it can look.
 */

export const PICTURE_MS = 10000;
const ROWS_MAX = 1000;
const DENSE_MS = 6 * 60000;
const SPARSE_MS = 62 * 60000;
const CHOSEN_MAX = 20;

/* What can be chosen in the address; the name of each is also how far it looks back. */
export const SPANS_MS = { "1m": 60000, "5m": 300000, "1h": 3600000 };

export class Past {
    constructor(now = () => Date.now()) {
        this.now = now;
        this.pictures = []; /* {at_ms, chosen, size, rows: Map member -> [rank, score]}, in order */
    }

    /* When the first picture was taken, or null. */
    get first_ms() {
        return this.pictures[0]?.at_ms ?? null;
    }

    due() {
        const last = this.pictures.at(-1);
        return !last || this.now() - last.at_ms >= PICTURE_MS;
    }

    /* rows in order of rank; chosen: this one is kept as long as the page. */
    remember(rows, size, chosen = false) {
        const at_ms = this.now();
        const few = rows.slice(0, ROWS_MAX);
        this.pictures.push({
            at_ms,
            chosen: chosen || this.pictures.length === 0,
            count: few.length,
            size,
            rows: new Map(few.map(({ member, rank, score }) => [member, [rank, score]])),
        });
        this.thin(at_ms);
        return at_ms;
    }

    thin(now_ms) {
        let minute = null;
        let chosen = this.pictures.filter((picture) => picture.chosen).length;
        this.pictures = this.pictures.filter((picture, index) => {
            const age_ms = now_ms - picture.at_ms;
            if (picture.chosen && (index === 0 || chosen <= CHOSEN_MAX)) return true;
            if (picture.chosen) chosen--;
            if (age_ms <= DENSE_MS) return true;
            const own = Math.floor(picture.at_ms / 60000);
            if (age_ms > SPARSE_MS || own === minute) return false;
            minute = own;
            return true;
        });
    }

    /* The latest picture that is not younger, else the first one; null before there is any. */
    at(ms) {
        let found = this.pictures[0] ?? null;
        for (const picture of this.pictures) if (picture.at_ms <= ms) found = picture;
        return found;
    }
}

/* The time that a choice of the address means: "5m", milliseconds, or null for "since opened". */
export function sinceTime(since, now_ms) {
    if (since in SPANS_MS) return now_ms - SPANS_MS[since];
    const chosen_ms = Number(since);
    return since && Number.isFinite(chosen_ms) && chosen_ms > 0 ? chosen_ms : null;
}

/*
 * What rows are compared with: {from_ms, short, of(row)}. short: the page has not seen as far back
 * as was asked. of() is {rank, score}, "new" for who was not among the rows of then, or null where
 * that is not known.
 */
export function comparison(model, since) {
    const wanted_ms = sinceTime(since, model.now());
    const { past } = model;
    if (wanted_ms === null)
        return {
            from_ms: past.first_ms,
            short: false,
            of: ({ opened, rank }) => (opened.entered && opened.rank === rank ? "new" : opened),
        };
    const picture = past.at(wanted_ms);
    if (!picture) return { from_ms: null, short: true, of: () => null };
    return {
        from_ms: picture.at_ms,
        short: picture.at_ms > wanted_ms + PICTURE_MS,
        of: ({ member, rank }) => {
            const then = picture.rows.get(member);
            if (then) return { rank: then[0], score: then[1] };
            return rank <= picture.count || picture.count >= picture.size ? "new" : null;
        },
    };
}
