/* SPDX-License-Identifier: MIT */
/*
 * act25_transfer.c - hostile act 25: transfers to what is no entry, callees that die, 10^5 calls at
 * the deepest level, a return by one whom nobody called, identities that the message claims. And
 * what a transfer is for: every register of the message arrives, there and back.
 */
#include "test/boot/message.h"

enum {
    ENV = 20,
    TABLE,
    ENTRY, /* and its activation's context */
    CONTEXT,
    WEAK_SLOT,
    OTHER,
    CALL,       /* the entry with RUN alone */
    FIRST = 30, /* a chain of entries, and one slot for their contexts */
    CHAIN = TRANSFER_DEPTH_MAX + 4,
    LINK_CONTEXT = FIRST + CHAIN,
    TRIES = 100000,
    FLAGS = 0x202,
};

static enum {
    DO_ECHO,
    DO_SELF,  /* call the same entry again */
    DO_NEST,  /* call the next entry */
    DO_FAULT, /* read nobody's memory */
    DO_EXIT,
    DO_STOP, /* stop itself */
} deed;

static bool narrow;
static uint64_t seen[MESSAGE_WORDS], seen_identity, seen_flags;
static uint64_t served, deepest, refused_deepest, busy_holder;
static int64_t inner;

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    uint64_t copy[MESSAGE_WORDS];

    served++;
    memcpy(seen, message, sizeof(seen));
    seen_identity = identity;
    seen_flags = flags;
    memcpy(copy, message, sizeof(copy));
    switch (deed) {
    case DO_SELF:
        inner = message_send(transfer_word(message[0]), copy);
        busy_holder = copy[2];
        break;
    case DO_NEST:
        deepest = message[0];
        copy[0] = message[0] + 1;
        do
            inner = message_send(transfer_word(FIRST + message[0]), copy);
        while (inner == -E_LOOP && ++refused_deepest < TRIES);
        break;
    case DO_FAULT:
        (void)*(const volatile uint8_t *)KERNEL_IMAGE;
        break;
    case DO_EXIT:
        call_context_exit(0);
        break;
    case DO_STOP:
        call_context_stop(CONTEXT);
        break;
    default:
        break;
    }
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        message[i] = ~message[i];
}

static uint64_t
service(uint32_t env)
{
    uint64_t frame;

    call_slot_clear(SLOT_SLOTS, ENTRY);
    call_slot_clear(SLOT_SLOTS, CALL);
    call_slot_clear(SLOT_SLOTS, CONTEXT);
    frame = service_new(SLOT_ACCOUNT, env, ENTRY, CONTEXT);
    weaken(ENTRY, RIGHT_RUN, CALL);
    return frame;
}

/* The word that transfers to it. */
static uint64_t
word(void)
{
    return transfer_word(narrow ? CALL : ENTRY);
}

static void
message_fill(uint64_t message[MESSAGE_WORDS])
{
    for (uint64_t i = 0; i < MESSAGE_WORDS; i++)
        message[i] = 0x1111111111111111 * (i + 1);
}

static void
all_registers_cross(void)
{
    uint64_t message[MESSAGE_WORDS];

    deed = DO_ECHO;
    for (int round = 0; round < 3; round++) {
        message_fill(message);
        expect(message_send(word(), message) == 0, "a transfer");
        for (uint64_t i = 0; i < MESSAGE_WORDS; i++) {
            expect(seen[i] == 0x1111111111111111 * (i + 1), "a word of the message");
            expect(message[i] == ~seen[i], "a word of the answer");
        }
        expect(seen_flags == FLAGS && message_left[2] == FLAGS, "flags are the kernel's");
        hold(narrow || seen_identity == object_of_slot(ENTRY) * (uint64_t)CELLS_PER_FRAME,
             "the identity is the cell of the slot");
    }
}

/* A number that is only in the kernel's gift, whatever the message says. */
static void
identities(void)
{
    uint64_t message[MESSAGE_WORDS];
    struct cap cap;

    deed = DO_ECHO;
    for (uint32_t i = 1; i < 9; i++) {
        call_slot_clear(SLOT_SLOTS, WEAK_SLOT);
        cap = cap_of(ENTRY, RIGHT_RUN);
        fine(call_cap_bind(SLOT_SLOTS, WEAK_SLOT, (uintptr_t)&cap).value, "cap_bind");
        for (uint32_t w = 0; w < MESSAGE_WORDS; w++)
            message[w] = object_of_slot(ENTRY) * (uint64_t)CELLS_PER_FRAME;
        expect(message_send(transfer_word(WEAK_SLOT), message) == 0, "a transfer");
        hold(seen_identity == cap.cell, "the identity is the cell that was granted");
    }
}

static void
refused(uint64_t word, int error, const char *what)
{
    uint64_t message[MESSAGE_WORDS], before = served;

    message_fill(message);
    refuse(message_send(word, message), error, what);
    hold(served == before, "nobody was called");
    for (uint64_t i = 0; i < MESSAGE_WORDS; i++)
        expect(i == 2 || message[i] == 0x1111111111111111 * (i + 1), "the message is still there");
}

static void
undeclared(void)
{
    deed = DO_ECHO;
    call_slot_clear(SLOT_SLOTS, WEAK_SLOT);
    for (uint64_t slot = 0; slot < SLOTS_PER_TABLE + 100; slot++)
        if (slot != ENTRY && slot != CALL)
            refused(transfer_word(slot), E_BADF, "a slot that is no entry");
    for (uint64_t bit = 7; bit < 32; bit++)
        refused(word() | (uint64_t)1 << (32 + bit), E_BADF, "a slot beyond the table");
    weaken(ENTRY, RIGHTS_ALL & ~RIGHT_RUN, WEAK_SLOT);
    refused(transfer_word(WEAK_SLOT), E_PERM, "an entry without RUN");
    call_slot_clear(SLOT_SLOTS, WEAK_SLOT);
    refused(message_return_word, E_PERM, "a return by one whom nobody called");
    refused(message_return_word | (uint64_t)ENTRY << 32, E_PERM, "the same with an entry");
}

static void
revoked(void)
{
    uint64_t message[MESSAGE_WORDS] = {0};
    struct cap cap = cap_of(ENTRY, RIGHT_RUN);

    deed = DO_ECHO;
    call_slot_clear(SLOT_SLOTS, WEAK_SLOT);
    fine(call_cap_bind(SLOT_SLOTS, WEAK_SLOT, (uintptr_t)&cap).value, "cap_bind");
    expect(message_send(transfer_word(WEAK_SLOT), message) == 0, "before it is revoked");
    fine(call_cap_revoke(SLOT_CELLS, cap.cell % CELLS_PER_FRAME).value, "cap_revoke");
    refused(transfer_word(WEAK_SLOT), E_BADF, "a slot that was revoked");
}

static void
bad_activations(void)
{
    static const uint64_t nobodys[] = {USER_TOP, 1ull << 47, 0xffff800000000000, KERNEL_IMAGE};
    struct transfer_setup setup = {.cpu = 0};

    struct context_start start = {
        .rip = FRAME_BYTES, .vector_frame = frame_new(), .stop_slot = SLOT_NOTHING};

    call_slot_clear(SLOT_SLOTS, WEAK_SLOT);
    call_slot_clear(SLOT_SLOTS, OTHER);
    fine(call_context_make(SLOT_ENV, frame_new(), OTHER, (uintptr_t)&start).value, "context_make");
    fine(call_entry_make(SLOT_ACCOUNT, frame_new(), WEAK_SLOT).value, "entry_make");
    refused(transfer_word(WEAK_SLOT), E_NOENT, "an entry without an activation");
    for (uint32_t i = 0; i < sizeof(nobodys) / sizeof(nobodys[0]); i++) {
        setup = (struct transfer_setup){.rip = nobodys[i]};
        refuse(call_transfer_serve(WEAK_SLOT, OTHER, (uintptr_t)&setup).value, E_INVAL,
               "an activation that begins beyond user addresses");
        setup = (struct transfer_setup){.rsp = nobodys[i]};
        refuse(call_transfer_serve(WEAK_SLOT, OTHER, (uintptr_t)&setup).value, E_INVAL,
               "an activation with a stack beyond user addresses");
    }
    setup = (struct transfer_setup){.cpu = 64};
    refuse(call_transfer_serve(WEAK_SLOT, OTHER, (uintptr_t)&setup).value, E_INVAL,
           "a processor that there is not");
    setup = (struct transfer_setup){.rip = FRAME_BYTES};
    refuse(call_transfer_serve(WEAK_SLOT, CONTEXT, (uintptr_t)&setup).value, E_BUSY,
           "a context that serves another entry");
    refuse(call_transfer_serve(ENTRY, SLOT_CONTEXT, (uintptr_t)&setup).value, E_EXIST,
           "a second activation of a processor");
    call_slot_clear(SLOT_SLOTS, WEAK_SLOT);
}

/* It stands in its own environment: our slots are not there. */
static void
tables_apart(void)
{
    uint64_t message[MESSAGE_WORDS] = {ENTRY};

    deed = DO_SELF;
    expect(message_send(word(), message) == 0, "a transfer");
    hold(inner == -E_BADF, "a slot of the caller's is none of the callee's");
}

static void
busy(void)
{
    uint64_t message[MESSAGE_WORDS] = {narrow ? CALL : ENTRY}, frame;

    frame = service(SLOT_ENV);
    deed = DO_SELF;
    expect(message_send(word(), message) == 0, "a transfer");
    hold(inner == -E_AGAIN, "an activation that is busy");
    expect(busy_holder == frame, "the context that holds it is named");
    deed = DO_ECHO;
    expect(message_send(word(), message) == 0, "it is free again");
}

static void
nesting(void)
{
    uint64_t message[MESSAGE_WORDS] = {1};

    for (uint32_t i = 0; i < CHAIN; i++) {
        call_slot_clear(SLOT_SLOTS, LINK_CONTEXT);
        service_new(SLOT_ACCOUNT, SLOT_ENV, FIRST + i, LINK_CONTEXT);
        if (narrow)
            entry_narrow(FIRST + i);
    }
    refused_deepest = 0;
    deed = DO_NEST;
    expect(message_send(transfer_word(FIRST), message) == 0, "the whole way there and back");
    hold(deepest == TRANSFER_DEPTH_MAX, "no deeper than the bound");
    hold(refused_deepest == TRIES, "each refused at the bound");
    say("nested %lu deep, %lu refused", deepest, refused_deepest);
    for (uint32_t i = 0; i < CHAIN; i++)
        call_slot_clear(SLOT_SLOTS, FIRST + i);
}

static void
dies(uint32_t how, const char *what)
{
    uint64_t message[MESSAGE_WORDS] = {0};
    int64_t r;

    service(SLOT_ENV);
    deed = how;
    r = message_send(word(), message);
    if (r >= 0)
        breach("%s: told that it returned", what);
    expect(r == -E_OWNERDEAD, what);
    expect(context_told(CONTEXT).phase == CONTEXT_STOPPED, "and it is stopped");
    refused(word(), E_NOENT, "its entry has no activation any more");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    stay_on(0); /* where its activations are */
    environment_new(SLOT_ACCOUNT, ENV, TABLE);
    for (int round = 0; round < 2; round++) {
        narrow = round;
        service(ENV);
        all_registers_cross();
        identities();
        undeclared();
        revoked();
        bad_activations();
        tables_apart();
        busy();
        nesting();
        dies(DO_FAULT, "a callee that faults");
        dies(DO_EXIT, "a callee that exits");
        dies(DO_STOP, "a callee that stops itself");
    }
    return done();
}
