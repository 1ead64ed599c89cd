# SPDX-License-Identifier: MIT
# Builds everything under out/. File lists are explicit, in reading order: the table of contents.
#   make            kernel, library OSes, host command      make test     host units, QEMU, whole commands
#   make check      warnings, analysers, border checks      make bench    the figures of docs/bench.md

OUT := out
CC := gcc
CLANG := clang
LD := ld.lld
MAKEFLAGS += --no-builtin-rules
.SECONDARY:
.DELETE_ON_ERROR:

WARN := -std=c17 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wconversion -Wno-sign-conversion -Wformat=2
FREE := -ffreestanding -fno-strict-aliasing -fno-common -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -mno-red-zone -mgeneral-regs-only -O2 -g
KFLAGS := $(WARN) $(FREE) -mcmodel=kernel -fno-pic -Wframe-larger-than=1024 -fno-omit-frame-pointer \
	-momit-leaf-frame-pointer -flto
# Linked whole: small functions of one room are inlined in another, and a call stays as short as designed.
KLINK := -flto=auto -flto-partition=one -static -nostdlib -Wl,--build-id=none,-z,max-page-size=4096,--no-warn-rwx-segments \
	-T kernel/x86/kernel.ld
UFLAGS := $(WARN) $(FREE) -fpie -fno-omit-frame-pointer
HFLAGS := $(WARN) -O2 -g -D_GNU_SOURCE -pthread
INC := -I. -I$(OUT)/gen

# ---- the rooms, each in reading order ------------------------------------------------------
LIB_SRC := lib/string.c lib/format.c lib/siphash.c lib/elf.c lib/bundle.c lib/words.c lib/plan.c lib/message.c \
	lib/multiboot.c lib/firmware.c lib/wall.c \
	lib/heap.c lib/pairing.c
LIB_FREE_SRC := lib/mem.c   # for kernel and library OSes; hosted programs have the C library

KERNEL_SRC := kernel/boot.c kernel/init.c kernel/account.c kernel/charge.c kernel/shown.c kernel/names.c kernel/owned.c kernel/reap.c kernel/revoke.c kernel/cap.c kernel/grant.c \
	kernel/frame_boot.c kernel/frame.c kernel/pin.c kernel/inspect.c kernel/epoch.c kernel/reverse.c kernel/object.c kernel/pt.c kernel/protect.c kernel/table.c \
	kernel/mapping.c kernel/copy.c kernel/large.c kernel/pass.c kernel/env.c kernel/context.c kernel/stop.c kernel/upcall.c kernel/event.c kernel/clause.c kernel/wait.c \
	kernel/slice.c kernel/position.c kernel/grace.c kernel/credit.c kernel/vector.c kernel/work.c kernel/chain.c kernel/transfer.c \
	kernel/lock.c kernel/flight.c kernel/console.c kernel/log.c kernel/trace.c \
	kernel/check.c
KERNEL_DEV_SRC := kernel/dev/virtqueue.c kernel/dev/virtio.c kernel/dev/pci.c kernel/dev/virtio_pci.c kernel/dev/virtio_mmio.c \
	kernel/dev/port.c kernel/dev/port_virtio.c kernel/dev/port_serial.c kernel/dev/channel.c
KERNEL_X86_SRC := kernel/x86/start.c kernel/x86/cpu.c kernel/x86/smp.c kernel/x86/pt.c kernel/x86/trap.c kernel/x86/trace.c kernel/x86/context.c \
	kernel/x86/usercopy.c kernel/x86/acpi.c kernel/x86/apic.c kernel/x86/calibrate.c kernel/x86/clock.c kernel/x86/bus.c \
	kernel/x86/serial.c kernel/x86/wall.c kernel/x86/tag.c kernel/x86/audit.c kernel/x86/fingerprint.c
KERNEL_ASM := kernel/x86/boot.S kernel/x86/ap.S kernel/x86/entry.S kernel/x86/transfer.S kernel/x86/root.S kernel/x86/wall_pass.S

EXO_SRC := libos/exo/begin.c libos/exo/start.c libos/exo/context.c libos/exo/lock.c libos/exo/pool.c libos/exo/space.c \
	libos/exo/upcall.c libos/exo/fault.c libos/exo/exception.c libos/exo/region.c libos/exo/fill.c libos/exo/malloc.c libos/exo/console.c libos/exo/clock.c \
	libos/exo/print.c libos/exo/wait.c libos/exo/random.c libos/exo/report.c libos/exo/user.c libos/exo/program.c libos/exo/rpc.c libos/exo/child.c libos/exo/launch.c \
	libos/exo/contexts.c libos/exo/roll.c libos/exo/thread.c libos/exo/stack.c libos/exo/sched.c libos/exo/share.c libos/exo/sync.c libos/exo/timer.c libos/exo/waiters.c
EXO_ASM := libos/exo/crt0.S libos/exo/switch.S libos/exo/roll.S libos/exo/rpc.S
EXAMPLES := init hello stride dedicate rpc linux gc pagetable pager procs revoke
PROCS_SRC := $(addprefix examples/procs/,frames.c tables.c memory.c image.c sched.c proc.c life.c fork.c exec.c pipe.c \
	signal.c calls.c kill.c runners.c images.S)
PROCS_PROGRAMS := count fork exec both after pipe signal meet registers churn ends measure # by enum image
LINUX_SRC := examples/linux/memory.c examples/linux/files.c examples/linux/calls.c out/gen/linux_names.c

HOST_SRC := host/main.c host/options.c host/run.c host/gdb.c host/image.c host/partition.c host/program.c host/file.c \
	host/plan.c host/bundle.c host/accel.c host/machine.c host/session.c host/peer.c host/link.c host/output.c \
	host/sink.c host/input.c host/report.c host/panic.c host/trace.c host/events.c host/say.c
UNIT_SRC := test/unit/main.c test/unit/made.c test/unit/mem.c test/unit/format.c test/unit/siphash.c \
	test/unit/elf.c test/unit/bundle.c test/unit/words.c test/unit/plan.c test/unit/message.c \
	test/unit/multiboot.c test/unit/firmware.c \
	test/unit/heap.c test/unit/heap_model.c test/unit/pairing.c test/unit/grants.c test/kernel/reverse.c
UNIT_SRC += test/unit/accounts.c test/unit/wall.c
# Of the kernel, what needs no processor, with bounds so small that all takes several calls.
UNIT_KERNEL := kernel/account.c kernel/charge.c kernel/shown.c kernel/names.c kernel/owned.c kernel/reap.c kernel/revoke.c kernel/cap.c kernel/grant.c kernel/reverse.c \
	test/kernel/fake.c test/kernel/grants.c test/kernel/accounts.c
BOOT_ACTS := act14_stacks act20_vectors act26_exhaust act28_races
BOOT_LIBRARY := regions heap corners threads mixed switches lines several rolls # of libos/exo
BOOT_MANY := handoff stress pins exposed inspect # several contexts of one program, without libos/exo's
BOOT_MANY += halts swaps departs rounds leaves crowds burdens overdue starts granters transfers act22_storm act23_charge lent pauses sleeper turns again
BOOT_TESTS := roots
BOOT_TESTS += victim act02_revoke act04_tree resume act05_map act06_bits act07_table act09_stale act12_scan act13_edge act15_flags act16_gates \
	act21_privileged act25_transfer chains stalls act27_calls act29_pointers slots_walk batches reap alone \
	caps limits links forks large giant unfinished dangling hog deaths $(BOOT_MANY) $(BOOT_LIBRARY) $(BOOT_ACTS)
BOOT_TESTS += accounts act24_revoke destroys act30_addresses posts root_walk flight sources served clings others stops throng meets
BOOT_RAW := upcalls slices act12_leaks act18_storms
FUZZERS := elf bundle message words plan options report multiboot firmware heap grants events accounts
BOOT_TESTS += refusals misfits

# ---- rules ------------------------------------------------------------------------------------
.PHONY: all kernel user host unit boot-tests fuzz test check bench bench-tools fmt clean
all: kernel user host
kernel: $(OUT)/tessera.elf $(OUT)/tessera-plant.elf
user: $(EXAMPLES:%=$(OUT)/examples/%) $(OUT)/examples/afternoon
host: $(OUT)/host/tessera

GEN := $(OUT)/gen/call_numbers.h Makefile # flags that change build anew
$(OUT)/gen/call_numbers.h: abi/calls.tbl abi/calls.awk
	@mkdir -p $(@D)
	awk -f abi/calls.awk -v out=$(OUT)/gen abi/calls.tbl
	touch $@
$(OUT)/gen/call_table.c: $(GEN) ; # made with it

# What somebody may be running is put in its place at once (mv), never half written.
# The kernel is built twice: for release, and with every planted fault of docs/hostile.md behind a switch; there undefined
# behaviour is a trap, and so a panic.
PLANT_FLAGS := -fsanitize=undefined -fsanitize-undefined-trap-on-error
KERNEL_ALL := $(KERNEL_SRC) $(KERNEL_DEV_SRC) $(KERNEL_X86_SRC) $(KERNEL_ASM) $(LIB_SRC) \
	$(LIB_FREE_SRC) out/gen/call_table.c
KOBJ := $(addsuffix .o,$(KERNEL_ALL))
PLANT_SRC := kernel/plant/on/plant.c kernel/plant/on/same.c kernel/x86/tag_model.c # in the test build alone
$(OUT)/k/%.c.o: %.c $(GEN)
	@mkdir -p $(@D)
	$(CC) $(KFLAGS) -Ikernel/plant/off $(INC) -MMD -MP -c $< -o $@
$(OUT)/kp/%.c.o: %.c $(GEN)
	@mkdir -p $(@D)
	$(CC) $(KFLAGS) $(PLANT_FLAGS) -Ikernel/plant/on $(INC) -MMD -MP -c $< -o $@
$(OUT)/k/%.S.o: %.S $(GEN)
	@mkdir -p $(@D)
	$(CC) $(INC) -g -MMD -MP -c $< -o $@
$(OUT)/kp/%.S.o: %.S $(GEN)
	@mkdir -p $(@D)
	$(CC) $(INC) -DPLANT -g -MMD -MP -c $< -o $@
$(OUT)/tessera.elf: $(addprefix $(OUT)/k/,$(KOBJ)) kernel/x86/kernel.ld
	$(CC) $(KFLAGS) $(KLINK) -o $@.new $(filter %.o,$^) && mv $@.new $@
$(OUT)/tessera-plant.elf: $(addprefix $(OUT)/kp/,$(KOBJ) $(PLANT_SRC:%=%.o)) kernel/x86/kernel.ld
	$(CC) $(KFLAGS) $(PLANT_FLAGS) $(KLINK) -o $@.new $(filter %.o,$^) && mv $@.new $@

EXO_OBJ := $(addprefix $(OUT)/u/,$(addsuffix .o,$(EXO_SRC) $(EXO_ASM) $(LIB_SRC) $(LIB_FREE_SRC)))
$(OUT)/u/%.c.o: %.c $(GEN)
	@mkdir -p $(@D)
	$(CC) $(UFLAGS) $(INC) -MMD -MP -c $< -o $@
$(OUT)/u/%.S.o: %.S $(GEN)
	@mkdir -p $(@D)
	$(CC) $(INC) -g -MMD -MP -c $< -o $@
# Of libos/exo and lib only what is used goes in.
LINK_LIBRARY = $(LD) -T libos/exo/library.ld $(ENTRY) -o $@.new $(filter-out $(EXO_OBJ),$(filter %.o,$^)) \
	--start-lib $(EXO_OBJ) --end-lib && mv $@.new $@
$(OUT)/examples/%: $(OUT)/u/examples/%.c.o $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
# The program of a page, in which its pieces stand.
$(OUT)/gen/afternoon.c: docs/exo.md
	@mkdir -p $(@D)
	awk '/^```c$$/ { on = 1; next } /^```$$/ { if (on) print ""; on = 0 } on' $< >$@
$(OUT)/examples/afternoon: $(OUT)/u/out/gen/afternoon.c.o $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
$(OUT)/examples/linux: $(addprefix $(OUT)/u/,$(addsuffix .o,$(LINUX_SRC))) $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
# Its files become one object, as the kernel's do: a switch of processes is inlined in what sleeps.
PROCS_OBJ := $(PROCS_SRC:%=$(OUT)/u/%.o)
$(PROCS_OBJ): private UFLAGS += -flto
$(OUT)/u/procs_whole.o: $(PROCS_OBJ)
	$(CC) $(UFLAGS) -flto=auto -flto-partition=one -flinker-output=nolto-rel -r -nostdlib -o $@ $^
$(OUT)/examples/procs: $(OUT)/u/examples/procs/main.c.o $(OUT)/u/procs_whole.o $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
$(OUT)/u/examples/procs/images.S.o: $(PROCS_PROGRAMS:%=$(OUT)/procs/%)
$(OUT)/procs/%: $(OUT)/u/examples/procs/programs/%.c.o examples/procs/programs/program.ld
	@mkdir -p $(@D)
	$(LD) -T examples/procs/programs/program.ld -s -o $@ $<
$(OUT)/gen/linux_names.c: /usr/include/x86_64-linux-gnu/asm/unistd_64.h
	@mkdir -p $(@D)
	awk 'BEGIN { print "extern const char *const linux_names[];\nconst char *const linux_names[512] = {" } \
		/define __NR_/ { print "[" $$3 "] = \"" substr($$2, 6) "\"," } END { print "};" }' $< >$@
BOOT_KIT := $(addprefix $(OUT)/u/test/boot/,kit.c.o kit.S.o good.c.o good_root.c.o proxy.c.o)
$(BOOT_TESTS:%=$(OUT)/test/%): $(OUT)/test/%: $(OUT)/u/test/boot/%.c.o $(BOOT_KIT) $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
$(BOOT_RAW:%=$(OUT)/test/%): $(OUT)/test/%: $(OUT)/u/test/boot/%.c.o $(OUT)/u/test/boot/raw.c.o $(OUT)/u/test/boot/raw.S.o \
		$(BOOT_KIT) $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
$(BOOT_RAW:%=$(OUT)/test/%): ENTRY := -e raw_start
$(addprefix $(OUT)/test/,again overdue pauses posts stalls act12_leaks clings others stops throng): $(OUT)/u/test/boot/kin.c.o
$(OUT)/test/act12_leaks: $(OUT)/u/test/boot/registers.S.o
$(OUT)/test/roots: $(addprefix $(OUT)/u/test/boot/,message.c.o message.S.o)
$(BOOT_MANY:%=$(OUT)/test/%): $(OUT)/u/test/boot/workers.c.o
$(addprefix $(OUT)/test/,slots_walk root_walk act27_calls act28_races batches): $(addprefix $(OUT)/u/test/boot/,state.c.o foreign.c.o)
$(addprefix $(OUT)/test/,slots_walk root_walk): $(OUT)/u/test/boot/walk.c.o
$(addprefix $(OUT)/test/,root_walk act27_calls): $(addprefix $(OUT)/u/test/boot/,edges.c.o bounds.c.o)
$(addprefix $(OUT)/test/,root_walk act29_pointers): $(OUT)/u/test/boot/pointers.c.o
$(OUT)/test/slots_walk: $(addprefix $(OUT)/u/test/boot/,walk_transfers.c.o message.c.o message.S.o)
$(addprefix $(OUT)/test/,victim act12_leaks act20_vectors): $(OUT)/u/test/boot/vectors.c.o
$(addprefix $(OUT)/test/,act12_leaks act14_stacks act18_storms act20_vectors act28_races sources stops throng meets): $(OUT)/u/test/boot/workers.c.o
$(OUT)/test/transfers: $(OUT)/u/test/boot/pass.S.o
$(addprefix $(OUT)/test/,burdens stress act25_transfer chains stalls transfers rounds halts stops swaps): $(addprefix $(OUT)/u/test/boot/,message.c.o message.S.o)
boot-tests: $(BOOT_RAW:%=$(OUT)/test/%) $(BOOT_TESTS:%=$(OUT)/test/%) $(OUT)/bench/stretch.so

$(OUT)/h/%.c.o: %.c $(GEN)
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) $(INC) -MMD -MP -c $< -o $@
$(OUT)/host/tessera: $(addprefix $(OUT)/h/,$(addsuffix .o,$(HOST_SRC) $(LIB_SRC)))
	@mkdir -p $(@D)
	$(CC) -pthread -o $@.new $^ && mv $@.new $@

SAN := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
$(OUT)/unit/%.c.o: %.c $(GEN)
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) $(SAN) $(INC) -MMD -MP -c $< -o $@
$(OUT)/unit/run: $(addprefix $(OUT)/unit/,$(addsuffix .o,$(UNIT_SRC) $(UNIT_KERNEL) $(LIB_SRC)))
	$(CC) -pthread $(SAN) -o $@ $^
unit: $(OUT)/unit/run
KERNEL_HOSTED := $(foreach d,unit fuzz,$(addprefix $(OUT)/$d/,$(addsuffix .o,$(UNIT_KERNEL))))
$(KERNEL_HOSTED): INC := -Itest/kernel/small -Ikernel/plant/off $(INC)

FUZZ := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
# What a fuzzer counts and steers by is the code it is about, not the model beside it that watches.
STEERED := -fsanitize=fuzzer-no-link
$(OUT)/fuzz/test/%: STEERED := -O2
$(OUT)/fuzz/%.c.o: %.c $(GEN)
	@mkdir -p $(@D)
	$(CLANG) $(HFLAGS) $(FUZZ) $(STEERED) $(INC) -MMD -MP -c $< -o $@
FUZZ_LIB := $(addprefix $(OUT)/fuzz/,$(addsuffix .o,$(LIB_SRC)))
$(FUZZERS:%=$(OUT)/fuzz/%): $(OUT)/fuzz/%: $(OUT)/fuzz/test/fuzz/%.c.o $(FUZZ_LIB)
	$(CLANG) $(FUZZ) -fsanitize=fuzzer -o $@ $^
$(OUT)/fuzz/options: $(OUT)/fuzz/host/options.c.o
$(OUT)/fuzz/heap: $(OUT)/fuzz/test/unit/heap_model.c.o
$(OUT)/fuzz/report: $(OUT)/fuzz/host/report.c.o $(OUT)/fuzz/host/say.c.o
$(OUT)/fuzz/events: $(OUT)/fuzz/host/events.c.o
$(OUT)/fuzz/firmware: $(OUT)/fuzz/test/unit/made.c.o
$(OUT)/fuzz/grants $(OUT)/fuzz/accounts: $(addprefix $(OUT)/fuzz/,$(addsuffix .o,$(UNIT_KERNEL)))
$(OUT)/fuzz/seed: $(OUT)/unit/test/fuzz/seed.c.o $(OUT)/unit/test/unit/made.c.o $(OUT)/unit/lib/message.c.o
	$(CC) $(SAN) -o $@ $^
fuzz: $(FUZZERS:%=$(OUT)/fuzz/%) $(OUT)/fuzz/seed

# What bench/run needs: Linux programs (static, for the guest), a QEMU plugin, an empty kernel, a kit on libos/exo.
BENCH_TOOLS := $(addprefix $(OUT)/bench/,linux_init kit_linux stream count.so path.so quiet.so stretch.so floor.elf kit noise_kit noise_linux \
	kit_procs exits_kit exits_linux exits_drive)
$(OUT)/bench/linux_init: bench/linux_init.c # above ordinary programs, and begun with a time stamp
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) -static -Wl,-Ttext-segment=0x40000000,-e,stamp_start -o $@ $<
$(OUT)/bench/kit_linux: bench/kit_linux.c bench/kit_linux_memory.c bench/kit_linux_tasks.c bench/kit_linux_wake.c bench/kit_linux_procs.c bench/spans.S \
		bench/kit_linux.h bench/spans.h bench/pages.h
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) -I. -static -o $@ $(filter-out %.h,$^)
$(addprefix $(OUT)/bench/,stream exits_linux exits_drive noise_linux): $(OUT)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) -I. -static -o $@ $<
$(OUT)/bench/noise_linux: bench/noise.h
$(OUT)/bench/%.so: bench/%.c bench/plugin.h
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) -I. -shared -fPIC -o $@ $<
$(OUT)/bench/floor.elf: bench/floor.S
	@mkdir -p $(@D)
	$(CC) -m32 -nostdlib -static -Wl,--build-id=none,-z,noexecstack,-e,floor_start -Wl,-Ttext=0x200000 \
		-Wl,--section-start=.note.Xen=0x201000,--section-start=.bss=0x202000 -o $@ $<
KIT := kit.c kit_raw.c kit_memory.c kit_threads.c kit_envs.c kit_wake.c spans.S
$(OUT)/bench/kit: $(addprefix $(OUT)/u/bench/,$(addsuffix .o,$(KIT))) $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LD) -T libos/exo/library.ld -e kit_start -o $@ $(filter %.o,$^)
$(OUT)/bench/kit_procs: $(OUT)/u/examples/procs/measured.c.o $(OUT)/u/procs_whole.o $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
$(OUT)/bench/exits_kit: $(OUT)/u/bench/exits_kit.c.o $(OUT)/u/bench/exits_pair.c.o $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
$(OUT)/bench/noise_kit: $(OUT)/u/bench/noise_kit.c.o $(EXO_OBJ) libos/exo/library.ld
	@mkdir -p $(@D)
	$(LINK_LIBRARY)
bench-tools: $(BENCH_TOOLS) boot-tests

test: all
	./tessera test
bench: all
	./tessera bench
check: $(GEN) $(OUT)/gen/linux_names.c $(OUT)/gen/afternoon.c
	@WARN='$(WARN)' KFLAGS='$(KFLAGS)' UFLAGS='$(UFLAGS)' HFLAGS='$(HFLAGS)' INC='$(INC)' test/check.sh $(CHECKS)
fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf $(OUT)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
