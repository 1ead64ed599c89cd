# SPDX-License-Identifier: MIT
# abi/calls.awk - makes from abi/calls.tbl, into the folder `out`: call_numbers.h, call_decl.h and call_table.c (kernel),
# call_stubs.h (libraries), call_kinds.h (tests), calls.md (people). A call without a stated check, or with too many arguments, is an error.

function fail(text) { print FILENAME ":" FNR ": " text > "/dev/stderr"; bad = 1; exit 1 }
function put(file, text) { printf "%s\n", text > (out "/" file) }

# Splits NAME:KIND/RIGHT into part[]: name, kind, right; kind is "" for a number. Of NAME<STRUCT and NAME>STRUCT: name, type, way, bytes.
function split_argument(text, part,    at, rest) {
    part["kind"] = part["right"] = part["type"] = ""; part["name"] = text; part["bytes"] = part["whole"] = 0
    if ((at = match(text, /[<>]/)) != 0) {
        part["name"] = substr(text, 1, at - 1); part["way"] = substr(text, at, 1); part["bytes"] = substr(text, at + 1)
        if (part["bytes"] !~ /^[0-9]+$/) { part["type"] = "struct " part["bytes"]; part["bytes"] = "sizeof(struct " part["bytes"] ")" }
        n_ways++
        return
    }
    if ((at = index(text, ":")) == 0) return
    part["name"] = substr(text, 1, at - 1); rest = substr(text, at + 1)
    if ((at = index(rest, "/")) == 0) fail("a slot names its right: " text)
    part["kind"] = substr(rest, 1, at - 1); part["right"] = substr(rest, at + 1)
    part["whole"] = sub(/\*/, "", part["kind"])
}

# A structure that a handler's prototype names.
function declare(type) {
    sub(/^const /, "", type)
    if (!(type in declared)) put("call_decl.h", type ";")
    declared[type]
}

# The memory of the caller's that an argument names is read before the handler sees it, or written when it has said what is there.
function add_struct(p, raw) {
    params = params comma (p["way"] == "<" ? "const " : "") p["type"] " *" p["name"]; passed = passed comma "&" p["name"]
    declare(p["type"])
    locals = locals "    " p["type"] " " p["name"] (p["way"] == ">" ? " = {0}" : "") ";\n"
    if (p["way"] == "<") last = last "    absent = copy_in(&" p["name"] ", " raw ", sizeof(" p["name"] "));\n" FAULT
    else after = after "    absent = r.value < 0 ? 0 : copy_out(" raw ", &" p["name"] ", sizeof(" p["name"] "));\n" FAULT
}

# Adds one C parameter to the handler's prototype, the wrapper's body, the stub and the documentation.
function add_parameter(text, raw,    p, type) {
    split_argument(text, p)
    comma = params == "" ? "" : ", "
    stub_params = stub_params (stub_params == "" ? "" : ", ") "uint64_t " p["name"]
    doc = doc " `" p["name"] "`" (p["way"] != "" ? " (where " (p["type"] != "" ? "a " p["type"] (p["way"] == "<" ? " is)" : " goes)") : p["way"] == "<" ? "bytes are)" : "bytes go)") : p["kind"] == "" ? "" : " (" p["kind"] " with " p["right"] ")")
    fields = fields "{\"" p["name"] "\", " n_reg - 1 ", " (raw ~ />/ ? 32 : 0) ", " (raw ~ /3/ ? 32 : 64) ", " \
        (p["kind"] == "" ? "KIND_NONE, RIGHT_NONE" : "KIND_" p["kind"] ", RIGHT_" p["right"]) ", " \
        (p["way"] == "<" ? "CALL_READS" : p["way"] == ">" ? "CALL_WRITES" : "CALL_FOLLOWS_NOT") ", " p["bytes"] "}, "
    if (p["type"] != "") { add_struct(p, raw); return }
    if (p["kind"] == "") { params = params comma "uint64_t " p["name"]; passed = passed comma raw; return }
    if (p["whole"]) {
        body = body "    (void)slot_object(" raw ", KIND_" p["kind"] ", RIGHT_" p["right"] ", &error);\n" REFUSED
        p["kind"] = "ANY"; p["right"] = "NONE"
    }
    type = p["kind"] == "ANY" ? "const struct slot" : "struct " tolower(p["kind"])
    if (p["kind"] == "MACHINE") { body = body "    (void)slot_object(" raw ", KIND_MACHINE, RIGHT_" p["right"] ", &error);\n" REFUSED; return }
    declare(type)
    params = params comma type " *" p["name"]; passed = passed comma p["name"]
    look = "slot_object(" raw ", KIND_" p["kind"] ", RIGHT_" p["right"] ", &error)"
    if (p["kind"] p["right"] == seen_right && seen_raw !~ /32/) look = raw " == " seen_raw " ? " seen_name " : " look # that was looked at
    seen_right = p["kind"] p["right"]; seen_raw = raw; seen_name = p["name"]
    body = body "    " type " *" p["name"] " = " look ";\n" REFUSED
}

# The names of errors in a text, each once.
function errors_of(text,    word, list, known) {
    text = " " text
    while (match(text, /[^A-Z_]E_[A-Z]+/)) {
        word = substr(text, RSTART + 1, RLENGTH - 1); text = substr(text, RSTART + RLENGTH)
        if (!(word in known)) list = list (list == "" ? "" : ", ") word
        known[word] = 1
    }
    documented = list == "" ? "none" : list
    return list == "" ? 0 : list
}

function flush_call(    i, lo_hi, list, value, u) {
    if (name == "") return
    if (check ~ /^ *$/) fail("call " name " states no check")
    if (gives ~ /^ *$/) fail("call " name " does not say what it gives")
    params = passed = body = seen_right = stub_params = doc = fields = locals = last = after = ""; list = ""; n_ways = 0
    for (i = 1; i <= n_args; i++) {
        n_reg = i
        if (split(args[i], lo_hi, "|") == 2) {
            add_parameter(lo_hi[1], "(uint32_t)" reg[i]); add_parameter(lo_hi[2], reg[i] " >> 32")
            sub(/:.*/, "", lo_hi[1]); sub(/:.*/, "", lo_hi[2])
            value = "(uint32_t)" lo_hi[1] " | " lo_hi[2] " << 32"
        } else { add_parameter(args[i], reg[i]); value = args[i]; sub(/[:<>].*/, "", value) }
        list = list ", " value
    }
    if (!n_ways && gives ~ /E_FAULT/) fail("call " name " gives E_FAULT, but follows no address")
    if (n_ways && gives !~ /E_FAULT/) fail("call " name " follows an address, but does not give E_FAULT")
    for (i = n_args + 1; i <= 5; i++) list = list ", call_any()"
    u = ""; for (i = n_args + 1; i <= 5; i++) u = u "    (void)" reg[i] ";\n"
    put("call_numbers.h", "    CALL_" name " = " number ",")
    if (fast) { params = params ", uint64_t slot"; passed = passed ", a" }
    if (by) passed = passed (passed == "" ? "" : ", ") extra; else by = name
    if (!enters && by == name) put("call_decl.h", "struct result " name "(" (params == "" ? "void" : params) ");")
    if (!enters) put("call_stubs.h", "/* " does " Gives " gives ". */\nstatic inline struct call_result\ncall_" name "(" (stub_params == "" ? "void" : stub_params) \
        ")\n{\n    return call_invoke(" number list ");\n}\n")
    if (!enters) put("call_table.c", (lockless ? "LAST_USED " : "") "static struct result\n" (lockless ? "sys_" : "checked_") name "(uint64_t a, uint64_t b, uint64_t c, uint64_t number, uint64_t d, uint64_t e)\n{\n" \
        (body == "" ? "" : "    int error = 0;\n") locals (locals == "" ? "" : "    uint64_t absent;\n") (after == "" ? "" : "    struct result r;\n") "    (void)number;\n" u body last \
        (after == "" ? "    return " by "(" passed ");\n}\n" : "    r = " by "(" passed ");\n" after "    return r;\n}\n"))
    if (!lockless && !enters) put("call_table.c", "LAST " (fast ? "" : "static ") "struct result\nsys_" name "(uint64_t a, uint64_t b, uint64_t c, uint64_t number, uint64_t d, uint64_t e)\n{\n" \
        "    struct result r;\n\n    kernel_lock();\n    r = checked_" name "(a, b, c, number, d, e);\n    kernel_unlock();\n    return r;\n}\n")
    put("call_kinds.h", "    {" number ", \"" name "\", {" fields "}, {" errors_of(doc ~ /with/ ? "E_BADF E_PERM " gives : gives) "}},")
    table = table "    [" number "] = " (enters ? enters : fast ? fast : saves ? "call_enter_saving" : "sys_" name) ",\n"
    traced = traced "    [" number "] = " (enters ? "call_enter_traced" : saves ? "call_enter_saving_traced" : "call_traced") ",\n"
    if (saves || fast) saving = saving "    [" number "] = sys_" name ",\n"
    names = names "    [" number "] = \"" name "\",\n"
    if (enters) doc = " in registers of its own: below"
    put("calls.md", "## " number " " name "\n\nArguments:" (doc == "" ? " none." : doc ".") "\n\nChecked:" check ".\n\nGives:" gives ".\n\nErrors: " documented ".\n\n" does "\n")
    name = ""
}

BEGIN {
    split("a b c d e", reg, " ")
    REFUSED = "    if (error)\n        return result_error(error);\n"
    FAULT = "    if (absent)\n        return result_error_at(E_FAULT, absent);\n"
    note = "/* Made by abi/calls.awk from abi/calls.tbl. */"
    put("call_numbers.h", note "\n#pragma once\n\nenum call_number {\n    CALL_BASE = 0x54000000,\n    CALL_BLOCK = 256, /* numbers set aside */")
    put("call_numbers.inc", note "\n#define CALL_BASE 0x54000000\n#define CALL_BLOCK 256")
    put("call_decl.h", note "\n#pragma once\n")
    put("call_stubs.h", note "\n#pragma once\n#include \"libos/exo/invoke.h\"\n")
    put("call_kinds.h", note "\n#pragma once\n#include <stdint.h>\n#include \"abi/account.h\"\n#include \"abi/cap.h\"\n#include \"abi/context.h\"\n#include \"abi/error.h\"\n#include \"abi/memory.h\"\n" \
        "#include \"abi/slice.h\"\n#include \"abi/transfer.h\"\n\n/* What the kernel does at the address that an argument is. */\nenum call_way { CALL_FOLLOWS_NOT, CALL_READS, CALL_WRITES };\n\nstruct call_field {\n    const char *name; /* null: no more */\n" \
        "    uint8_t reg, low_bit, bits; /* where it travels; 0 is rdi */\n    uint16_t kind, right;       /* KIND_NONE: a number, or an address */\n    uint8_t way;                /* enum call_way */\n    uint16_t bytes;             /* of what lies there; more where another argument counts */\n};\n\n" \
        "static const struct call_shape {\n    uint32_t number;\n    const char *name;\n    struct call_field field[9];\n    uint8_t error[16]; /* all that may come, as positive numbers; 0: no more */\n} call_shapes[] = {")
    put("call_table.c", note "\n#include \"abi/account.h\"\n#include \"abi/context.h\"\n#include \"abi/memory.h\"\n#include \"abi/slice.h\"\n#include \"abi/transfer.h\"\n#include \"kernel/arch.h\"\n" \
        "#include \"kernel/call.h\"\n#include \"kernel/lock.h\"\n#include \"kernel/slot.h\"\n#include \"kernel/trace.h\"\n")
    put("calls.md", "<!-- SPDX-License-Identifier: MIT -->\n# The kernel's calls\n\nMade by `abi/calls.awk` from `abi/calls.tbl`. Call n is `syscall` with eax = 0x54000000 + n, arguments in rdi,\n" \
        "rsi, rdx, r8, r9; the result is rax, the second result rdx. A slot argument that names nothing is E_BADF, one\nwithout the right E_PERM. rcx, r11 and the other argument registers are lost.\n")
}
/^#/ || /^$/ { next }
$1 == "call" {
    flush_call()
    number = $2; name = $3; n_args = NF - 3; check = gives = does = ""; saves = lockless = 0; enters = fast = by = ""
    if (number in seen) fail("number " number " is taken"); seen[number] = 1
    if (number >= 256 || n_args > 5) fail("call " name " does not fit")
    for (i = 1; i <= n_args; i++) args[i] = $(i + 3)
    next
}
$1 == "check" { sub(/^check/, ""); check = $0; next }
$1 == "gives" { sub(/^gives/, ""); gives = $0; next }
$1 == "does" { sub(/^does /, ""); does = does (does == "" ? "" : " ") $0; next }
$1 == "saves" { saves = 1; next }
$1 == "enters" { enters = $2; next }
$1 == "fast" { fast = $2; next }
$1 == "by" { by = $2; sub(/^by [a-z_]+ /, ""); extra = $0; next }
$1 == "lockless" { lockless = 1; next }
{ fail("unknown line: " $0) }
END {
    if (bad) exit 1
    flush_call()
    put("call_numbers.h", "};"); put("call_kinds.h", "};")
    for (i = 0; i < 256; i++) if (!(i in seen)) { table = table "    [" i "] = call_unknown,\n"; traced = traced "    [" i "] = call_traced,\n" }
    put("call_table.c", "LAST_USED struct result\ncall_unknown(uint64_t a, uint64_t b, uint64_t c, uint64_t number, uint64_t d, uint64_t e)\n{\n" \
        "    (void)a;\n    (void)b;\n    (void)c;\n    (void)number;\n    (void)d;\n    (void)e;\n    return result_error(E_NOSYS);\n}\n")
    put("call_table.c", "/* By number; entered from kernel/x86/entry.S. */\ncall_entry *const call_table[CALL_BLOCK] = {\n" table "};\n")
    put("call_table.c", "call_entry *const call_saving_table[CALL_BLOCK] = {\n" saving "};\n")
    put("call_table.c", "/* The same where calls are recorded. */\ncall_entry *const call_traced_table[CALL_BLOCK] = {\n" traced "};\n")
    put("call_names.h", note "\n#pragma once\n\n/* By number; null: there is no such call. */\nstatic const char *const call_name_by_number[256] = {\n" names "};")
    put("call_table.c", "const char *const call_names[CALL_BLOCK] = {\n" names "};")
}
