# SPDX-License-Identifier: MIT
"""
programs.py - one static C program, case by case, against the same binary on the host: the calls that filters make.
Standard output and the exit status must be the same, or what a case states.
"""
import functools, threading
from harness import *

SOURCE = r'''
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))
#define PAGE 4096L
static char *pages(size_t n) { return mmap(0, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static int all(const char *p, size_t n, int seed) { for (size_t i = 0; i < n; i++) if (p[i] != (char)(i / 64 + seed)) return 0; return 1; }
static void fill(char *p, size_t n, int seed) { for (size_t i = 0; i < n; i++) p[i] = (char)(i / 64 + seed); }

static void memory(void)
{
    char *p = pages(300), *q, *r;
    fill(p, 300 * PAGE, 1);
    q = mmap(p + 300 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    r = mremap(p, 300 * PAGE, 700 * PAGE, MREMAP_MAYMOVE);
    SAY("grown %d, kept %d, zero %d\n", r != MAP_FAILED, all(r, 300 * PAGE, 1), r[300 * PAGE] + r[700 * PAGE - 1]);
    r = mremap(r, 700 * PAGE, 100 * PAGE, 0);
    SAY("shrunk %d, kept %d\n", r != MAP_FAILED, all(r, 100 * PAGE, 1));
    SAY("protect %d", mprotect(r, 100 * PAGE, PROT_NONE));
    SAY(" %d", mprotect(r + PAGE, 98 * PAGE, PROT_READ));
    SAY(" kept %d\n", r[PAGE] == (char)(PAGE / 64 + 1));
    SAY("hole %d %d\n", munmap(r + 10 * PAGE, PAGE), mprotect(r, 100 * PAGE, PROT_READ | PROT_WRITE) < 0 && errno == ENOMEM);
    SAY("whole %d %d\n", mprotect(r, 10 * PAGE, PROT_READ | PROT_WRITE), all(r, 10 * PAGE, 1));
    SAY("forget %d, zero %d, kept %d\n", madvise(r, PAGE, MADV_DONTNEED), r[0], r[PAGE] == (char)(PAGE / 64 + 1));
    SAY("again %d\n", mmap(r, 20 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == r && !r[5 * PAGE]);
    SAY("taken %d\n", mmap(r, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    SAY("odd %d %d\n", munmap(r + 1, PAGE) < 0 && errno == EINVAL, mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    SAY("free %d\n", munmap(r, 100 * PAGE) + (q != MAP_FAILED ? munmap(q, PAGE) : 0));
}

static void heap(void)
{
    static char *p[2000];
    char *begin = sbrk(0);
    unsigned seed = 1, wrong = 0;
    SAY("brk %d %d\n", sbrk(10 * PAGE) == begin, begin[5 * PAGE]);
    begin[5 * PAGE] = 1;
    SAY("back %d again %d zero %d\n", sbrk(-10 * PAGE) != (void *)-1, sbrk(10 * PAGE) == begin, begin[5 * PAGE]);
    for (int i = 0; i < 100000; i++) {
        unsigned at = (seed = seed * 1103515245 + 12345) >> 8, size = (at >> 3) % (i % 50 ? 3000 : 300000) + 1;
        char **slot = &p[at % 2000];
        if (*slot) { wrong += *(unsigned *)*slot != at % 2000; free(*slot); *slot = 0; }
        else if ((*slot = malloc(size + 4))) { *(unsigned *)*slot = at % 2000; (*slot)[size] = 1; }
    }
    SAY("wrong %u\n", wrong);
}

static void files(void)
{
    struct stat st;
    struct iovec v[3] = {{"one ", 4}, {0, 0}, {"two\n", 4}};
    struct pollfd f[3] = {{0, POLLIN, 0}, {1, POLLOUT, 0}, {40, POLLIN, 0}};
    char a[3] = "", b[5] = "";
    struct iovec w[2] = {{a, 2}, {b, 4}};
    int null = open("/dev/null", O_RDWR), copy;
    SAY("null %d %zd %zd %d\n", null, write(null, "x", 1), read(null, a, 1), fstat(null, &st) == 0 && S_ISCHR(st.st_mode));
    SAY("none %d %d\n", open("/no/such", O_RDONLY) < 0 && errno == ENOENT, stat("/no/such", &st) < 0 && errno == ENOENT);
    SAY("readv %zd", readv(0, w, 2));
    SAY(" %s %s\n", a, b);
    SAY("writev %zd\n", writev(1, v, 3));
    SAY("poll %d %x %x %x\n", poll(f, 3, 1000), f[0].revents & POLLIN, f[1].revents, f[2].revents);
    copy = dup(1);
    SAY("dup %d %zd %d\n", copy, write(copy, "copy\n", 5), close(copy));
    SAY("closed %d %d\n", write(copy, "x", 1) < 0 && errno == EBADF, close(copy) < 0 && errno == EBADF);
    SAY("dup2 %d %d\n", dup2(2, 9), fcntl(1, F_DUPFD, 20));
    SAY("pipe %d %d %d\n", fstat(0, &st) == 0 && S_ISFIFO(st.st_mode), lseek(0, 0, SEEK_SET) < 0 && errno == ESPIPE, isatty(0));
    SAY("modes %d %d\n", fcntl(0, F_GETFL) & O_ACCMODE, fcntl(1, F_GETFL) & O_ACCMODE);
    SAY("wild %d", write(1, (void *)16, 4) < 0 && errno == EFAULT);
    SAY(" %d", read(0, (void *)16, 4) < 0 && errno == EFAULT);
    SAY(" %d %d\n", write(1, (void *)-9, 4) < 0 && errno == EFAULT, read(0, (void *)files, 4) < 0 && errno == EFAULT);
    SAY("wrong way %d %d\n", read(1, a, 1) < 0 && errno == EBADF, write(0, a, 1) < 0 && errno == EBADF);
}

static void clocks(void)
{
    struct timespec a, b, t = {0, 30000000};
    time_t now = time(0);
    clock_gettime(CLOCK_MONOTONIC, &a);
    nanosleep(&t, 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
    SAY("slept %d, after 2020 %d, again %d\n", ms >= 29 && ms < 5000, now > 1577836800, time(0) >= now);
    t.tv_nsec = 2000000000;
    SAY("odd %d\n", nanosleep(&t, 0) < 0 && errno == EINVAL);
}

static void signals(void)
{
    struct sigaction old;
    signal(SIGUSR1, SIG_IGN);
    SAY("ignored %d\n", kill(getpid(), SIGUSR1));
    SAY("harmless %d\n", raise(SIGCHLD) + raise(SIGWINCH) + kill(getpid(), 0));
    SAY("recorded %d %d\n", sigaction(SIGUSR1, 0, &old), old.sa_handler == SIG_IGN);
    SAY("odd %d %d\n", sigaction(SIGKILL, &old, 0) < 0 && errno == EINVAL, kill(getpid(), 99) < 0 && errno == EINVAL);
}

static void environment(int n, char **v)
{
    extern char **environ;
    for (int i = 0; i < n; i++) SAY("[%s]", i ? v[i] : "-");
    for (char **e = environ; *e; e++) SAY(" %s", *e);
    SAY(" %d\n", getuid() + geteuid() + getgid() + getegid());
}

static void numbers(void)
{
    double x = 1.5;
    long double y = 2;
    for (int i = 0; i < 3000000; i++) { x = x * 1.0000001 + 1e-9; y += 1 / (y + x); }
    SAY("%.15g %.15Lg\n", x, y);
}

static int deep(int n) { volatile char space[1000]; space[0] = (char)n; return n ? deep(n - 1) + space[0] : 0; }

int main(int n, char **v)
{
    volatile long *wild = (long *)strtoul(n > 2 ? v[2] : "0", 0, 16);
    const char *what = n > 1 ? v[1] : "";
    if (!strcmp(what, "memory")) memory();
    else if (!strcmp(what, "heap")) heap();
    else if (!strcmp(what, "files")) files();
    else if (!strcmp(what, "clocks")) clocks();
    else if (!strcmp(what, "signals")) signals();
    else if (!strcmp(what, "environment")) environment(n, v);
    else if (!strcmp(what, "numbers")) numbers();
    else if (!strcmp(what, "stack")) SAY("deep %d\n", deep(7000) != 12345);
    else if (!strcmp(what, "runaway")) SAY("%d\n", deep(1 << 30));
    else if (!strcmp(what, "load")) SAY("%ld\n", *wild);
    else if (!strcmp(what, "store")) *wild = 1;
    else if (!strcmp(what, "call")) ((void (*)(void))wild)();
    else if (!strcmp(what, "text")) *(volatile char *)main = 0;
    else if (!strcmp(what, "data")) { static char code[] = "\xc3"; ((void (*)(void))code)(); }
    else if (!strcmp(what, "abort")) abort();
    else if (!strcmp(what, "kill")) raise((int)strtoul(v[2], 0, 10));
    else if (!strcmp(what, "hlt")) __asm__ volatile("hlt");
    else if (!strcmp(what, "ud2")) __asm__ volatile("ud2");
    else if (!strcmp(what, "int3")) __asm__ volatile("int3");
    else if (!strcmp(what, "divide")) __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" : : "a"(1) : "ecx", "edx");
    else if (!strcmp(what, "eat")) { size_t got = 0; char *p; while ((p = malloc(1 << 20))) { memset(p, 1, 1 << 20); got++; } SAY("refused %d\n", got > 20 && got < 64); }
    else if (!strcmp(what, "promise")) { char *p = pages(10000), *q = pages(10000); memset(p, 1, 10000 * PAGE); memset(q, 1, 10000 * PAGE); }
    return 3;
}
'''
INPUT = b'abcdef and more\n'
ALIKE = ['memory', 'heap', 'files', 'clocks', 'signals', 'environment a b', 'numbers', 'stack', 'runaway', 'load 8', 'store 8',
         'load ffffffff80100000', 'store ffff800000000000', 'load 800000000000', 'call 10', 'call ffffffff80100000', 'text', 'data',
         'abort', 'kill 10', 'kill 15', 'hlt', 'ud2', 'int3', 'divide']
WORDS = {'runaway': 'segmentation fault: write to 0x', 'load 8': 'segmentation fault: read of 0x8 at 0x', 'store 8': 'write to 0x8 at 0x',
         'call 10': 'jump to 0x10', 'text': 'segmentation fault: write to 0x', 'hlt': 'privileged instruction', 'ud2': 'invalid instruction',
         'int3': 'trap at 0x', 'divide': 'division error at 0x'}
where = tempfile.TemporaryDirectory()
building = threading.Lock()


def built(kind):
    """The program, linked at fixed addresses or position-independent."""
    with building:
        return build(kind)


@functools.lru_cache
def build(kind):
    path = os.path.join(where.name, kind)
    flags = {'static': ['-static', '-no-pie'], 'static-pie': ['-static-pie', '-fPIE']}[kind]
    subprocess.run(['gcc', '-O1', '-w', *flags, '-x', 'c', '-o', path, '-'], input=SOURCE.encode(), check=True)
    return path


def on_the_host(program, words):
    done = subprocess.run([program, *words], input=INPUT, capture_output=True,
                          env={'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': '/', 'TERM': 'dumb'})
    return (done.returncode if done.returncode >= 0 else 128 - done.returncode), done.stdout


def alike(kind, case):
    program, words = built(kind), case.split()
    r = run(['-e', 'TERM=dumb'], [program, *words], INPUT)
    same((r.code, r.out), on_the_host(program, words), 'status and output')
    if case in WORDS:
        expect(WORDS[case].encode() in r.err, f'not told why: {short(r.err)}')
    else:
        expect(b'not implemented' not in r.err, short(r.err))


for kind in 'static', 'static-pie':
    for case in ALIKE:
        test(MACHINE, name=f'program.{kind}.{case.replace(" ", "_")}', kind=kind, case=case)(alike)


@test(MACHINE)
def memory_past_the_limit_is_refused_or_ends_the_program():
    r = run(['-m', '64m'], [built('static'), 'eat'])
    same((r.code, r.out), (3, b'refused 1\n'), 'malloc')
    r = run(['-m', '64m'], [built('static'), 'promise'])
    same((r.code, r.out), (137, b''), 'what was promised')
    expect(b'out of memory: raise the limit of 64 MiB (-m)\n' in r.err, short(r.err))
