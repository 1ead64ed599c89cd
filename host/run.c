/* SPDX-License-Identifier: MIT */
/* run.c - the verb run: find the programs, bundle them, start the machine, see it to its end. */
#include "host/run.h"

#include <unistd.h>

#include "host/session.h"
#include "host/trace.h"

int
run_verb(const struct options *o)
{
    struct partitions partitions;
    struct bundle bundle;
    struct machine machine;
    struct trace trace;
    int code = partitions_open(&partitions, o); /* every executable is known to be well formed */
    if (code == 0)
        code =
            bundle_make(&bundle, &partitions, o); /* all that the machine needs is in one memfd */
    if (code == 0)
        code = trace_open(&trace, o);
    if (code != 0)
        return code;
    session_signals_block(SESSION_RUN); /* from here on no signal ends us without the machine */
    code = machine_start(&machine, o, &bundle, partitions_memory(&partitions), NULL);
    if (code != 0)
        return code;
    struct session_setup setup = {
        .options = o,
        .partitions = &partitions,
        .machine = &machine,
        .mode = SESSION_RUN,
        .input = STDIN_FILENO,
        .debugger = -1,
    };
    code = session_run(&setup);
    int unwritten = trace_finish(&trace, o, &machine, &partitions);
    return code ? code : unwritten;
}
