#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - spin explores every state of a model; what is left out of it must be found.
#
#     test/model/run.sh            one line for each finding; nothing: all is as it must be
#     test/model/run.sh -v         also how many states each has
set -u
cd "$(dirname "$0")/../.." || exit 2

verbose=${1-}
root=$PWD

# explore MODEL NAME DEFINE...: prints spin's verdict, `errors: N` in it.
explore() {
    model=$1 dir=out/model/$1.$2
    shift 2
    rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" || exit 2
    spin "$@" -a "$root/test/model/$model.pml" && gcc -O2 -w -DSAFETY -DMEMLIM=1500 -o pan pan.c &&
        ./pan -m5000000 || echo "$model $*: it does not run"
    cd "$root" || exit 2
}

# must MODEL NAME 0|1 DEFINE...: finished, with no error, or with one.
must() {
    model=$1 name=$2 want=$3
    shift 3
    explore "$model" "$name" "$@" >"out/model/$model.$name.log" 2>&1
    case $want$(grep -o 'errors: [0-9]*' "out/model/$model.$name.log") in
    '0errors: 0')
        grep -q 'Search not completed\|max search depth too small' "out/model/$model.$name.log" &&
            echo "$model $name: not every state was seen: out/model/$model.$name.log" ;;
    '1errors: 1')
        grep -q 'invalid end state\|assertion violated' "out/model/$model.$name.log" ||
            echo "$model $name: another error than was to be: out/model/$model.$name.log" ;;
    1*) echo "$model $name: what was left out is not found: out/model/$model.$name.log" ;;
    *) echo "$model $name: it can go wrong, or does not run: out/model/$model.$name.log" ;;
    esac
    [ "$verbose" != -v ] || echo "$model $name: $(grep 'states, stored' "out/model/$model.$name.log")"
}

mkdir -p out/model
must wait whole 0
must wait no_look 1 -DNO_LOOK
must wait no_fence 1 -DNO_FENCE
must wait late 1 -DLATE
must lock whole 0
must lock host 0 -DHOST
must lock stuck 0 -DHOST -DSTUCK
must lock no_stand 1 -DNO_STAND
must lock no_turn 1 -DNO_TURN
must lock no_honour 1 -DHOST -DSTUCK -DNO_HONOUR
