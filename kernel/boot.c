/* SPDX-License-Identifier: MIT */
/*
 * boot.c - from a processor on its own tables, with clock and traps, to init's first
 * instruction. kernel/x86/start.c comes before it.
 */
#include "kernel/boot.h"
#include "abi/memory.h"
#include "abi/version.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/cap.h"
#include "kernel/dev/channel.h"
#include "kernel/check.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "kernel/trace.h"
#include "kernel/wait.h"

struct machine_page *exposed_machine;

void
boot_main(const struct boot_info *info)
{
    cap_init(); /* capabilities can be keyed */
    exposed_machine->abi_version = ABI_VERSION;
    channel_init(info->command_line); /* the log reaches the host */
    trace_begin();                    /* events have times and names */
    wait_init(frame_memory_end(info) >> FRAME_SHIFT);
    arch_processors_start();         /* all processors wait for the lock, which is ours */
    frame_init(info);                /* frames can be owned; boot memory ends */
    account_totals();                /* root may have all there is, and reserve it */
    init_start(info);                /* init has a slice */
    check_begin(info->command_line); /* from here on nothing of the kernel's own changes */
    slice_schedule(cpu_this());
}
