/* SPDX-License-Identifier: MIT */
/*
 * image.c - the verb image: an ISO that boots the kernel with the program, by GRUB and Multiboot2,
 * from a CD or a USB stick, under BIOS and UEFI. What it carries is what run gives the machine.
 *
 * grub-mkrescue wants a tree of files: it is made in a directory of our own, where the tools that
 * it calls put theirs too, and which goes when the command ends, also by a signal. Source:
 * grub-mkrescue(1), GNU GRUB 2.06; Multiboot2 Specification 2.0.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/bundle.h"
#include "host/file.h"
#include "host/machine.h"
#include "host/partition.h"
#include "host/run.h"
#include "host/say.h"

enum { COPY_BYTES = 1 << 16, WALK_FDS = 16 };

struct image {
    const char *file; /* what the user wants */
    int fd;           /* of it */
    bool made;        /* it was not there before */
    char directory[FILE_PATH_BYTES];
    char path[FILE_PATH_BYTES + 64]; /* of a file in it */
    pid_t tool;
};

static const char *
path_in(struct image *im, const char *name)
{
    snprintf(im->path, sizeof im->path, "%s/%s", im->directory, name);
    return im->path;
}

/* ---- the tree ---- */

/* Returns 0, or -errno. */
static int
bytes_write(int fd, const void *bytes, size_t n)
{
    for (const char *from = bytes; n > 0;) {
        ssize_t done = write(fd, from, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        from += done;
        n -= (size_t)done;
    }
    return 0;
}

/* All that can be read from a descriptor. */
static int
stream_copy(int to, int from)
{
    static char bytes[COPY_BYTES];
    ssize_t n;
    int r = 0;
    while (r == 0 && (n = read(from, bytes, sizeof bytes)) != 0)
        if (n > 0)
            r = bytes_write(to, bytes, (size_t)n);
        else if (errno != EINTR)
            r = -errno;
    return r;
}

static int
file_write(struct image *im, const char *name, int from, const char *text)
{
    int fd = open(path_in(im, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = text ? bytes_write(fd, text, strlen(text)) : stream_copy(fd, from);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    return r;
}

static int
file_copy(struct image *im, const char *name, const char *from_path)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return -errno;
    int r = file_write(im, name, from, NULL);
    close(from);
    return r;
}

/* Would GRUB read the words as they stand? */
static int
words_are_plain(const char *words)
{
    return !words[strspn(words, " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_.,:=@/+-")];
}

/* GRUB's own script: no menu, no wait. `plain`: no host command is at the other end. */
static int
menu_write(struct image *im, const struct options *o)
{
    char words[MACHINE_WORDS_BYTES], text[MACHINE_WORDS_BYTES + 512];
    if (machine_kernel_words(words, o) < 0)
        return -E2BIG;
    if (!words_are_plain(words))
        return -EILSEQ;
    snprintf(text, sizeof text,
             "set timeout=0\n"
             "menuentry Tessera {\n"
             "    multiboot2 /boot/tessera.elf plain %s\n"
             "    module2 /boot/bundle bundle\n"
             "}\n",
             words);
    return file_write(im, "tree/boot/grub/grub.cfg", -1, text);
}

/* Returns 0, or -errno. */
static int
tree_make(struct image *im, const struct options *o, const struct bundle *b, const char *kernel)
{
    static const char *const directories[] = {"tree", "tree/boot", "tree/boot/grub", "tmp"};
    for (unsigned i = 0; i < sizeof directories / sizeof directories[0]; i++)
        if (mkdir(path_in(im, directories[i]), 0755) < 0)
            return -errno;
    int r = file_copy(im, "tree/boot/tessera.elf", kernel);
    if (r == 0 && lseek(b->fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r == 0)
        r = file_write(im, "tree/boot/bundle", b->fd, NULL);
    return r == 0 ? menu_write(im, o) : r;
}

/* ---- grub-mkrescue ---- */

static _Noreturn void
become_tool(struct image *im, pid_t parent)
{
    char tree[sizeof im->path], iso[sizeof im->path];
    sigset_t none;
    snprintf(tree, sizeof tree, "%s/tree", im->directory);
    snprintf(iso, sizeof iso, "%s/iso", im->directory);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_TOOL);
    setpgid(0, 0);
    int words = open(path_in(im, "words"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(words, STDOUT_FILENO);
    dup2(words, STDERR_FILENO);
    setenv("TMPDIR", path_in(im, "tmp"), 1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execlp("grub-mkrescue", "grub-mkrescue",
           "--locales=", "--fonts=", "--themes=", "--install-modules=normal multiboot2", "-o", iso,
           tree, (char *)NULL);
    dprintf(STDERR_FILENO, "%s: install the packages grub-common and xorriso\n", strerror(errno));
    _exit(EXIT_NO_FIND);
}

/* The last line that the tool wrote, for people. */
static int
tool_failed(struct image *im)
{
    struct file f = {.length = 0};
    char line[200] = "it says nothing";
    if (file_load(&f, path_in(im, "words")) == 0) {
        size_t end = f.length, from;
        while (end > 0 && f.bytes[end - 1] == '\n')
            end--;
        for (from = end; from > 0 && f.bytes[from - 1] != '\n'; from--)
            ;
        if (end > from)
            snprintf(line, sizeof line, "%.*s", (int)(end - from < 180 ? end - from : 180),
                     (const char *)f.bytes + from);
    }
    return say_fail(EXIT_TOOL, "%s: grub-mkrescue failed: %s", im->file, line);
}

static void
signals_of(sigset_t *set)
{
    static const int all[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCHLD};
    sigemptyset(set);
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        sigaddset(set, all[i]);
}

/* Returns 0, or an exit code, having said why if it is not a signal's. */
static int
tool_run(struct image *im)
{
    pid_t self = getpid();
    sigset_t set;
    int status, signo;
    signals_of(&set);
    im->tool = fork();
    if (im->tool == 0)
        become_tool(im, self);
    if (im->tool < 0)
        return say_fail(EXIT_TOOL, "no process for grub-mkrescue: %s", strerror(errno));
    while (waitpid(im->tool, &status, WNOHANG) == 0) {
        if (sigwait(&set, &signo) != 0 || signo == SIGCHLD)
            continue;
        kill(-im->tool, SIGKILL);
        kill(im->tool, SIGKILL); /* it may not have its group yet */
        waitpid(im->tool, &status, 0);
        return EXIT_SIGNAL + signo;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : tool_failed(im);
}

/* ---- from the first check to the last byte ---- */

static int
entry_remove(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

/* The file is opened first, so that what cannot be written is known before the work. */
static int
image_open(struct image *im, const struct options *o)
{
    const char *place = getenv("TMPDIR");
    *im = (struct image){.file = o->image};
    im->fd = open(o->image, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    im->made = im->fd >= 0;
    if (im->fd < 0 && errno == EEXIST)
        im->fd = open(o->image, O_WRONLY | O_CLOEXEC);
    if (im->fd < 0)
        return say_fail(EXIT_TOOL, "%s: %s: name a file that can be written", o->image,
                        strerror(errno));
    snprintf(im->directory, sizeof im->directory, "%s/tessera-XXXXXX",
             place && *place ? place : "/tmp");
    if (mkdtemp(im->directory))
        return 0;
    return say_fail(EXIT_TOOL, "%s: %s: set TMPDIR to a directory that can be written",
                    im->directory, strerror(errno));
}

/* Returns 0, or -errno. */
static int
image_finish(struct image *im)
{
    int from = open(path_in(im, "iso"), O_RDONLY | O_CLOEXEC), r = 0;
    struct stat st;
    if (from < 0)
        return -errno;
    if (fstat(im->fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(im->fd, 0) < 0)
        r = -errno;
    if (r == 0)
        r = stream_copy(im->fd, from);
    if (close(im->fd) < 0 && r == 0)
        r = -errno;
    close(from);
    return r;
}

static int
image_make(struct image *im, const struct options *o, const struct bundle *b, const char *kernel)
{
    int r = tree_make(im, o, b, kernel);
    if (r == -E2BIG)
        return say_fail(EXIT_TOOL, "--kernel-arg: more than %d bytes in all",
                        MACHINE_WORDS_BYTES - 1);
    if (r == -EILSEQ)
        return say_fail(EXIT_TOOL, "--kernel-arg: a character that GRUB would not take as it is");
    if (r < 0)
        return say_fail(EXIT_TOOL, "%s: %s: set TMPDIR to where there is room", im->directory,
                        strerror(-r));
    int code = tool_run(im);
    if (code != 0)
        return code;
    r = image_finish(im);
    return r == 0 ? 0 : say_fail(EXIT_TOOL, "%s: %s", im->file, strerror(-r));
}

int
image_verb(const struct options *o)
{
    struct partitions partitions;
    struct bundle bundle;
    struct image im;
    sigset_t set;
    char kernel[FILE_PATH_BYTES];
    int code = partitions_open(&partitions, o);
    if (code == 0)
        code = machine_kernel_path(kernel, o);
    if (code == 0)
        code = bundle_make(&bundle, &partitions, o);
    if (code != 0)
        return code;
    signals_of(&set);
    sigprocmask(SIG_BLOCK, &set, NULL); /* from here on a signal finds us in tool_run */
    code = image_open(&im, o);
    if (code == 0) {
        code = image_make(&im, o, &bundle, kernel);
        nftw(im.directory, entry_remove, WALK_FDS, FTW_DEPTH | FTW_PHYS);
    }
    if (code != 0 && im.made)
        unlink(im.file);
    return code;
}
