#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - one fuzzer for a bounded number of executions, from seeds made here; nothing stays behind
# but the input of a crash, in out/fuzz/crash/.
#
#     test/fuzz/run.sh NAME RUNS [SEED]      prints: fuzz NAME: N executions, N branches
#
# SEED is of the random numbers (default 1), so that a run can be repeated. Exit status: that of the
# fuzzer, not 0 when an input crashed it, broke a promise, leaked or took over 10 s.
set -u

name=${1:?usage: run.sh NAME RUNS [SEED]}
runs=${2:?usage: run.sh NAME RUNS [SEED]}
out=${OUT:-out}/fuzz

[ -x "$out/$name" ] || { echo "fuzz $name: not built: make fuzz" >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/corpus"
case $name in
accounts | grants) longest=64 ;; # each byte is a deed, after which every invariant is looked at
*) longest=16384 ;;
esac
"$out/seed" "$name" "$work/corpus" || exit 2

"$out/$name" -runs="$runs" -seed="${3:-1}" -max_len="$longest" -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="$work/crash-$name-" "$work/corpus" >"$work/log" 2>&1
status=$?
if [ $status -ne 0 ]; then
    mkdir -p "$out/crash"
    cp "$work"/crash-"$name"-* "$out/crash/" 2>/dev/null
    tail -40 "$work/log" >&2
    echo "fuzz $name: FAILED, status $status; the input is in $out/crash/" >&2
    exit $status
fi
awk -v name="$name" '
    /cov: [0-9]/ { for (i = 1; i < NF; i++) if ($i == "cov:") branches = $(i + 1) }
    /^Done [0-9]+ runs/ { runs = $2 }
    END {
        if (!runs || !branches) exit 1
        print "fuzz " name ": " runs " executions, " branches " branches"
    }' "$work/log" || { echo "fuzz $name: the fuzzer did not say what it did" >&2; exit 1; }
