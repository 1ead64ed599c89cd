#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
beside.py COMMAND... - runs a command in what all others leave of the processors (SCHED_IDLE), until USR1 says that they have
ended; then as any other. TERM ends it, with all that it began. Its exit status is the command's.
"""
import contextlib, os, signal, subprocess, sys


def members(session):
    for pid in map(int, filter(str.isdigit, os.listdir('/proc'))):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if os.getsid(pid) == session:
                yield pid


def give_way():
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def give_way_no_more(session):
    """Who begins another meanwhile may leave it behind: so until none is."""
    behind = True
    while behind:
        behind = False
        for pid in members(session):
            with contextlib.suppress(OSError):
                if os.sched_getscheduler(pid) == os.SCHED_IDLE:
                    os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
                    behind = True


def end(session):
    os.killpg(session, signal.SIGKILL)
    sys.exit(128 + signal.SIGTERM)


process = subprocess.Popen(sys.argv[1:], start_new_session=True, preexec_fn=give_way)
signal.signal(signal.SIGUSR1, lambda *_: give_way_no_more(process.pid))
signal.signal(signal.SIGTERM, lambda *_: end(process.pid))
sys.exit(process.wait())
