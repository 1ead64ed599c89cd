#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - every test there is, or those named: what `./tessera test` becomes.
#
#     test/run.sh [--long] [--list] [NAME...]
#
# A suite is a program that prints a line a test (`ok NAME` or `FAIL NAME: why`), then `N passed, N failed`, and names
# its tests by --list. One that is missing, or gives no such count, has failed. A NAME is a test, the head of some
# (`applet` for applet.sort, ...), or a suite. The last line here is the sum: `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 125
trap 'exit 130' INT TERM HUP
trap '[ -z "$beside" ] || kill "$beside" 2>/dev/null' EXIT

SUITES='unit fuzz boot command stand-in check kvm' # the last has the processors to itself: a virtual machine in one that is emulated feels the checks
LOG=out/test-log
beside='' # the process of the checks that have what other suites leave of the processors

fuzzers() {
    grep -l LLVMFuzzerTestOneInput test/fuzz/*.c | sed 's/.*\//fuzz./; s/\.c$//'
}

# The names of suite $1.
list() {
    case $1 in
    unit) out/unit/run --list ;;
    fuzz) fuzzers ;;
    boot) test/boot/run.py --list --long ;;
    kvm) test/kvm/run.py --list --long ;;
    command) test/command/run.py --list --long ;;
    stand-in) test/command/run.py --stand-in --list --long | sed 's/^/stand-in./' ;;
    check) test/check.sh --list | sed 's/^/check./' ;;
    esac
}

run_fuzzer() {
    if line=$(test/fuzz/run.sh "${1#fuzz.}" "$runs" 2>&1); then
        echo "ok $1 (${line#fuzz "${1#fuzz.}": })"
    else
        printf '%s\nFAIL %s\n' "$line" "$1"
    fi
}

# As many fuzzers at once as there are processors.
run_fuzz() {
    export runs
    printf '%s\n' ${*:-$(fuzzers)} | xargs -P "$(nproc)" -n 1 test/run.sh --one-fuzzer "$runs" >"$LOG/fuzzers"
    cat "$LOG/fuzzers"
    echo "$(grep -c '^ok ' "$LOG/fuzzers") passed, $(grep -c '^FAIL ' "$LOG/fuzzers") failed"
    ! grep -q '^FAIL ' "$LOG/fuzzers"
}

# The tests of commands again; their lines bear the names that they have here.
run_stand_in() {
    test/command/run.py --stand-in $long "$@" >"$LOG/stand-in.lines" 2>&1
    status=$?
    sed -E 's/^(ok|FAIL) /&stand-in./' "$LOG/stand-in.lines"
    return $status
}

run_check() {
    make -s --no-print-directory check CHECKS="$*"
}

# The checks need no machine: where all suites run they begin with the first, in what those leave of the processors.
checks_begin() {
    test/beside.py test/run.sh --checks >"$LOG/check.lines" 2>&1 &
    beside=$!
}

# They have the processors to themselves now.
checks_await() {
    kill -USR1 "$beside" 2>/dev/null # or it has ended
    wait "$beside"
    checks_status=$?
    beside=''
}

# Suite $1: the tests named behind it, or all.
run() {
    suite=$1
    shift
    case $suite in
    unit) out/unit/run "$@" ;;
    fuzz) run_fuzz "$@" ;;
    boot) test/boot/run.py $long "$@" ;;
    kvm) test/kvm/run.py $long "$@" ;;
    command) test/command/run.py $long "$@" ;;
    stand-in) run_stand_in $(echo "$@" | sed 's/stand-in\.//g') ;;
    check)
        [ -z "$checks_status" ] || { cat "$LOG/check.lines" && return "$checks_status"; }
        run_check $(echo "$@" | sed 's/check\.//g') ;;
    esac
}

# Runs a suite, shows its lines, and adds what it counted.
run_and_count() {
    begin=$(date +%s)
    { run "$@" 2>&1 || echo "status $?"; } | tee "$LOG/$1" | grep -vE --line-buffered '^(check: )?[0-9]+ passed, [0-9]+ failed$|^status [0-9]+$'
    count=$(sed -nE 's/^(check: )?([0-9]+) passed, ([0-9]+) failed$/\2 \3/p' "$LOG/$1" | tail -n 1)
    status=$(sed -n 's/^status //p' "$LOG/$1" | tail -n 1)
    [ "${count:-0 0}" != '0 0' ] || { echo "FAIL $1: this suite counted no test; status ${status:-0}"; count='0 1'; }
    if [ "${count#* }" = 0 ] && [ -n "$status" ]; then
        echo "FAIL $1: no test failed, yet its status is $status"
        count="${count% *} 1"
    fi
    passed=$((passed + ${count% *})) failed=$((failed + ${count#* }))
    echo "-- $1: ${count% *} passed, ${count#* } failed, $(($(date +%s) - begin)) s"
}

# Of the names of suite $1 those that $names ask for.
chosen() {
    list "$1" 2>/dev/null | while read -r test _; do
        for name in $names; do
            case $test in
            "$name" | "$name".*) echo "$test"; break ;;
            esac
        done
    done
}

# Runs of suite $1 what $names ask for: all if they name the suite or nothing.
run_chosen() {
    case " $names " in
    '  ' | *" $1 "*) run_and_count "$1" ;;
    *)
        tests=$(chosen "$1")
        [ -z "$tests" ] || run_and_count "$1" $tests
        ;;
    esac
}

# A function, so that all of this file is read before any of it runs.
main() {
    if [ "${1-}" = --one-fuzzer ]; then
        runs=$2
        run_fuzzer "$3"
        exit 0
    fi

    if [ "${1-}" = --checks ]; then
        run_check
        exit
    fi

    long='' runs=20000 only_list='' names='' checks_status=''
    for word in "$@"; do
        case $word in
        --long) long=--long runs=1000000 ;;
        --list) only_list=yes ;;
        -*) echo "tessera: test takes --long, --list and names, not $word" >&2; exit 125 ;;
        *) names="$names $word" ;;
        esac
    done

    mkdir -p "$LOG"
    passed=0 failed=0
    make -s -k -j2 --no-print-directory all unit fuzz boot-tests >&2 || { echo 'FAIL build: see the lines above'; failed=1; }
    if [ -n "$only_list" ]; then
        for suite in $SUITES; do list "$suite"; done
        exit 0
    fi
    for name in $names; do
        { printf '%s\n' $SUITES; for suite in $SUITES; do list "$suite"; done; } 2>/dev/null |
            grep -qE "^$(echo "$name" | sed 's/[^a-z0-9_-]/\\&/g')(\.|\$)" && continue
        echo "tessera: no test is called $name; tessera test --list names them" >&2
        exit 125
    done
    [ -n "$names" ] || checks_begin
    for suite in $SUITES; do
        [ "$suite" != check ] || [ -z "$beside" ] || checks_await
        run_chosen "$suite"
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

main "$@"; exit
