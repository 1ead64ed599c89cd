/* SPDX-License-Identifier: MIT */
/*
 * files.c - descriptors on the three standard streams, which look like pipes, and on /dev/null.
 */
#include "lib/string.h"
#include "examples/linux/linux.h"

enum file { FILE_NONE, FILE_NULL, FILE_INPUT, FILE_OUTPUT, FILE_ERROR };
enum { FILES_MAX = 64, VECTORS_MAX = 1024 };

static uint8_t files[FILES_MAX] = {FILE_INPUT, FILE_OUTPUT, FILE_ERROR};

static enum file
file_of(uint64_t fd)
{
    return fd < FILES_MAX ? files[fd] : FILE_NONE;
}

static int64_t
file_add(uint64_t lowest, enum file file)
{
    for (; lowest < FILES_MAX; lowest++)
        if (files[lowest] == FILE_NONE) {
            files[lowest] = (uint8_t)file;
            return (int64_t)lowest;
        }
    return -L_EMFILE;
}

static int64_t
read_some(uint64_t fd, uint64_t va, uint64_t n)
{
    if (file_of(fd) == FILE_INPUT)
        return n > 0 ? user_read(va, n) : 0;
    return file_of(fd) == FILE_NULL ? 0 : -E_BADF;
}

/* A reader that has gone is a signal. */
static int64_t
write_all(uint64_t fd, uint64_t va, uint64_t n)
{
    enum file file = file_of(fd);
    if (file < FILE_OUTPUT)
        return file == FILE_NULL ? (int64_t)n : -E_BADF;
    int64_t r = user_write(file == FILE_ERROR ? STREAM_ERROR : STREAM_OUTPUT, va, n);
    if (r == -E_PIPE)
        signal_raise(SIGNAL_PIPE);
    return r;
}

int64_t
linux_read(const struct save_area *s)
{
    return read_some(s->rdi, s->rsi, s->rdx);
}

int64_t
linux_write(const struct save_area *s)
{
    return write_all(s->rdi, s->rsi, s->rdx);
}

/* readv (19) and writev (20): each part in turn, as long as each is done to the end. */
int64_t
linux_vector(const struct save_area *s)
{
    const struct part {
        uint64_t va, n;
    } *part = (const struct part *)s->rsi;
    int64_t done = 0;
    if (s->rdx > VECTORS_MAX)
        return -E_INVAL;
    if (!region_covers(s->rsi, s->rdx * sizeof(*part), MAP_READ))
        return -E_FAULT;
    for (const struct part *end = part + s->rdx; part < end; part++) {
        uint64_t n = part->n;
        int64_t r = s->rax == 19 ? read_some(s->rdi, part->va, n) : write_all(s->rdi, part->va, n);
        if (r < 0)
            return done > 0 ? done : r;
        done += r;
        if ((uint64_t)r < n)
            break;
    }
    return done;
}

/* The file of that name: there is one. */
static int64_t
path_look(uint64_t va)
{
    static const char only[] = "/dev/null";
    for (uint64_t i = 0; i < sizeof(only); i++) {
        if (!region_covers(va + i, 1, MAP_READ))
            return -E_FAULT;
        if (((const char *)va)[i] != only[i])
            return -E_NOENT;
    }
    return FILE_NULL;
}

/* open (2) and openat. */
int64_t
linux_open(const struct save_area *s)
{
    int64_t file = path_look(s->rax == 2 ? s->rdi : s->rsi);
    return file < 0 ? file : file_add(0, (enum file)file);
}

int64_t
linux_close(const struct save_area *s)
{
    if (file_of(s->rdi) == FILE_NONE)
        return -E_BADF;
    files[s->rdi] = FILE_NONE;
    return 0;
}

/* stat (4), fstat (5), lstat (6), newfstatat; struct stat in words of 8 bytes. */
int64_t
linux_stat(const struct save_area *s)
{
    enum { AT_EMPTY_PATH = 0x1000, MODE_PIPE = 0010600, MODE_NULL = 0020666, NULL_DEVICE = 0x103 };
    bool at = s->rax > 6, by_fd = s->rax == 5 || (at && (s->r10 & AT_EMPTY_PATH));
    int64_t file = by_fd ? file_of(s->rdi) : path_look(at ? s->rsi : s->rdi);
    uint64_t stat[18] = {[1] = (uint64_t)file, [2] = 1, [3] = MODE_PIPE, [7] = PAGE};
    if (file <= 0)
        return file == FILE_NONE ? -E_BADF : file;
    if (file == FILE_NULL)
        stat[3] = MODE_NULL, stat[5] = NULL_DEVICE;
    return user_put(at ? s->rdx : s->rsi, stat, sizeof(stat));
}

/* The streams are always ready: a read that must wait waits. */
int64_t
linux_poll(const struct save_area *s)
{
    enum { POLL_IN = 1, POLL_OUT = 4, POLL_BAD = 0x20 };
    struct {
        uint32_t fd;
        uint16_t events, revents;
    } *p = (void *)s->rdi;
    int64_t ready = 0;
    if (s->rsi > FILES_MAX || !region_covers(s->rdi, s->rsi * sizeof(*p), MAP_WRITE))
        return s->rsi > FILES_MAX ? -E_INVAL : -E_FAULT;
    for (uint64_t i = 0; i < s->rsi; i++) {
        p[i].revents =
            file_of(p[i].fd) == FILE_NONE ? POLL_BAD : p[i].events & (POLL_IN | POLL_OUT);
        ready += p[i].revents != 0;
    }
    return ready;
}

/* What a pipe refuses: ioctl (16), sendfile (40), and all that seeks. */
int64_t
linux_pipe_only(const struct save_area *s)
{
    if (file_of(s->rdi) == FILE_NONE)
        return -E_BADF;
    return s->rax == 16 ? -L_ENOTTY : s->rax == 40 ? -E_INVAL : -L_ESPIPE;
}

/* fcntl and dup (32). Nothing survives an exec, for there is none. */
int64_t
linux_fcntl(const struct save_area *s)
{
    enum { F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 1030 };
    enum file file = file_of(s->rdi);
    if (file == FILE_NONE)
        return -E_BADF;
    if (s->rax == 32)
        return file_add(0, file);
    if (s->rsi == F_DUPFD || s->rsi == F_DUPFD_CLOEXEC)
        return s->rdx < FILES_MAX ? file_add(s->rdx, file) : -E_INVAL;
    if (s->rsi == F_GETFL)
        return file == FILE_NULL ? 2 : file != FILE_INPUT;
    return s->rsi <= F_SETFL ? 0 : -E_INVAL;
}

/* dup2 and dup3. */
int64_t
linux_dup2(const struct save_area *s)
{
    if (file_of(s->rdi) == FILE_NONE || s->rsi >= FILES_MAX)
        return -E_BADF;
    files[s->rsi] = files[s->rdi];
    return (int64_t)s->rsi;
}
