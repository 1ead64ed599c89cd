/* SPDX-License-Identifier: MIT */
/*
 * events.c - the kernel's rings of events, out of a machine's memory, as JSON trace events.
 *
 * One track for each processor. On it lie spans, one in the other: a context while it runs, named
 * by its partition, and in it its calls; idle time; everything else is a point.
 * Invariants  E1 every span that begins ends, later or at once, in the reverse order, on its track;
 *                times on a track never go back.
 *             E2 nothing outside memory[0 .. bytes) is read, whatever lies in it.
 * Source      Google, "Trace Event Format" (Chrome), phases B, E, i and M.
 */
#include "host/events.h"

#include <inttypes.h>
#include <string.h>

#include "abi/context.h"
#include "abi/error.h"
#include "abi/trace.h"
#include "call_names.h"

static const uint64_t NS_PER_S = 1000000000;

/* One processor's track. */
struct track {
    FILE *to;
    const struct events *events;
    const struct trace_head *head;
    const struct trace_name *names;
    unsigned number;
    uint64_t last_ns;
    uint32_t context; /* whose span is open; 0: none */
    int idle;         /* its span is open */
    int in_call;      /* a span of that number is open, inside that of the context */
    uint64_t call;
};

/* Bytes of the machine's memory, copied. */
static int
memory_read(const struct events *e, uint64_t pa, void *to, uint64_t n)
{
    if (pa > e->bytes || n > e->bytes - pa)
        return -E_INVAL;
    memcpy(to, e->memory + pa, n);
    return 0;
}

/* ---- what is written ---- */

static void
event_begin(const struct track *t, char phase)
{
    fprintf(t->to, ",\n{\"ph\":\"%c\",\"pid\":0,\"tid\":%u,\"ts\":%" PRIu64 ".%03u", phase,
            t->number, t->last_ns / 1000, (unsigned)(t->last_ns % 1000));
}

static void
span_end(const struct track *t)
{
    event_begin(t, 'E');
    fprintf(t->to, "}");
}

static void
call_close(struct track *t)
{
    if (t->in_call)
        span_end(t);
    t->in_call = 0;
}

static void
context_close(struct track *t)
{
    call_close(t);
    if (t->context)
        span_end(t);
    t->context = 0;
}

static void
idle_close(struct track *t)
{
    if (t->idle)
        span_end(t);
    t->idle = 0;
}

/* The last that was given to the frame before then: a frame may hold one context after another. */
static const struct trace_name *
name_find(const struct track *t, uint32_t context, uint64_t counter)
{
    uint64_t n = t->head->n_names < TRACE_NAMES_MAX ? t->head->n_names : TRACE_NAMES_MAX;
    while (t->names && n > 0)
        if (t->names[--n].context == context && t->names[n].counter <= counter)
            return &t->names[n];
    return NULL;
}

static void
context_open(struct track *t, const struct trace_record *r)
{
    const struct trace_name *name = name_find(t, r->context, r->counter);
    t->context = r->context;
    event_begin(t, 'B');
    if (name && name->partition < CHANNEL_MAX && t->events->name[name->partition])
        fprintf(t->to, ",\"cat\":\"slice\",\"name\":\"%s", t->events->name[name->partition]);
    else if (name && !name->partition)
        fprintf(t->to, ",\"cat\":\"slice\",\"name\":\"init");
    else if (name)
        fprintf(t->to, ",\"cat\":\"slice\",\"name\":\"partition %" PRIu64, name->partition);
    else
        fprintf(t->to, ",\"cat\":\"slice\",\"name\":\"unnamed");
    fprintf(t->to, "\",\"args\":{\"context\":%u}}", r->context);
}

static void
call_open(struct track *t, const struct trace_record *r)
{
    uint64_t number = r->a;
    enum { NAMES = sizeof call_name_by_number / sizeof call_name_by_number[0] };
    const char *name = number < NAMES ? call_name_by_number[number] : NULL;
    t->in_call = 1;
    t->call = number;
    event_begin(t, 'B');
    fprintf(t->to,
            ",\"cat\":\"call\",\"name\":\"%s\",\"args\":{\"number\":%" PRIu64
            ",\"first\":\"0x%" PRIx64 "\"}}",
            name ? name : "unknown call", number, r->b);
}

/* A point with a name and two arguments, of which an empty one is left out. */
static void
point(const struct track *t, const char *kind, const char *name, const char *what, uint64_t value)
{
    event_begin(t, 'i');
    fprintf(t->to, ",\"s\":\"t\",\"cat\":\"%s\",\"name\":\"%s\",\"args\":{", kind, name);
    if (*what)
        fprintf(t->to, "\"%s\":\"0x%" PRIx64 "\"", what, value);
    fprintf(t->to, "}}");
}

static void
upcall_point(const struct track *t, const struct trace_record *r)
{
    static const char *const names[UPCALL_COUNT] = {
        "upcall exception", "upcall fault", "upcall foreign call", "upcall slice begin",
        "upcall slice end", "upcall event", "upcall revoke",       "upcall transfer",
    };
    const char *what = r->a == UPCALL_FAULT ? "address" : r->a == UPCALL_FOREIGN ? "rax" : "vector";
    point(t, "upcall", r->a < UPCALL_COUNT ? names[r->a] : "upcall", what, r->b);
}

static void
interrupt_point(const struct track *t, const struct trace_record *r)
{
    const char *name = r->a == TRACE_TIMER     ? "timer"
                       : r->a == TRACE_CONSOLE ? "console"
                       : r->a == TRACE_REQUEST ? "request"
                                               : "interrupt";
    point(t, "interrupt", name, "vector", r->a);
}

static void
map_point(const struct track *t, const struct trace_record *r)
{
    event_begin(t, 'i');
    fprintf(t->to,
            ",\"s\":\"t\",\"cat\":\"memory\",\"name\":\"%s\",\"args\":{\"address\":\"0x%" PRIx64
            "\",\"pages\":%" PRIu64 "}}",
            r->event == TRACE_MAP ? "map" : "unmap", r->a, r->b);
}

/* ---- one track ---- */

/* What is open is made to agree with who was current: a record or its end may be lost. */
static void
track_agree(struct track *t, const struct trace_record *r)
{
    if (r->context != t->context || r->event == TRACE_SLICE_BEGIN)
        context_close(t);
    if (r->context || r->event == TRACE_IDLE_END)
        idle_close(t);
    if (r->context && !t->context)
        context_open(t, r);
}

static void
track_take(struct track *t, const struct trace_record *r)
{
    track_agree(t, r);
    switch (r->event) {
    case TRACE_CALL_BEGIN:
        call_close(t);
        if (t->context)
            call_open(t, r);
        break;
    case TRACE_CALL_END:
        call_close(t);
        break;
    case TRACE_SLICE_END:
        context_close(t);
        break;
    case TRACE_IDLE_BEGIN:
        context_close(t);
        idle_close(t);
        t->idle = 1;
        event_begin(t, 'B');
        fprintf(t->to, ",\"cat\":\"idle\",\"name\":\"idle\"}");
        break;
    case TRACE_UPCALL:
        upcall_point(t, r);
        break;
    case TRACE_INTERRUPT:
        interrupt_point(t, r);
        break;
    case TRACE_STOP:
        point(t, "stop", "context stops", "cause", r->b);
        break;
    case TRACE_MAP:
    case TRACE_UNMAP:
        map_point(t, r);
        break;
    default: /* the begin of a slice is the span alone; what is not known here is nothing */
        break;
    }
}

/* Nanoseconds since the kernel's first instruction, never back (E1). */
static void
track_time(struct track *t, uint64_t counter)
{
    uint64_t ticks = counter > t->head->counter_base ? counter - t->head->counter_base : 0;
    unsigned __int128 ns = (unsigned __int128)ticks * NS_PER_S / t->head->counter_hz;
    if (ns > t->last_ns && ns < (unsigned __int128)1 << 62)
        t->last_ns = (uint64_t)ns;
}

/* Returns how many records had been replaced by newer ones. */
static uint64_t
track_write(struct track *t, const struct trace_ring *ring)
{
    uint64_t size = t->head->records_per_cpu, lost = ring->next > size ? ring->next - size : 0;
    struct trace_record r;
    fprintf(t->to,
            ",\n{\"ph\":\"M\",\"pid\":0,\"tid\":%u,\"name\":\"thread_name\",\"args\":{\"name\":"
            "\"processor %u\"}}",
            t->number, t->number);
    if (ring->next >= size) /* its place may hold half of a record that a killed machine began */
        lost = ring->next - size + 1;
    for (uint64_t n = lost; n < ring->next; n++) {
        if (memory_read(t->events, ring->pa + n % size * sizeof r, &r, sizeof r) < 0)
            break;
        track_time(t, r.counter);
        track_take(t, &r);
    }
    context_close(t);
    idle_close(t);
    return lost;
}

/* ---- all ---- */

static int
head_read(const struct events *e, struct trace_head *head)
{
    const uint64_t most = ((uint64_t)TRACE_KIB_MAX << 10) / sizeof(struct trace_record);
    if (memory_read(e, e->head_pa, head, sizeof *head) < 0 || head->magic != TRACE_MAGIC ||
        head->version != TRACE_VERSION || !head->counter_hz)
        return -E_INVAL;
    uint64_t n = head->records_per_cpu;
    return n && n <= most && !(n & (n - 1)) ? 0 : -E_INVAL;
}

static int
ring_is_there(const struct events *e, const struct trace_head *head, const struct trace_ring *ring)
{
    uint64_t n = head->records_per_cpu * sizeof(struct trace_record);
    return ring->pa && ring->pa <= e->bytes && n <= e->bytes - ring->pa;
}

int
events_write(FILE *to, const struct events *e)
{
    static struct trace_name names[TRACE_NAMES_MAX];
    static struct trace_head head;
    uint64_t lost = 0;
    int r = e->memory ? head_read(e, &head) : -E_INVAL;
    fprintf(to, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":0,\"name\":"
                "\"process_name\",\"args\":{\"name\":\"Tessera\"}}");
    if (r == 0) {
        int named = memory_read(e, head.names_pa, names, sizeof names) == 0;
        for (unsigned i = 0; i < TRACE_CPUS_MAX; i++) {
            struct track t = {.to = to, .events = e, .head = &head, .number = i};
            t.names = named ? names : NULL;
            if (ring_is_there(e, &head, &head.ring[i]))
                lost += track_write(&t, &head.ring[i]);
        }
    }
    fprintf(to, "\n],\"otherData\":{\"replaced by newer\":%" PRIu64 "}}\n", lost);
    return fflush(to) == 0 && !ferror(to) ? r : -E_IO;
}
