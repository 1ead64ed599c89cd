/* SPDX-License-Identifier: MIT */
/*
 * check.c - the kernel's own witness in tests (check.h): text, read-only data and descriptor tables
 * are those of the boot, and every frame is accounted for. Nothing of it runs without the word
 * `check`.
 */
#include "kernel/check.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/dev/channel.h"
#include "kernel/console.h"
#include "kernel/context.h"
#include "kernel/event.h"
#include "kernel/flight.h"
#include "kernel/frame.h"
#include "kernel/inspect.h"
#include "kernel/log.h"
#include "kernel/pt.h"
#include "lib/words.h"

static bool check_on;
static uint64_t fingerprint;

struct counts {
    uint64_t of_type[FRAME_TYPES];
    uint64_t owned;
    uint64_t uses;        /* in flight, that frames state */
    uint64_t chained;     /* in the circle of owned frames, each behind its account (owned.h) */
    uint64_t refs;        /* that the frame table states, pins too */
    uint64_t held;        /* that entries and objects hold */
    uint64_t entries;     /* present in tables */
    uint64_t listed;      /* in the reverse lists of frames, rightly */
    uint64_t torn;        /* frames whose entry contradicts itself */
    uint64_t hung, loose; /* cells and slots in use; those of them whose links disagree */
};

/* But the kernel's half, which is in every root. */
static uint64_t
entries_present(uint64_t table)
{
    const uint64_t *entry = frame_address(table);
    uint64_t n = 0;

    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        n += arch_pte_present(entry[i]);
    if (frame_at(table)->type != FRAME_PT4)
        return n;
    return n - arch_root_kernel_entries() - (inspect_leaf(table)->type != LEAF_NONE);
}

/* The entries in the list of frame n that do name it, up to the first that does not (pt.c, M4). */
static uint64_t
entries_listed(uint64_t n)
{
    uint32_t before = 0, name = frame_at(n)->first;
    uint64_t found = 0;

    for (; name && found < frame_at(n)->refs; found++) {
        struct place at = entry_named(name);
        if (!arch_pte_present(*at.entry) || arch_pte_frame(*at.entry) != n ||
            at.link->prev != before)
            return found;
        before = name;
        name = at.link->next;
    }
    return found + (name != 0); /* a list that is too long counts too */
}

/* How many references the object in frame n holds (F1). */
static uint64_t
references_held(uint64_t n)
{
    const void *object = frame_address(n);
    const struct context *context = object;
    const struct console *console = object;

    switch (frame_at(n)->type) {
    case FRAME_PT1:
    case FRAME_PT2:
    case FRAME_PT3:
    case FRAME_PT4: /* the frames named, and for each and the table the companion */
        return 2 * entries_present(n) + 1;
    case FRAME_ACCOUNT:
        return ((const struct account *)object)->n_pages;
    case FRAME_ENV:
        return 2;
    case FRAME_CONTEXT:
        return 3u + !!context->upcall_frame + !!context->entry;
    case FRAME_EVENTS:
        return ((const struct events *)object)->window.frame != 0;
    case FRAME_CONSOLE:
        return console->n_buffer;
    default:
        return 0;
    }
}

static void
leaf_count(struct counts *c, const struct leaf *leaf)
{
    if (leaf->type == LEAF_NONE)
        return;
    c->hung++;
    c->loose += !leaf_whole(leaf);
}

/* The cells and slots in frame n, an object. */
static void
leaves_count(struct counts *c, uint64_t n)
{
    const struct cells *cells = frame_address(n);
    const struct slots *slots = frame_address(n);
    uint32_t n_cells = frame_at(n)->type == FRAME_CELLS ? CELLS_PER_FRAME : 1;

    for (uint32_t i = 0; i < n_cells; i++)
        leaf_count(c, &cells->cell[i].leaf);
    if (frame_at(n)->type == FRAME_EVENTS)
        leaf_count(c, &((const struct events *)frame_address(n))->window.leaf);
    if (frame_at(n)->type == FRAME_CONSOLE)
        leaf_count(c, &((const struct console *)frame_address(n))->told);
    if (frame_at(n)->type == FRAME_CONTEXT) {
        leaf_count(c, &arch_context_of(n)->events);
        leaf_count(c, &arch_context_of(n)->stop);
    }
    for (uint32_t i = 0; i < SLOTS_PER_TABLE && frame_at(n)->type == FRAME_SLOTS; i++)
        leaf_count(c, &slots->slot[i].leaf);
}

/* O1, O2: whatever is behind an account's frame up to the first that it does not cover is all. */
static uint64_t
frames_chained(void)
{
    uint64_t root = frame_of(account_root), n = 0;
    uint32_t before = (uint32_t)root, at = frame_at(root)->next;
    uint32_t within = before; /* the account whose frames come now */

    for (; at != root && frame_at(at)->prev == before; n++) {
        while (frame_at(at)->owner != within && within != root)
            within = frame_at(within)->owner;
        if (frame_at(at)->owner != within)
            return n;
        if (frame_at(at)->type == FRAME_ACCOUNT)
            within = at;
        before = at;
        at = frame_at(at)->next;
    }
    return at == root ? n : 0;
}

/* F7, and of a companion what it says of its table. */
static bool
zero_if_marked(uint64_t n)
{
    const struct frame *f = frame_at(n);
    bool links = f->type == FRAME_COMPANION;
    bool good = f->type != FRAME_PLAIN || f->flags & FRAME_STALE;
    const uint64_t *word = frame_address(links ? f->other : n);

    for (uint64_t i = 0; i < PT_ENTRIES && f->flags & FRAME_ZERO; i++)
        good = good && (!word[i] || (links && arch_pte_present(word[i])));
    return good || !(f->flags & FRAME_ZERO);
}

static struct counts
frames_count(void)
{
    struct counts c = {.chained = frames_chained()};

    for (uint64_t n = 0; n < frame_count; n++) {
        const struct frame *f = frame_at(n);
        if (f->type >= FRAME_TYPES) {
            c.torn++;
            continue;
        }
        c.of_type[f->type]++;
        c.owned += f->owner != 0;
        c.uses += f->flags / FRAME_USE;
        c.refs += f->refs + (f->type == FRAME_PLAIN ? pins_count(n) : 0);
        c.held += references_held(n);
        c.entries += type_is_table(f->type) ? entries_present(n) : 0;
        c.listed += f->type == FRAME_PLAIN || type_is_table(f->type) ? entries_listed(n) : 0;
        if (type_has_cell(f->type))
            leaves_count(&c, n);
        if (frame_is_free(n) != (f->type == FRAME_FREE) ||
            (f->type <= FRAME_FREE && (f->owner || f->refs || f->flags & FRAME_USES)) || /* F2 */
            (f->type == FRAME_IN_FLIGHT && (f->owner || f->refs || !(f->flags & FRAME_USES))) ||
            !zero_if_marked(n))
            c.torn++;
    }
    return c;
}

static const char *
sum(bool good)
{
    return good ? "add up" : "DO NOT ADD UP";
}

void
check_begin(const char *command_line)
{
    check_on = line_has_word(command_line, "check");
    if (check_on)
        fingerprint = arch_fingerprint();
}

void
check_end(void)
{
    struct counts c;
    struct arch_audit audit;
    uint64_t kernel;

    if (!check_on)
        return;
    arch_tables_audit(&audit);
    if (audit.fault)
        log_line("check: mapping %lx IS %s", audit.fault_va, audit.fault);
    else
        log_line("check: %lu mappings are as they must be", audit.n);
    channel_drain();
    log_line("walls: passed %lu times", arch_walls());
    channel_drain();
    c = frames_count();
    kernel = c.of_type[FRAME_KERNEL] + c.of_type[FRAME_ABSENT] + c.of_type[FRAME_IN_FLIGHT] +
             1; /* and root's own frame */
    log_line("check: image and tables %s",
             arch_fingerprint() == fingerprint ? "unchanged" : "CHANGED");
    channel_drain(); /* no line of these is to be lost */
    log_line("check: %lu free + %lu owned + %lu kernel of %lu frames %s", c.of_type[FRAME_FREE],
             c.owned, kernel, frame_count,
             sum(c.of_type[FRAME_FREE] + c.owned + kernel == frame_count && !c.torn));
    channel_drain();
    log_line("check: %lu frames charged to root %s", account_root->state.used_frames,
             sum(c.owned == account_root->state.used_frames && c.owned == c.chained));
    channel_drain();
    log_line(
        "check: %lu references, %lu held; %lu uses in flight, %lu held; %lu entries, %lu found "
        "from their frames; %lu cells and slots, %lu loose: they %s",
        c.refs, c.held, c.uses, flights_uses(), c.entries, c.listed, c.hung, c.loose,
        sum(c.refs == c.held && c.uses == flights_uses() && c.entries == c.listed && !c.loose));
}
