/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line, parsed into a struct. No I/O, no memory of its own: it is fuzzed.
 *
 * Options end at the first word that is none, the program; whatever follows it is the program's.
 * Invariants  O1 after success every list has n <= OPTIONS_REPEATS and sizes are not 0.
 *             O2 after failure `error` is one line, without the tool's name, and says what to do.
 */
#include "host/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/error.h"

static const uint64_t DEFAULT_MEMORY_BYTES = 512ull << 20;

static int fail(struct options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int
fail(struct options *o, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(o->error, sizeof o->error, format, arguments);
    va_end(arguments);
    return -E_INVAL;
}

int
options_size(const char *text, uint64_t *bytes)
{
    uint64_t value = 0;
    const char *p = text;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return -E_RANGE;
    if (p == text)
        return -E_INVAL;
    static const char units[] = "kmgt";
    const char *unit = *p ? strchr(units, tolower((unsigned char)*p)) : NULL;
    if (*p && (!unit || p[1]))
        return -E_INVAL;
    if (unit && __builtin_mul_overflow(value, 1ull << (10 * (unit - units + 1)), &value))
        return -E_RANGE;
    *bytes = value;
    return 0;
}

int
options_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n >= 1 && n <= OPTIONS_NAME_MAX && !name[n];
}

static int
set_size(struct options *o, const char *option, const char *value, uint64_t *bytes)
{
    int r = options_size(value, bytes);
    if (r == -E_RANGE)
        return fail(o, "%s %.40s: more than any machine has: give less", option, value);
    if (r < 0)
        return fail(o, "%s %.40s: not a size: write for instance 64m or 1g", option, value);
    if (*bytes == 0)
        return fail(o, "%s %.40s: a partition needs memory: write for instance 64m", option, value);
    return 0;
}

static int
set_memory(struct options *o, const char *value)
{
    return set_size(o, "-m", value, &o->memory_bytes);
}

static int
set_beside_memory(struct options *o, const char *value)
{
    return set_size(o, "--beside-memory", value, &o->beside_memory_bytes);
}

static int
set_name(struct options *o, const char *value)
{
    if (!options_name_ok(value))
        return fail(o, "--name %.40s: a name has 1 to %d letters, digits, '.', '_', '-'", value,
                    OPTIONS_NAME_MAX);
    o->name = value;
    return 0;
}

static int
set_machine(struct options *o, const char *value)
{
    if (!strcmp(value, "q35"))
        o->machine = MACHINE_Q35;
    else if (!strcmp(value, "microvm"))
        o->machine = MACHINE_MICROVM;
    else
        return fail(o, "--machine %.40s: no such machine: it is q35 or microvm", value);
    return 0;
}

static int
set_accel(struct options *o, const char *value)
{
    if (!strcmp(value, "tcg"))
        o->accel = ACCEL_TCG;
    else if (!strcmp(value, "kvm"))
        o->accel = ACCEL_KVM;
    else if (!strcmp(value, "auto"))
        o->accel = ACCEL_AUTO_SAID;
    else
        return fail(o, "--accel %.40s: no such accelerator: it is auto, kvm or tcg", value);
    return 0;
}

static int
set_cpus(struct options *o, const char *value)
{
    uint64_t n;
    if (options_size(value, &n) < 0 || n < 1 || n > OPTIONS_CPUS_MAX)
        return fail(o, "--cpus %.40s: a machine has 1 to %d processors", value, OPTIONS_CPUS_MAX);
    o->cpus = (unsigned)n;
    return 0;
}

static int
list_add(struct options *o, struct options_list *list, const char *option, const char *value)
{
    if (list->n == OPTIONS_REPEATS)
        return fail(o, "%s: given more than %d times", option, OPTIONS_REPEATS);
    list->word[list->n++] = value;
    return 0;
}

static int
add_environment(struct options *o, const char *value)
{
    if (*value == '=' || !strchr(value, '='))
        return fail(o, "-e %.40s: not KEY=VALUE: write for instance -e LANG=C", value);
    return list_add(o, &o->environment, "-e", value);
}

static int
add_beside(struct options *o, const char *value)
{
    if (!value[strspn(value, " ")])
        return fail(o, "--beside: no program: write for instance --beside 'busybox yes'");
    return list_add(o, &o->beside, "--beside", value);
}

static int
add_kernel_word(struct options *o, const char *value)
{
    return list_add(o, &o->kernel_words, "--kernel-arg", value);
}

static int
set_unsafe(struct options *o, const char *value)
{
    (void)value;
    return list_add(o, &o->kernel_words, "--unsafe", "unsafe");
}

static int
add_gdb_word(struct options *o, const char *value)
{
    return list_add(o, &o->gdb_words, "--gdb-arg", value);
}

static int
set_beside_output(struct options *o, const char *value)
{
    o->beside_output = value;
    return 0;
}

static int
set_emulator(struct options *o, const char *value)
{
    o->emulator = value;
    return 0;
}

static int
set_kernel(struct options *o, const char *value)
{
    o->kernel = value;
    return 0;
}

static int
set_input(struct options *o, const char *value)
{
    o->input = value;
    return 0;
}

static int
set_trace(struct options *o, const char *value)
{
    o->trace = value;
    return 0;
}

static int
set_verbose(struct options *o, const char *value)
{
    (void)value;
    o->verbose = 1;
    return 0;
}

struct verb_row {
    const char *word;
    enum options_verb verb;
};

static const struct verb_row verbs[] = {
    {"run", VERB_RUN},           {"gdb", VERB_GDB},     {"image", VERB_IMAGE},
    {"test", VERB_TEST},         {"bench", VERB_BENCH}, {"version", VERB_VERSION},
    {"--version", VERB_VERSION}, {"help", VERB_HELP},   {"--help", VERB_HELP},
    {"-h", VERB_HELP},
};

static int
verb_find(const char *word, enum options_verb *verb)
{
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (!strcmp(word, verbs[i].word)) {
            *verb = verbs[i].verb;
            return 0;
        }
    return -E_NOENT;
}

/* The word that a verb has on the command line. */
static const char *
verb_word(enum options_verb verb)
{
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (verbs[i].verb == verb)
            return verbs[i].word;
    return "help";
}

static int
set_help(struct options *o, const char *value)
{
    (void)value;
    o->topic = verb_word(o->verb);
    o->verb = VERB_HELP;
    return 0;
}

enum row_kind { ROW_WORD, ROW_VALUE };

/* Which verbs know an option. */
enum row_verbs {
    FOR_RUN = 1 << VERB_RUN,
    FOR_GDB = 1 << VERB_GDB,
    FOR_MACHINE = 1 << VERB_RUN | 1 << VERB_GDB,
    FOR_ALL = FOR_MACHINE | 1 << VERB_IMAGE,
};

struct row {
    const char *brief;
    const char *full;
    enum row_kind kind;
    enum row_verbs verbs;
    int (*set)(struct options *o, const char *value);
};

/* clang-format off */
static const struct row rows[] = {
    { "-m", "--memory",        ROW_VALUE, FOR_ALL,     set_memory },
    { "-e", "--env",           ROW_VALUE, FOR_ALL,     add_environment },
    { "",   "--name",          ROW_VALUE, FOR_ALL,     set_name },
    { "-v", "--verbose",       ROW_WORD,  FOR_ALL,     set_verbose },
    { "",   "--machine",       ROW_VALUE, FOR_MACHINE, set_machine },
    { "",   "--accel",         ROW_VALUE, FOR_MACHINE, set_accel },
    { "",   "--cpus",          ROW_VALUE, FOR_MACHINE, set_cpus },
    { "",   "--beside",        ROW_VALUE, FOR_ALL,     add_beside },
    { "",   "--beside-memory", ROW_VALUE, FOR_ALL,     set_beside_memory },
    { "",   "--beside-output", ROW_VALUE, FOR_MACHINE, set_beside_output },
    { "",   "--emulator",      ROW_VALUE, FOR_MACHINE, set_emulator },
    { "",   "--kernel",        ROW_VALUE, FOR_ALL,     set_kernel },
    { "",   "--kernel-arg",    ROW_VALUE, FOR_ALL,     add_kernel_word },
    { "",   "--unsafe",        ROW_WORD,  FOR_ALL,     set_unsafe },
    { "",   "--trace",         ROW_VALUE, FOR_RUN,     set_trace },
    { "",   "--input",         ROW_VALUE, FOR_GDB,     set_input },
    { "",   "--gdb-arg",       ROW_VALUE, FOR_GDB,     add_gdb_word },
    { "-h", "--help",          ROW_WORD,  FOR_ALL,     set_help },
};
/* clang-format on */

/*
 * The row that `word` names, by its whole or by its part before '='; then *value is what follows
 * it.
 */
static const struct row *
row_find(const char *word, const char **value)
{
    size_t length = strcspn(word, "=");
    *value = word[length] ? word + length + 1 : NULL;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!*value && !strcmp(word, rows[i].brief))
            return &rows[i];
        if (strlen(rows[i].full) == length && !strncmp(word, rows[i].full, length))
            return &rows[i];
    }
    return NULL;
}

/* One option at argv[i]; returns how many words it took. */
static int
option_parse(struct options *o, int argc, char *const *argv, int i)
{
    const char *value;
    const struct row *row = row_find(argv[i], &value);
    if (!row)
        return fail(o, "%.40s: no such option: see tessera %s --help", argv[i], verb_word(o->verb));
    if (!(row->verbs & 1 << o->verb))
        return fail(o, "%s: not with the verb %s: see tessera %s --help", row->full,
                    verb_word(o->verb), verb_word(o->verb));
    if (row->kind == ROW_WORD && value)
        return fail(o, "%s: takes no value", row->full);
    int used = row->kind == ROW_VALUE && !value ? 2 : 1;
    if (used == 2) {
        if (i + 1 >= argc)
            return fail(o, "%s: needs a value", argv[i]);
        value = argv[i + 1];
    }
    int r = row->set(o, value);
    return r < 0 ? r : used;
}

static int
launch_parse(struct options *o, int argc, char *const *argv, int i)
{
    while (i < argc && argv[i][0] == '-' && argv[i][1] && o->verb != VERB_HELP) {
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        int r = option_parse(o, argc, argv, i);
        if (r < 0)
            return r;
        i += r;
    }
    if (o->verb == VERB_IMAGE) {
        if (i == argc || !*argv[i])
            return fail(o, "no file given: for instance tessera image iso hello.iso hello");
        o->image = argv[i++];
    }
    o->program = argv + i;
    o->n_program = argc - i;
    if (o->verb != VERB_HELP && (o->n_program == 0 || !*o->program[0]))
        return fail(o, "no program given: for instance tessera %s",
                    o->verb == VERB_GDB     ? "gdb hello"
                    : o->verb == VERB_IMAGE ? "image iso hello.iso hello"
                                            : "run busybox echo hello");
    if (o->beside_output && o->beside.n == 0)
        return fail(o, "--beside-output: needs --beside");
    return 0;
}

static int
is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* image KIND [OPTIONS] FILE PROGRAM ... */
static int
image_parse(struct options *o, int argc, char *const *argv)
{
    if (argc > 2 && is_help(argv[2])) {
        o->topic = "image";
        o->verb = VERB_HELP;
        return 0;
    }
    if (argc < 3 || strcmp(argv[2], "iso") != 0)
        return fail(o,
                    "image: the one kind is iso: for instance tessera image iso hello.iso hello");
    return launch_parse(o, argc, argv, 3);
}

static int
help_parse(struct options *o, int argc, char *const *argv)
{
    enum options_verb about;
    if (argc <= 2)
        return 0;
    if (verb_find(argv[2], &about) < 0 || about == VERB_HELP || about == VERB_VERSION)
        return fail(o, "help %.40s: no such verb: see tessera help", argv[2]);
    o->topic = argv[2];
    return 0;
}

int
options_parse(struct options *o, int argc, char *const *argv)
{
    *o = (struct options){.verb = VERB_HELP,
                          .topic = "tessera",
                          .cpus = 1,
                          .memory_bytes = DEFAULT_MEMORY_BYTES,
                          .beside_memory_bytes = DEFAULT_MEMORY_BYTES};
    if (argc < 2)
        return 0;
    if (verb_find(argv[1], &o->verb) < 0)
        return fail(o, "%.40s: no such verb: see tessera help", argv[1]);
    switch (o->verb) {
    case VERB_HELP:
        return help_parse(o, argc, argv);
    case VERB_VERSION:
        return 0;
    case VERB_RUN:
    case VERB_GDB:
        return launch_parse(o, argc, argv, 2);
    case VERB_IMAGE:
        return image_parse(o, argc, argv);
    case VERB_TEST:
    case VERB_BENCH:
        o->program = argv + 2;
        o->n_program = argc - 2;
        if (o->n_program > 0 && is_help(o->program[0])) {
            o->topic = argv[1];
            o->verb = VERB_HELP;
        }
        return 0;
    }
    return 0;
}
