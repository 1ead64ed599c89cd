#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh - what the compiler and a reader would otherwise have to watch: analysers, borders, the rules of the house.
#
#     make check                        all, or:  make check CHECKS='format includes'
#     test/check.sh --list              the names
#
# Each check is a function check_NAME below that prints its findings: none means it passed. One line a check, then
# `check: N passed, N failed`; exit status 1 if one failed. KFLAGS, UFLAGS, HFLAGS, INC come from the Makefile, which
# has made the generated headers before.
set -u
cd "$(dirname "$0")/.." || exit 2

CHECKS='gcc clang tidy cppcheck aarch64 headers includes borders machine size spdx words calls names models format'
JOBS=$(nproc)
TIDY='-*,bugprone-*,clang-analyzer-*,readability-function-size,misc-redundant-expression'
TIDY=$TIDY,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier
TIDY=$TIDY,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
# The project's files that match a shell pattern; `*` also stands for a slash.
files() {
    find . \( -name .git -o -name out -o -name __pycache__ \) -prune -o -type f -printf '%P\n' | sort | while read -r file; do
        for pattern in "$@"; do
            case $file in
            $pattern) echo "$file"; break ;;
            esac
        done
    done
}

sources() {
    files '*.c'
    ls out/gen/*.c
}

# Runs `check.sh --one TOOL FILE` for the files on standard input, as many at once as there are processors.
each() {
    xargs -P "$JOBS" -n 1 "$0" --one "$1"
}

# ---- one tool on one file -------------------------------------------------------------------

# The flags that the Makefile builds $1 with.
flags_of() {
    case $1 in
    kernel/* | lib/* | abi/* | out/gen/call_table.c) echo "$KFLAGS -Ikernel/plant/off $INC" ;;
    libos/* | examples/* | test/boot/* | bench/kit.c | out/gen/*) echo "$UFLAGS $INC" ;;
    *) echo "$HFLAGS $INC" ;;
    esac
}

# The same for clang 14, which knows fewer.
clang_flags_of() {
    flags_of "$1" | sed 's/-flto//; s/-fno-tree-loop-distribute-patterns//'
}

one_gcc() {
    gcc $(flags_of "$1") -fno-lto -fanalyzer -fanalyzer-verbosity=0 -c "$1" -o /dev/null
}

one_clang() {
    clang $(clang_flags_of "$1") -Wthread-safety -Wno-missing-field-initializers -fsyntax-only "$1"
}

# A CHECK of a test nests two levels of its own. The analyser does not see that a kernel call writes where a number points.
one_tidy() {
    checks=$TIDY nesting=4
    case $1 in
    test/*) nesting=6 ;;
    esac
    case $1 in
    libos/* | examples/* | test/boot/* | bench/kit.c)
        checks=$checks,-clang-analyzer-core.UndefinedBinaryOperatorResult ;;
    esac
    clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" --config="{CheckOptions: [
            {key: readability-function-size.LineThreshold, value: 60},
            {key: readability-function-size.StatementThreshold, value: 400},
            {key: readability-function-size.NestingThreshold, value: $nesting},
            {key: readability-function-size.ParameterThreshold, value: 6}]}" "$1" -- \
        $(clang_flags_of "$1") 2>&1 | grep -vE '^[0-9]+ warnings? (generated|treated as errors)'
}

# Every compiler used here shifts signed numbers arithmetically; the linker lays the ends of a section out as one array.
one_cppcheck() {
    defines=$(flags_of "$1" | tr ' ' '\n' | grep '^-[ID]' | tr '\n' ' ')
    cppcheck --quiet --std=c11 --platform=unix64 --inline-suppr --enable=warning,performance,portability \
        --suppress=missingIncludeSystem --suppress=shiftTooManyBitsSigned --suppress=comparePointers \
        --error-exitcode=1 -D__x86_64__ $defines "$1"
}

one_aarch64() {
    clang --target=aarch64-linux-gnu -ffreestanding -O1 $WARN $INC -Ikernel/plant/off -c "$1" -o /dev/null
}

# A header compiles alone; those of abi/ also for another architecture.
one_headers() {
    echo "#include \"$1\"" | clang $(clang_flags_of "$1") -fsyntax-only -x c - || echo "$1 does not compile alone"
    case $1 in
    abi/x86/*) ;;
    abi/*)
        echo "#include \"$1\"" | clang --target=aarch64-linux-gnu -ffreestanding $WARN $INC -fsyntax-only -x c - ||
            echo "$1 does not compile alone for aarch64" ;;
    esac
}

one_format() {
    clang-format --dry-run "$1" 2>&1 | grep -m 1 'warning:'
}

# ---- compilers and analysers ------------------------------------------------------------------

check_gcc() { sources | each gcc; }
check_clang() { sources | each clang; }
check_tidy() { sources | each tidy; }
check_cppcheck() { sources | each cppcheck; }

# What knows the processor lies in kernel/x86 and abi/x86: the rest compiles for another one.
check_aarch64() {
    files 'lib/*.c' 'kernel/*.c' | grep -v '^kernel/x86/' | each aarch64
    one_aarch64 out/gen/call_table.c
}

check_headers() { files '*.h' | grep -v '^kernel/plant/' | each headers; }

# ---- borders ----------------------------------------------------------------------------------

# Arrows point down: DESIGN section 2, drawn in README.md. A generated header belongs to the room that it is for.
check_includes() {
    files '*.c' '*.h' '*.S' | xargs grep -nE '^[ \t]*#[ \t]*include' | awk -F: '
    function room(path,    part) {
        split(path, part, "/")
        return path ~ /^(kernel\/(x86|plant)|test\/kernel|libos\/[^\/]*|abi\/x86)\// ? part[1] "/" part[2] : part[1]
    }
    BEGIN {
        may["abi"] = may["abi/x86"] = "abi abi/x86"
        may["lib"] = "lib abi"
        may["kernel"] = "kernel lib abi kernel_made";  may["kernel/plant"] = "kernel/plant kernel lib abi kernel_made"
        may["kernel/x86"] = "kernel/x86 kernel lib abi abi/x86 kernel_made"
        may["libos/exo"] = "libos/exo lib abi abi/x86 library_made"
        may["examples"] = "examples libos/exo lib abi abi/x86 library_made"
        may["host"] = "host lib abi host_made"
        may["test/kernel"] = "test test/kernel kernel lib abi kernel_made"
        may["test"] = "test test/kernel host lib abi libos/exo abi/x86 library_made"
        may["bench"] = "bench libos/exo lib abi abi/x86 library_made"
        made["call_decl.h"] = made["plant.h"] = made["call_numbers.inc"] = "kernel_made"
        made["call_names.h"] = "host_made"; made["call_stubs.h"] = made["call_kinds.h"] = "library_made"; made["call_numbers.h"] = "both"
    }
    {
        if ($0 ~ /<.*>/) {
            match($0, /<.*>/); header = substr($0, RSTART, RLENGTH)
            if ($1 ~ /^(abi|lib|kernel|libos|examples)\// && $1 !~ /^libos\/fs\// &&
                header !~ /^<(stdint|stddef|stdbool|stdarg|stdatomic|limits|stdalign|stdnoreturn)\.h>$/)
                print $1 ":" $2 ": " header " is not there without a C library"
            next
        }
        match($0, /".*"/); to = substr($0, RSTART + 1, RLENGTH - 2); from = room($1)
        target = to ~ /\// ? room(to) : (to in made ? made[to] : "nothing")
        if (target == "both") target = from ~ /kernel/ ? "kernel_made" : "library_made"
        if (!(from in may)) print $1 ": room " from " has no arrows yet: test/check.sh"
        else if (index(" " may[from] " ", " " target " ") == 0) print $1 ":" $2 ": " from " may not use " to
    }'
}

# Names that the objects $1 need and neither they nor the objects $2 define.
needed() {
    { nm --defined-only $1 $2 2>/dev/null | awk 'NF == 3 && $2 ~ /[A-Z]/ { print "d", $3 }'
      nm -uA $1 2>/dev/null | sed 's/^\([^:]*\):.* \([^ ]*\)$/u \2 \1/'
    } | awk '$1 == "d" { here[$2] = 1; next } !($2 in here) { print $3 " needs " $2 }' | sort -u
}

objects() {
    find "$@" -name '*.o' 2>/dev/null
}

# What linkers see: lib stands alone, libos/exo on lib, and kernel/x86 is entered as kernel/arch.h says.
check_borders() {
    make -s all || { echo "the build fails"; return; }
    [ -n "$(objects out/k/lib)" ] && [ -n "$(objects out/u/libos/exo)" ] || echo "nothing is built"
    needed "$(objects out/k/lib)" ''
    needed "$(objects out/u/lib)" ''
    needed "$(objects out/h/lib)" "$(objects out/k/lib/mem.c.o)" # hosted, its mem and str functions are the C library's
    needed "$(objects out/u/libos/exo)" "$(objects out/u/lib)" | # these are the program's, the linker's, library.ld's
        grep -vwE 'needs (exo_main|_GLOBAL_OFFSET_TABLE_|exo_resume_distance|exo_image_end)'
    x86=$(nm --defined-only $(objects out/k/kernel/x86) | awk '$2 ~ /[A-Z]/ { print $3 }' | sort -u)
    core=$(objects out/k/kernel | grep -v '^out/k/kernel/x86/')
    for name in $(nm -u $core | awk '$1 == "U" { print $2 }' | sort -u); do
        echo "$x86" | grep -qx "$name" && ! grep -qw "$name" kernel/arch.h &&
            echo "the kernel uses $name of kernel/x86, which kernel/arch.h does not declare"
    done
}

# No instruction and no intrinsic outside the rooms that know the processor.
check_machine() {
    files 'abi/*.h' 'lib/*.[ch]' 'kernel/*.[ch]' | grep -vE '^(abi|kernel)/x86/' |
        xargs grep -nE '\<(asm|__asm__|__asm)\>|__builtin_ia32|__x86_64__'
}

# ---- the rules of the house ---------------------------------------------------------------------

# Lines that hold code: neither blank nor a comment.
lines_of() {
    cat /dev/null $(files "$@") | sed '/^[[:space:]]*$/d; /^[[:space:]]*\/\*/d; /^[[:space:]]*\*\([[:space:]]\|\/\|$\)/d; /^[[:space:]]*\/\//d' | wc -l
}

limit() {
    [ "$2" -lt "$3" ] || echo "$1: $2 lines, the limit is $3"
}

check_size() {
    # kernel/plant is the test build's
    core=$(($(lines_of 'kernel/*.[chS]') - $(lines_of 'kernel/dev/*.[chS]' 'kernel/code/*.[chS]' 'kernel/x86/*.[chS]' 'kernel/plant/*.[chS]')))
    limit 'kernel without dev, code and x86' "$core" 8000
    limit 'kernel/x86' "$(lines_of 'kernel/x86/*.[chS]')" 4000
    limit 'kernel/code' "$(lines_of 'kernel/code/*.[chS]')" 5000
    limit 'examples/hello.c' "$(lines_of examples/hello.c)" 40
    limit 'examples/linux' "$(lines_of 'examples/linux/*')" 601
    files '*.[chS]' '*.py' '*.sh' | while read -r file; do limit "$file" "$(wc -l <"$file")" 701; done
}

check_spdx() {
    files '*' | grep -v '^LICENSE$' | while read -r file; do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file: no SPDX line"
    done
}

# Nothing is left for later.
check_words() {
    files '*.[chS]' '*.py' '*.sh' '*.md' '*.awk' '*.tbl' Makefile tessera |
        xargs grep -nE '\<(TO''DO|FIX''ME|XX''X)\>'
}

check_calls() {
    cmp -s out/gen/calls.md docs/calls.md || echo 'docs/calls.md is not what abi/calls.tbl says: cp out/gen/calls.md docs/'
    mkdir -p "out/check/calls_made"
    for line in check gives; do # a call that does not state these does not build
        awk -v line="$line" '$1 == "call" { call = $3 } call == "frame_free" && $1 == line { next } { print }' abi/calls.tbl |
            awk -f abi/calls.awk -v out="out/check/calls_made" - 2>"out/check/calls_made/said" && echo "frame_free without its $line builds"
        grep -q 'call frame_free ' "out/check/calls_made/said" || echo "frame_free without its $line: not said why"
    done
}

# Files and functions that the documentation names are there: `kernel/cap.c`, `cap_grant()`. The map has every folder.
check_names() {
    grep -onE '(^|[ `(])(abi|kernel|lib|libos|examples|host|test|bench|docs)/[A-Za-z0-9_./-]*[a-z0-9_]' README.md docs/*.md |
        sed 's/:[ `(]*\([^:]*\)$/ \1/' | sort -u | while read -r where path; do
        [ -e "$path" ] || [ -e "docs/$path" ] || ls "$path".* >/dev/null 2>&1 || echo "$where: no $path"
    done
    # Not in a program that a page holds: the compiler sees that.
    awk '/^```c$/ { code = 1 } /^```$/ { code = 0 }
        { for (; !code && match($0, /[a-z0-9_]+\(\)/); $0 = substr($0, RSTART + RLENGTH))
            print FILENAME ":" FNR, substr($0, RSTART, RLENGTH - 2) }' README.md docs/*.md | while read -r where name; do
        grep -rqE --include='*.[chS]' "^$name(\(|:)|(inline|static) .*[ *]$name\(|^#define $name\(" abi kernel lib libos examples host test ||
            grep -q "\<sys_$name\>\|\<$name\>" out/gen/call_decl.h out/gen/call_stubs.h || echo "$where: no function $name()"
    done
    files '*/*' | sed 's|/[^/]*$|/|' | sort -u | while read -r folder; do
        grep -q "^| .*$folder[ ,]" docs/map.md || echo "docs/map.md: no folder $folder"
    done
}

# What processors may do to one another, every order of it (test/model).
check_models() { test/model/run.sh; }

check_format() { files '*.c' '*.h' | each format; }

# ---- running them ---------------------------------------------------------------------------------

# A function, so that all of this file is read before any of it runs.
main() {
    if [ "${1-}" = --one ]; then
        "one_$2" "$3"
        exit 0
    fi
    if [ "${1-}" = --list ]; then
        printf '%s\n' $CHECKS
        exit 0
    fi
    [ -n "${KFLAGS-}" ] || { echo 'check.sh: the flags come from the Makefile: make check' >&2; exit 2; }

    mkdir -p out/check
    passed=0 failed=0
    for name in ${*:-$CHECKS}; do
        case " $CHECKS " in
        *" $name "*) ;;
        *) echo "no check is called $name; --list names them" >&2; exit 2 ;;
        esac
        begin=$(date +%s)
        ("check_$name") >"out/check/$name" 2>&1
        if [ -s "out/check/$name" ]; then
            failed=$((failed + 1))
            head -n 40 "out/check/$name"
            echo "FAIL check.$name: $(wc -l <"out/check/$name") lines of findings in out/check/$name"
        else
            passed=$((passed + 1))
            echo "ok check.$name ($(($(date +%s) - begin)) s)"
        fi
    done
    echo "check: $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

main "$@"; exit
