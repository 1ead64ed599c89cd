#!/bin/sh
# SPDX-License-Identifier: MIT
# counted.sh - the emulator with a clock that counts the machine's instructions, so that a share of time is the same
# on a busy host and on an idle one; with its monitor at the socket that TESSERA_MONITOR names.
exec qemu-system-x86_64 "$@" ${TESSERA_MONITOR:+-qmp "unix:$TESSERA_MONITOR,server=on,wait=off"} -icount shift=1,sleep=off
