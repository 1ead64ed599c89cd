#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
run.py [--stand-in] [--long] [--list] [NAME...] - the tests of whole commands, each by name and alone.
A NAME may be the head of names, `applet` for applet.cat, applet.sort, ..., or a file here, `streams`.
--stand-in: against stand_in.py.
"""
import sys

sys.dont_write_bytecode = True
import harness, applets, ends, examples, ideas, images, inputs, programs, reports, streams, traces  # each enters its tests into harness.tests

sys.exit(harness.main(sys.argv[1:]))
