/* SPDX-License-Identifier: MIT */
/*
 * machine.c - one virtual machine: QEMU, its devices, and the ends of its ports.
 *
 * Invariants  M1 the emulator dies with the command, however that ends (PR_SET_PDEATHSIG).
 *             M2 nothing has a name in the file system: sockets are pairs, files are memfds.
 *             M3 the emulator holds the descriptors of `enum child_fd` and no others.
 */
#include "host/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/accel.h"
#include "host/say.h"

enum {
    TRACE_RING_KIB = 4 << 10, /* of each processor */
    MACHINE_OVERHEAD_BYTES =
        32 << 20, /* the kernel, init and what is kept of each, besides the partitions */
    MACHINE_BUNDLE_COPIES = 2, /* as the loader left it, and as partitions hold it */
    MACHINE_ARGUMENTS_MAX = 64,
};

/* What the emulator finds where. */
enum child_fd {
    CHILD_BUNDLE = 3,
    CHILD_CONSOLE = 4,
    CHILD_SERIAL = 5,
    CHILD_REPORT = 6, /* closed by exec: an errno comes if that fails */
    CHILD_MEMORY = 7, /* with --trace */
    CHILD_FDS = 8,
};

struct arguments {
    const char *word[MACHINE_ARGUMENTS_MAX];
    unsigned n;
    const char *accel;
    char memory[32];
    char backend[96];
    char cpus[16];
    char kernel_words[MACHINE_WORDS_BYTES];
    char debug[FILE_PATH_BYTES + 64];
};

static void
add(struct arguments *a, const char *word)
{
    a->word[a->n++] = word; /* fewer than MACHINE_ARGUMENTS_MAX are written below */
}

static void
add_two(struct arguments *a, const char *option, const char *value)
{
    add(a, option);
    add(a, value);
}

static void
add_devices(struct arguments *a, enum options_machine machine)
{
    add_two(a, "-chardev", "socket,id=console,fd=4"); /* CHILD_CONSOLE */
    add_two(a, "-chardev", "socket,id=serial,fd=5");  /* CHILD_SERIAL */
    add_two(a, "-serial", "chardev:serial");
    add_two(a, "-device", "isa-debug-exit,iobase=0xf4,iosize=4");
    if (machine == MACHINE_Q35) {
        add_two(a, "-device", "virtio-serial-pci,disable-legacy=on");
    } else {
        add_two(a, "-global", "virtio-mmio.force-legacy=false");
        add_two(a, "-device", "virtio-serial-device");
    }
    add_two(a, "-device", "virtserialport,nr=1,chardev=console");
}

int
machine_kernel_words(char to[MACHINE_WORDS_BYTES], const struct options *o)
{
    size_t n = (size_t)snprintf(to, MACHINE_WORDS_BYTES, "%s", o->verbose ? "log" : "");
    if (o->trace)
        n += (size_t)snprintf(to + n, MACHINE_WORDS_BYTES - n, "%strace=%d", n ? " " : "",
                              TRACE_RING_KIB);
    for (unsigned i = 0; i < o->kernel_words.n; i++) {
        size_t room = MACHINE_WORDS_BYTES - n;
        size_t length =
            (size_t)snprintf(to + n, room, "%s%s", n ? " " : "", o->kernel_words.word[i]);
        if (length >= room)
            return -E2BIG;
        n += length;
    }
    return 0;
}

static int
arguments_make(struct arguments *a, const struct machine *m, const struct options *o,
               const char *debug_socket)
{
    a->n = 0;
    add(a, m->emulator);
    /* with ACPI, microvm would describe its devices there and not on the kernel's command line */
    add_two(a, "-M", o->machine == MACHINE_Q35 ? "q35" : "microvm,acpi=off");
    if (o->trace) {
        snprintf(a->backend, sizeof a->backend,
                 "memory-backend-file,id=memory,share=on,mem-path=/proc/self/fd/%d,size=%luM",
                 CHILD_MEMORY, m->memory_bytes >> 20);
        add_two(a, "-object", a->backend);
        add_two(a, "-M", "memory-backend=memory");
    }
    add_two(a, "-accel", a->accel);
    add_two(a, "-cpu", "max");
    snprintf(a->cpus, sizeof a->cpus, "%u", o->cpus);
    add_two(a, "-smp", a->cpus);
    snprintf(a->memory, sizeof a->memory, "%luM", m->memory_bytes >> 20);
    add_two(a, "-m", a->memory);
    add(a, "-nodefaults");
    add(a, "-no-user-config");
    add(a, "-no-reboot");
    add_two(a, "-display", "none");
    add_two(a, "-kernel", m->kernel);
    add_two(a, "-initrd", "/proc/self/fd/3"); /* CHILD_BUNDLE */
    if (machine_kernel_words(a->kernel_words, o) < 0)
        return say_fail(EXIT_TOOL, "--kernel-arg: more than %d bytes in all",
                        MACHINE_WORDS_BYTES - 1);
    add_two(a, "-append", a->kernel_words);
    add_devices(a, o->machine);
    if (debug_socket) {
        snprintf(a->debug, sizeof a->debug, "unix:%s,server=on,wait=off", debug_socket);
        add_two(a, "-gdb", a->debug);
        add(a, "-S");
    }
    add(a, NULL);
    return 0;
}

/* MemAvailable of the host, in bytes; UINT64_MAX if it does not say. */
static uint64_t
host_memory(void)
{
    unsigned long kib = 0;
    char line[128];
    FILE *from = fopen("/proc/meminfo", "re");
    while (from && !kib && fgets(line, sizeof line, from))
        sscanf(line, "MemAvailable: %lu kB", &kib);
    if (from)
        fclose(from);
    return kib ? (uint64_t)kib << 10 : UINT64_MAX;
}

static int
memory_size(uint64_t partitions_bytes, const struct bundle *b, const struct options *o,
            uint64_t *bytes)
{
    uint64_t own = MACHINE_OVERHEAD_BYTES + MACHINE_BUNDLE_COPIES * b->length_bytes;
    if (o->trace)
        own += (uint64_t)o->cpus * TRACE_RING_KIB << 10;
    uint64_t available = host_memory();
    if (__builtin_add_overflow(partitions_bytes, own, bytes) || *bytes > available)
        return say_fail(EXIT_TOOL,
                        "-m: %lu MiB for partitions and %lu for the machine, but this host has "
                        "%lu: ask for less",
                        partitions_bytes >> 20, own >> 20, available >> 20);
    *bytes = (((*bytes - 1) >> 20) + 1) << 20;
    return 0;
}

/* In the child: put the descriptors in their places (M3), and become the emulator. */
static void
become_emulator(const struct arguments *a, const int fds[CHILD_FDS], pid_t parent)
{
    int high[CHILD_FDS];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* M1: it died before that line */
        _exit(EXIT_TOOL);
    setsid(); /* the terminal's signals are for the command */
    for (int i = 0; i < CHILD_FDS; i++)
        high[i] = fcntl(fds[i], F_DUPFD, CHILD_FDS);
    for (int i = 0; i < CHILD_FDS; i++)
        dup2(high[i], i);
    syscall(SYS_close_range, CHILD_FDS, ~0u, 0);
    fcntl(CHILD_REPORT, F_SETFD, FD_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    union { /* execvp promises not to write to them */
        const char *const *words;
        char *const *argv;
    } u = {a->word};
    execvp(u.words[0], u.argv);
    int error = errno;
    _exit(write(CHILD_REPORT, &error, sizeof error) == sizeof error ? EXIT_TOOL : EXIT_NO_RUN);
}

/* Our ends and the child's of what they share. */
struct ends {
    int console[2], serial[2], report[2];
    int nothing;
};

static int
ends_make(struct ends *e, struct machine *m)
{
    int type = SOCK_STREAM | SOCK_CLOEXEC;
    if (socketpair(AF_UNIX, type, 0, e->console) < 0 ||
        socketpair(AF_UNIX, type, 0, e->serial) < 0 || pipe2(e->report, O_CLOEXEC) < 0)
        return -errno;
    e->nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    m->complaints = memfd_create("tessera-emulator", MFD_CLOEXEC);
    if (e->nothing < 0 || m->complaints < 0)
        return -errno;
    m->console = e->console[0];
    m->serial = e->serial[0];
    fcntl(m->console, F_SETFL, O_NONBLOCK);
    fcntl(m->serial, F_SETFL, O_NONBLOCK);
    return 0;
}

/*
 * Close the child's ends, and wait until it has become the emulator.  Returns 0, or the errno of
 * exec.
 */
static int
ends_finish(struct ends *e)
{
    int error = 0;
    close(e->console[1]);
    close(e->serial[1]);
    close(e->report[1]);
    close(e->nothing);
    while (read(e->report[0], &error, sizeof error) < 0 && errno == EINTR)
        ;
    close(e->report[0]);
    return error;
}

/* With --trace the machine's memory is a file of ours, which outlives it.  Returns 0, or -errno. */
static int
memory_make(struct machine *m, const struct options *o)
{
    m->memory = -1;
    if (!o->trace)
        return 0;
    m->memory = memfd_create("tessera-memory", MFD_CLOEXEC);
    return m->memory >= 0 && ftruncate(m->memory, (off_t)m->memory_bytes) == 0 ? 0 : -errno;
}

static int
spawn(struct machine *m, const struct arguments *a, const struct bundle *b)
{
    struct ends e;
    int r = ends_make(&e, m);
    if (r < 0)
        return say_fail(EXIT_TOOL, "no sockets for the machine: %s", strerror(-r));
    const int fds[CHILD_FDS] = {
        e.nothing,    m->complaints, m->complaints, b->fd,
        e.console[1], e.serial[1],   e.report[1],   m->memory < 0 ? e.nothing : m->memory};
    pid_t self = getpid();
    m->pid = fork();
    if (m->pid == 0)
        become_emulator(a, fds, self);
    if (m->pid < 0)
        return say_fail(EXIT_TOOL, "no process for the machine: %s", strerror(errno));
    int error = ends_finish(&e);
    if (error == 0)
        return 0;
    machine_wait(m, -1);
    return say_fail(EXIT_TOOL, "%s: %s: install the package qemu-system-x86", m->emulator,
                    error == ENOENT ? "not found" : strerror(error));
}

int
machine_kernel_path(char path[FILE_PATH_BYTES], const struct options *o)
{
    if (o->kernel)
        snprintf(path, FILE_PATH_BYTES, "%s", o->kernel);
    else if (project_path(path, "out/tessera.elf") < 0)
        return say_fail(EXIT_TOOL, "the project was not found: start by ./tessera");
    if (access(path, R_OK) < 0)
        return say_fail(EXIT_TOOL, "%s: %s: build it with make, or start by ./tessera", path,
                        strerror(errno));
    return 0;
}

int
machine_start(struct machine *m, const struct options *o, const struct bundle *b,
              uint64_t partitions_bytes, const char *debug_socket)
{
    struct arguments a = {.n = 0};
    *m = (struct machine){.emulator = o->emulator ? o->emulator : "qemu-system-x86_64"};
    int code = machine_kernel_path(m->kernel, o);
    if (code == 0)
        code = memory_size(partitions_bytes, b, o, &m->memory_bytes);
    if (code == 0)
        code = accel_choose(o, &a.accel);
    if (code == 0)
        code = arguments_make(&a, m, o, debug_socket);
    if (code == 0 && memory_make(m, o) < 0)
        code = say_fail(EXIT_TOOL, "no memory for the machine: %s", strerror(errno));
    return code ? code : spawn(m, &a, b);
}

int
machine_wait(struct machine *m, int grace_ms)
{
    if (m->pid == 0)
        return 1;
    int fd = (int)syscall(SYS_pidfd_open, m->pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&p, 1, grace_ms);
    while (ready < 0 && errno == EINTR);
    close(fd);
    if (ready <= 0)
        return 0;
    while (waitpid(m->pid, &m->exit_wait, 0) < 0 && errno == EINTR)
        ;
    m->pid = 0;
    return 1;
}

void
machine_kill(struct machine *m)
{
    if (m->pid == 0)
        return;
    kill(m->pid, SIGKILL);
    machine_wait(m, -1);
}

void
machine_complain(const struct machine *m)
{
    char text[4096];
    ssize_t n = pread(m->complaints, text, sizeof text - 1, 0);
    if (n <= 0)
        return;
    text[n] = 0;
    char *rest = text;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        say("emulator: %s", line);
}

int
machine_last_complaint(const struct machine *m, char *line, size_t size)
{
    char text[4096];
    off_t end = lseek(m->complaints, 0, SEEK_END);
    off_t from = end > (off_t)sizeof text - 1 ? end - ((off_t)sizeof text - 1) : 0;
    ssize_t n = pread(m->complaints, text, sizeof text - 1, from);
    line[0] = 0;
    if (n <= 0)
        return 0;
    text[n - (text[n - 1] == '\n')] = 0;
    const char *newline = strrchr(text, '\n');
    snprintf(line, size, "%s", newline ? newline + 1 : text);
    return line[0] != 0;
}
