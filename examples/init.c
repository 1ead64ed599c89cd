/* SPDX-License-Identifier: MIT */
/*
 * init.c - the first environment: makes the partitions that the plan names (docs/report.md),
 * watches them, tells the host how each ended, and powers the machine off after the last.
 *
 * Invariant  I1 every channel of the plan gets one status, also where its partition could not be
 * made.
 */
#include <stdarg.h>
#include <stddef.h>
#include "abi/account.h"
#include "abi/event.h"
#include "lib/format.h"
#include "lib/plan.h"
#include "lib/string.h"
#include "libos/exo/exo.h"
#include "libos/exo/launch.h"
#include "call_stubs.h"

enum {
    COUNTER_STOP = COUNTER_FIRST_FREE, /* raised whenever a partition stops */
    ACCOUNT_SLOTS = 32,                /* channel n's account stands at ACCOUNT_SLOTS + n */
    SLICE_NS = 10 * 1000 * 1000,
    STATUS_FAULT = 125,  /* we could not make it */
    STATUS_NOEXEC = 126, /* its library is no executable, or larger than its memory */
    STATUS_SIGNAL = 128,
    SIGNAL_KILL = 9,
    SIGNAL_SEGV = 11,
};
_Static_assert((int)ACCOUNT_SLOTS >= (int)LAUNCH_SLOT_END, "slots");
_Static_assert(ACCOUNT_SLOTS + CHANNEL_MAX <= SLOTS_PER_TABLE, "slots");

struct job {
    struct partition partition;
    char name[PLAN_NAME_MAX];
    uint64_t own; /* frames charged to root itself before it was launched */
    enum { JOB_NONE, JOB_RUNNING } phase;
};

static struct job jobs[CHANNEL_MAX];
static struct module modules[BUNDLE_MODULES_MAX];
static bool log_on;
static const struct console borrowed_console = {LAUNCH_CONSOLE, SLOT_EVENTS, COUNTER_CONSOLE};

/* A line on the kernel's log. */
static void __attribute__((format(printf, 1, 2))) log_line(const char *fmt, ...)
{
    char line[200];
    va_list args;
    size_t length;

    va_start(args, fmt);
    length = format_v(line, sizeof(line), fmt, args);
    va_end(args);
    if (length >= sizeof(line))
        length = sizeof(line) - 1;
    call_log_write(SLOT_MACHINE, (uintptr_t)line, length);
}

/* Nothing can be done at all. */
static void __attribute__((noreturn)) give_up(const char *why)
{
    log_line("init: %s", why);
    for (;;)
        call_power_off(SLOT_MACHINE, 1);
}

/* The module of that name, mapped; null: there is none, or no memory for its tables. */
static const struct module *
module_find(const char *name)
{
    const struct boot_page *boot = exo_boot_page;

    for (uint32_t i = 0; i < boot->n_modules && i < BUNDLE_MODULES_MAX; i++) {
        const struct boot_module *m = &boot->module[i];
        uint64_t pages = (m->length + FRAME_BYTES - 1) >> FRAME_SHIFT;
        uint64_t va;

        if (strcmp(m->name, name) != 0)
            continue;
        if (modules[i].bytes)
            return &modules[i];
        va = room_take(pages);
        if (!va || space_map_run(&exo_space, va, m->first_frame, pages, MAP_READ, SLOT_ACCOUNT))
            return NULL;
        modules[i] = (struct module){(const void *)va, m->length, m->first_frame};
        return &modules[i];
    }
    return NULL;
}

/* A buffer for a partition's strings that holds `bytes`; null: too many, or no memory. */
static char *
strings_buffer(uint64_t bytes)
{
    static uint64_t va, pages;
    uint64_t want = (bytes + FRAME_BYTES - 1) >> FRAME_SHIFT;

    if (!va)
        va = room_take(START_STRINGS_MAX >> FRAME_SHIFT);
    if (!va || bytes > START_STRINGS_MAX)
        return NULL;
    if (want > pages) {
        if (space_fill(&exo_space, va + (pages << FRAME_SHIFT), want - pages, MAP_READ | MAP_WRITE))
            return NULL;
        pages = want;
    }
    return (char *)va;
}

typedef bool string_take(struct lines *block, struct word *out);

/* Decode strings of a block to `to`, or only add up the room they may need. False: malformed. */
static bool
strings_decode(const struct plan_partition *part, string_take *take, char *to, uint64_t *n_bytes)
{
    struct lines at = part->block;
    struct word word;

    while (take(&at, &word)) {
        int64_t length = (int64_t)word.length;

        if (to)
            length = percent_decode(to + *n_bytes, word.length + 1, word);
        if (length < 0)
            return false;
        *n_bytes += (uint64_t)length + 1;
    }
    return true;
}

static const char *
strings_set(const struct plan_partition *part, struct launch *l)
{
    uint64_t room = 0;
    char *buffer;

    strings_decode(part, plan_argument_next, NULL, &room);
    strings_decode(part, plan_environment_next, NULL, &room);
    buffer = strings_buffer(room);
    if (!buffer)
        return "its arguments and variables are too long";
    if (!strings_decode(part, plan_argument_next, buffer, &l->strings_bytes) ||
        !strings_decode(part, plan_environment_next, buffer, &l->strings_bytes))
        return "an argument in the plan is malformed";
    l->strings = buffer;
    l->n_arguments = part->n_arguments;
    l->n_environment = part->n_environment;
    return NULL;
}

/* All that the launch asks for. Null, or why not. */
static const char *
launch_describe(const struct plan_partition *part, struct launch *l)
{
    const struct module *library = module_find(part->library);
    const struct module *program = part->program[0] ? module_find(part->program) : NULL;

    if (!library || (part->program[0] && !program))
        return "a module of the plan is missing, or there is no memory for its page tables";
    *l = (struct launch){
        .name = part->name,
        .channel = part->channel,
        .account_slot = ACCOUNT_SLOTS + part->channel,
        .limit_frames = part->memory_bytes >> FRAME_SHIFT,
        .library = *library,
        .stop_index = COUNTER_STOP,
        .position = part->channel,
        .slice_ns = SLICE_NS,
        .inspects = part->channel == 1 && line_has_word(exo_boot_page->arguments, "inspect"),
    };
    if (program)
        l->program = *program;
    return strings_set(part, l);
}

/* I1 for a partition that there is not: by the console that it has already, or one of ours. */
static void
job_refuse(const struct plan_partition *part, const struct partition *p, int status,
           const char *why)
{
    const struct console *console = p->has_console ? &launch_console : &borrowed_console;
    uint64_t frame = 0;

    log_line("init: %s: %s", part->name, why);
    if (!p->has_console && console_borrow(part->channel, &frame) < 0)
        give_up("no memory to say that a partition cannot be made");
    report_line(console, "note %s", why);
    console_end(console, (uint64_t)status);
    if (p->has_console)
        partition_destroy(p);
    else
        console_discard(frame);
}

/* Frames charged to root and to no partition. */
static uint64_t
own_frames(void)
{
    struct account_state state = {0};
    uint64_t n;

    call_account_read(SLOT_ACCOUNT, (uintptr_t)&state);
    n = state.used_frames;
    for (uint32_t i = 0; i < CHANNEL_MAX; i++) {
        if (jobs[i].phase == JOB_NONE)
            continue;
        call_account_read(jobs[i].partition.account_slot, (uintptr_t)&state);
        n -= state.used_frames;
    }
    return n;
}

static void
job_start(const struct plan_partition *part)
{
    struct job *job = &jobs[part->channel];
    struct launch launch;
    uint64_t own = log_on ? own_frames() : 0;
    const char *why = launch_describe(part, &launch);
    int error = why ? -E_INVAL : partition_launch(&launch, &job->partition, &why);
    bool its_own = error == -E_NOEXEC || error == -E_DQUOT;

    if (error) {
        job_refuse(part, &job->partition, its_own ? STATUS_NOEXEC : STATUS_FAULT, why);
        return;
    }
    memcpy(job->name, part->name, sizeof(job->name));
    job->own = own;
    job->phase = JOB_RUNNING;
    if (log_on)
        log_line("init: %s: started on channel %u, %lu frames at most; %ld of root's own",
                 job->name, part->channel, launch.limit_frames, (int64_t)(own_frames() - own));
}

static bool
peek_at_hand(uint64_t va, uint64_t *out)
{
    return call_context_peek(LAUNCH_CONTEXT, va, (uintptr_t)out, sizeof(*out)).value ==
           sizeof(*out);
}

/* Report the end of one that the kernel stopped; its status. */
static int
death_report(const struct context_state *state)
{
    const struct save_area *save = &state->save;
    int signal = state->cause == CAUSE_DEPTH ? exception_signal(save->vector) : SIGNAL_SEGV;

    if (state->cause == CAUSE_STOPPED || state->cause == CAUSE_DESTROYED)
        return STATUS_SIGNAL + SIGNAL_KILL;
    report_line(&launch_console, "died %d the library OS failed: %s %s (0x%lx) at 0x%lx", signal,
                exception_words(save->vector),
                state->cause == CAUSE_DEPTH ? "that it could not take" : "while it resumed",
                save->address, save->rip);
    report_registers(&launch_console, save);
    report_frames_by(&launch_console, save, peek_at_hand);
    return STATUS_SIGNAL + signal;
}

/* The partition has stopped and is at hand: say its status, and take all back. */
static void
job_finish(struct job *job, int status)
{
    struct account_state account = {0}, root = {0};
    int error;

    console_end(&launch_console, (uint64_t)status);
    call_account_read(job->partition.account_slot, (uintptr_t)&account);
    error = partition_destroy(&job->partition);
    call_account_read(SLOT_ACCOUNT, (uintptr_t)&root);
    job->phase = JOB_NONE;
    if (error)
        log_line("init: %s: not all came back: error %d", job->name, -error);
    if (log_on)
        log_line("init: %s: status %d, peak %lu bytes; %lu frames in use now, %ld of root's own",
                 job->name, status, account.peak_frames << FRAME_SHIFT, root.used_frames,
                 (int64_t)(own_frames() - job->own));
}

/* Finish the partition if it has stopped. */
static void
job_look(struct job *job)
{
    struct context_state state;
    int status = STATUS_SIGNAL + SIGNAL_KILL;

    if (job->phase != JOB_RUNNING)
        return;
    if (partition_at_hand(&job->partition) == 0) { /* else it has ended its own context */
        if (call_context_read(LAUNCH_CONTEXT, (uintptr_t)&state).value < 0 ||
            state.phase != CONTEXT_STOPPED)
            return;
        status = state.cause == CAUSE_EXIT ? (int)(state.status & 255) : death_report(&state);
    }
    job_finish(job, status);
}

static void
job_kill(uint64_t channel, uint64_t status)
{
    struct job *job = &jobs[channel];

    if (job->phase != JOB_RUNNING)
        return;
    if (partition_at_hand(&job->partition) == 0)
        call_context_stop(LAUNCH_CONTEXT);
    job_finish(job, (int)status);
}

/* One line of channel 0's input; what is not a command is ignored. */
static void
command_run(struct line line)
{
    struct word word[3];
    uint64_t channel, status;

    if (words_split(line, word, 3) == 3 && word_is(word[0], "kill") &&
        number_decimal(word[1], &channel) == 0 && channel < CHANNEL_MAX &&
        number_decimal(word[2], &status) == 0 && status < 256)
        job_kill(channel, status);
}

/* Run what commands are there. */
static void
commands_read(void)
{
    static char text[LINE_BYTES_MAX];
    static size_t n;
    int64_t got;

    while ((got = call_console_read(SLOT_CONSOLE, (uintptr_t)text + n, sizeof(text) - n).value) >
           0) {
        struct lines lines = lines_of(text, n + (size_t)got);
        struct line line;

        while (line_next(&lines, &line))
            command_run(line);
        n = (size_t)(lines.end - lines.at);
        memmove(text, lines.at, n);
        if (n == sizeof(text)) /* no line is that long: drop it */
            n = 0;
    }
}

static uint32_t
jobs_running(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < CHANNEL_MAX; i++)
        n += jobs[i].phase == JOB_RUNNING;
    return n;
}

/* Until the last partition has ended. */
static void
jobs_watch(void)
{
    while (jobs_running() > 0) {
        struct wait_clause clauses[] = {{SLOT_EVENTS, WAIT_EVENT, COUNTER_STOP, 0},
                                        {SLOT_EVENTS, WAIT_EVENT, COUNTER_CONSOLE, 0}};

        for (int i = 0; i < 2; i++)
            clauses[i].value = (uint64_t)call_event_read(SLOT_EVENTS, clauses[i].where).value;
        commands_read();
        for (uint32_t i = 0; i < CHANNEL_MAX; i++)
            job_look(&jobs[i]);
        if (jobs_running() > 0)
            call_wait((uintptr_t)clauses, 2);
    }
}

/* Channel 0, for commands. */
static void
commands_begin(void)
{
    uint64_t frame;

    if (pool_take_run(&exo_pool, 2, &frame) < 0 ||
        call_console_make(SLOT_MACHINE, SLOT_ACCOUNT, SLOT_CONSOLE, frame, 1, 0, SLOT_EVENTS,
                          COUNTER_CONSOLE)
                .value < 0)
        give_up("no console for commands");
}

/*
 * What launches take of ours is there before the first: modules mapped, room for the most strings,
 * what launch_begin says. Who asks for too much is refused when it comes to that.
 */
static void
jobs_prepare(const struct module *text)
{
    struct plan plan = plan_of(text->bytes, text->length);
    struct plan_partition part;
    struct launch launch;
    uint32_t n = 0;

    for (; plan_next(&plan, &part) > 0; n++)
        (void)launch_describe(&part, &launch);
    if (n > 0 && launch_begin(n) < 0)
        give_up("no memory to make partitions with");
}

int
exo_main(const struct start_page *start)
{
    const struct module *text;
    struct plan_partition part;
    struct plan plan;
    int more;

    (void)start;
    if (!exo_boot_page) {
        report_line(&exo_console, "died 0 the kernel starts it, and nobody else: name another one");
        return STATUS_NOEXEC;
    }
    text = module_find("plan");
    if (!text)
        give_up("the bundle has no plan");
    commands_begin();
    jobs_prepare(text);
    plan = plan_of(text->bytes, text->length);
    while ((more = plan_next(&plan, &part)) > 0) {
        log_on = plan.log;
        job_start(&part);
    }
    if (more < 0) {
        log_line("init: plan, line %u: %s", plan.line_number, plan.why);
        give_up("the plan is malformed");
    }
    jobs_watch();
    for (;;)
        call_power_off(SLOT_MACHINE, 0);
}
