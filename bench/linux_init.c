/* SPDX-License-Identifier: MIT */
/*
 * linux_init.c - process 1 of the bench's Linux guest: run one program between two virtio ports.
 *
 *   init [MODULE.ko...] run PROGRAM [ARGUMENT...]
 *
 * Loads the modules in the order given (from /modules), then runs PROGRAM with standard input from
 * the first virtio serial port, standard output to the second, standard error to the third, writes
 * "status N" to the third, and powers the machine off. The time stamp counter at its own first
 * instruction goes there before all else, as "begun N". It is linked above the address at which
 * ordinary static programs lie (see bench/linux.py), so that a counter can tell the two apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The entry point: takes the stamp, leaves every register that Linux defines as it was, and starts
 * C.
 */
__attribute__((used)) static uint64_t begun_tsc;
__asm__(".globl stamp_start\n"
        "stamp_start:\n\t"
        "mov %rdx, %r8\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, begun_tsc(%rip)\n\t"
        "mov %r8, %rdx\n\t"
        "jmp _start");

enum { PORT_INPUT = 1, PORT_OUTPUT = 2, PORT_REPORT = 3, NO_EXEC_STATUS = 127 };

_Noreturn static void
init_fail(const char *what)
{
    fprintf(stderr, "bench init: %s: %s\n", what, strerror(errno));
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

static void
module_load(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/modules/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
        init_fail(path);
    close(fd);
}

/* Ports appear some time after their driver: opens port `n`, waiting for it. */
static int
port_open(int n, int flags)
{
    enum { TRIES = 5000, PAUSE_US = 1000 };
    char path[32];
    snprintf(path, sizeof path, "/dev/vport0p%d", n);
    for (int i = 0; i < TRIES; i++) {
        int fd = open(path, flags | O_CLOEXEC);
        if (fd >= 0)
            return fd;
        usleep(PAUSE_US);
    }
    init_fail(path);
}

static int
program_run(char **argv, int in, int out, int report)
{
    pid_t pid = fork();
    if (pid < 0)
        init_fail("fork");
    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(report, 2);
        execv(argv[0], argv);
        _exit(NO_EXEC_STATUS);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) != pid)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * What the program wrote may still lie in the queue: wait until our input ends, which the host sees
 * to when it has read all, and long enough for the device to look into the queue where nobody
 * reads.
 */
static void
output_drain(int in)
{
    enum { PAUSE_US = 50000 };
    char rest[4096];
    while (read(in, rest, sizeof rest) > 0)
        ;
    usleep(PAUSE_US);
}

int
main(int argc, char **argv)
{
    int i = 1;
    if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
        init_fail("/dev");
    for (; i < argc && strcmp(argv[i], "run") != 0; i++)
        module_load(argv[i]);
    if (i + 1 >= argc)
        init_fail("no program named");
    int in = port_open(PORT_INPUT, O_RDONLY);
    int out = port_open(PORT_OUTPUT, O_WRONLY);
    int report = port_open(PORT_REPORT, O_WRONLY);
    dprintf(report, "begun %lu\n", begun_tsc);
    dprintf(report, "status %d\n", program_run(argv + i + 1, in, out, report));
    output_drain(in);
    reboot(RB_POWER_OFF);
    init_fail("power off");
}
