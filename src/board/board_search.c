// SPDX-License-Identifier: Apache-2.0
/*
 * board_search.c - members by a part of their name.
 *
 * A scan over the records, which lie in order in memory. Case is folded by a fixed rule and not by
 * the locale: ASCII, and of the two-byte letters of UTF-8 Latin-1, Latin Extended-A, Greek and
 * Cyrillic. No letter changes its length by that, so folding needs no buffer: bytes are
 * folded while they are compared. Everything else matches byte for byte.
 */
#include "board/board_private.h"

#define NEEDLE_BYTES_MAX 1024u
#define PREFETCH_BYTES 512

/* The lower case of a two-byte letter, as a code point; or itself. */
static uint32_t fold_letter(uint32_t letter)
{
    if (letter >= 0xc0 && letter <= 0xde && letter != 0xd7)
        return letter + 0x20;
    /* Extended-A comes in pairs, upper first; in three stretches the upper one is odd. */
    if ((letter >= 0x100 && letter <= 0x12f) || (letter >= 0x132 && letter <= 0x137) ||
        (letter >= 0x14a && letter <= 0x177))
        return letter | 1;
    if ((letter >= 0x139 && letter <= 0x148) || (letter >= 0x179 && letter <= 0x17e))
        return letter & 1 ? letter + 1 : letter;
    if (letter >= 0x391 && letter <= 0x3a9)
        return letter + 0x20;
    if (letter >= 0x410 && letter <= 0x42f)
        return letter + 0x20;
    if (letter >= 0x400 && letter <= 0x40f)
        return letter + 0x50;
    return letter;
}

/* Folds the character at `text` into `out`; returns how many bytes it has. */
static uint32_t fold_character(const char *text, size_t left, char *out)
{
    unsigned char lead = (unsigned char)text[0];

    if (lead >= 0xc3 && lead <= 0xd1 && left > 1) {
        uint32_t letter = (uint32_t)(lead & 0x1f) << 6 | ((unsigned char)text[1] & 0x3f);
        uint32_t lower = fold_letter(letter);

        out[0] = (char)(0xc0 | lower >> 6);
        out[1] = (char)(0x80 | (lower & 0x3f));
        return 2;
    }
    out[0] = (char)(lead >= 'A' && lead <= 'Z' ? lead + ('a' - 'A') : lead);
    return 1;
}

/* Whether the text begins with the needle, which is folded. */
static bool begins_with(const char *text, size_t left, struct span needle)
{
    size_t at = 0;

    if (left < needle.size)
        return false;
    while (at < needle.size) {
        char folded[2];
        uint32_t size = fold_character(text + at, left - at, folded);

        if (at + size > needle.size || memcmp(folded, needle.data + at, size) != 0)
            return false;
        at += size;
    }
    return true;
}

static bool contains(struct span text, struct span needle)
{
    for (size_t at = 0; at + needle.size <= text.size; at++)
        if (begins_with(text.data + at, text.size - at, needle))
            return true;
    return false;
}

uint32_t board_search(const struct board *board, uint32_t segment, struct span needle,
                      uint32_t from, uint32_t scan_max, struct board_entry *out_entries,
                      uint32_t max, uint32_t *out_next)
{
    const struct board_entries *entries = &board->entries;
    char folded[NEEDLE_BYTES_MAX + 2];
    struct span wanted = {folded, needle.size};
    uint32_t filled = 0;
    uint32_t id = board_entries_seek(entries, from);

    *out_next = BOARD_ENTRY_NONE;
    if (needle.size > NEEDLE_BYTES_MAX || segment == BOARD_SEGMENT_NONE)
        return 0;
    for (size_t at = 0; at < needle.size;)
        at += fold_character(needle.data + at, needle.size - at, folded + at);
    for (; id != ENTRY_NONE && filled < max && scan_max > 0; scan_max--) {
        __builtin_prefetch(entry_at(entries, id) + PREFETCH_BYTES);
        if ((segment == BOARD_SEGMENT_ANY || entry_segment(entries, id) == segment) &&
            contains(entry_member(entries, id), wanted))
            board_get(board, id, &out_entries[filled++]);
        id = board_entries_next(entries, board_entries_after(entries, id));
    }
    *out_next = id;
    return filled;
}
