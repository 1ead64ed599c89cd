/* SPDX-License-Identifier: MIT */
/*
 * image.c - a program's file made memory, once; every process that runs it shares these frames, and
 * gets a copy of each page that it writes.
 */
#include "lib/elf.h"
#include "examples/procs/procs.h"

/* images.S */
extern const struct image_file {
    const uint8_t *bytes;
    uint64_t n;
} image_files[IMAGES];

static struct image_memory {
    uint64_t entry;
    struct page page[PAGES];
} images[IMAGES];

/* The part of a segment that lies in page i, into the page's frame. */
static bool
part_load(struct image_memory *m, const struct elf_segment *s, const uint8_t *file, uint64_t i)
{
    struct page *page = &m->page[i];
    uint64_t va = PROC_VA + i * PAGE, from = s->va > va ? s->va : va;
    uint64_t end = s->va + s->file_bytes < va + PAGE ? s->va + s->file_bytes : va + PAGE;

    if (!page->frame) {
        if (!frame_take(&page->frame))
            return false;
        memset(frame_bytes(page->frame), 0, PAGE);
        page->flags = PAGE_FIXED;
    }
    if (from < end)
        memcpy((uint8_t *)frame_bytes(page->frame) + (from - va),
               file + s->file_offset + (from - s->va), end - from);
    if (s->flags & ELF_W)
        page->flags &= ~(uint32_t)PAGE_FIXED;
    if (s->flags & ELF_X)
        page->flags |= PAGE_CODE;
    return true;
}

static bool
image_load(struct image_memory *m, const struct image_file *file)
{
    struct elf_image elf;
    const char *why;

    if (elf_decode(file->bytes, file->n, PROC_VA + (uint64_t)DATA * PAGE, &elf, &why) ||
        elf.low < PROC_VA)
        return false;
    m->entry = elf.entry;
    for (uint32_t k = 0; k < elf.n_segments; k++) {
        const struct elf_segment *s = &elf.segment[k];
        uint64_t last = (s->va + s->memory_bytes - 1 - PROC_VA) / PAGE;

        for (uint64_t i = (s->va - PROC_VA) / PAGE; i <= last; i++)
            if (!part_load(m, s, file->bytes, i))
                return false;
    }
    return true;
}

bool
images_begin(void)
{
    for (uint32_t i = 0; i < IMAGES; i++)
        if (!image_load(&images[i], &image_files[i]))
            return false;
    return true;
}

void
images_end(void)
{
    for (uint32_t i = 0; i < IMAGES; i++)
        pages_drop(images[i].page, 0);
}

uint64_t
image_enter(struct proc *p, enum image image)
{
    if (image >= IMAGES)
        return 0;
    lock_take(&p->lock);
    pages_share(p->page, images[image].page);
    lock_drop(&p->lock);
    return images[image].entry;
}
