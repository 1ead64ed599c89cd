#!/bin/sh
# SPDX-License-Identifier: MIT
# nmi.sh - the emulator with its monitor at the socket that TESSERA_MONITOR names, so that a test can inject NMIs.
exec qemu-system-x86_64 "$@" -qmp "unix:$TESSERA_MONITOR,server=on,wait=off"
