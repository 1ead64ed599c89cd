/* SPDX-License-Identifier: MIT */
/*
 * bundle.c - the boot bundle (abi/bundle.h): init, the plan, and what the plan names.
 * It is a memfd, so that nothing of it is left when the command ends, however it ends.
 */
#include "host/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/bundle.h"
#include "abi/error.h"
#include "host/say.h"

enum { MODULE_ALIGN = 4096 };

/* What is to go into the bundle, in order. */
struct module_list {
    struct bundle_entry entry[BUNDLE_MODULES_MAX];
    const void *bytes[BUNDLE_MODULES_MAX];
    uint32_t n;
};

static int
list_add(struct module_list *list, const char *name, const void *bytes, size_t length)
{
    if (list->n == BUNDLE_MODULES_MAX)
        return -E_NOSPC;
    struct bundle_entry *entry = &list->entry[list->n];
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->length = length;
    list->bytes[list->n++] = bytes;
    return 0;
}

static int
list_add_partition(struct module_list *list, const struct partition *p)
{
    char name[BUNDLE_NAME_MAX];
    if (p->program.kind == PROGRAM_LIBRARY)
        plan_library_name(name, p);
    else
        plan_program_name(name, p);
    return list_add(list, name, p->program.file.bytes, p->program.file.length);
}

/* Give each module its place.  Returns the length of the bundle. */
static uint64_t
list_place(struct module_list *list)
{
    uint64_t at = sizeof(struct bundle_head) + list->n * sizeof(struct bundle_entry);
    for (uint32_t i = 0; i < list->n; i++) {
        at = (at + MODULE_ALIGN - 1) / MODULE_ALIGN * MODULE_ALIGN;
        list->entry[i].offset = at;
        at += list->entry[i].length;
    }
    return at;
}

static int
write_at(int fd, const void *bytes, size_t length, uint64_t offset)
{
    const char *from = bytes;
    while (length > 0) {
        ssize_t n = pwrite(fd, from, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -E_IO;
        from += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

static int
list_write(const struct module_list *list, const struct bundle *b)
{
    struct bundle_head head = {
        .magic = BUNDLE_MAGIC, .n_modules = list->n, .length = b->length_bytes};
    if (ftruncate(b->fd, (off_t)b->length_bytes) < 0)
        return -errno;
    int r = write_at(b->fd, &head, sizeof head, 0);
    if (r == 0)
        r = write_at(b->fd, list->entry, list->n * sizeof list->entry[0], sizeof head);
    for (uint32_t i = 0; i < list->n && r == 0; i++)
        r = write_at(b->fd, list->bytes[i], list->entry[i].length, list->entry[i].offset);
    return r;
}

static int
list_make(struct module_list *list, const struct partitions *ps, const struct file *init,
          const char *plan, size_t plan_length)
{
    int r = list_add(list, "init", init->bytes, init->length);
    if (r == 0)
        r = list_add(list, "plan", plan, plan_length);
    if (r == 0 && ps->library.bytes)
        r = list_add(list, "linux", ps->library.bytes, ps->library.length);
    for (unsigned i = 0; i < ps->n && r == 0; i++)
        r = list_add_partition(list, &ps->at[i]);
    return r;
}

int
bundle_make(struct bundle *b, const struct partitions *ps, const struct options *o)
{
    struct module_list list = {.n = 0};
    struct file init;
    char *plan = NULL;
    size_t plan_length;
    int code = file_load_built(&init, "out/examples/init");
    if (code)
        return code;
    int r = plan_write(ps, o, &plan, &plan_length);
    if (r == 0)
        r = list_make(&list, ps, &init, plan, plan_length);
    if (r == 0) {
        b->length_bytes = list_place(&list);
        b->fd = memfd_create("tessera-bundle", MFD_CLOEXEC);
        r = b->fd < 0 ? -errno : list_write(&list, b);
    }
    free(plan);
    if (r < 0)
        return say_fail(EXIT_TOOL, "the boot bundle could not be made: %s", strerror(-r));
    return 0;
}
