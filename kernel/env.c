/* SPDX-License-Identifier: MIT */
/* env.c - environments: a binding table, an account, and the root that contexts start on. */
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/context.h"
#include "kernel/epoch.h"
#include "kernel/frame.h"

struct env *
env_current(void)
{
    return frame_address(context_current()->env);
}

void
env_create(struct env *env, uint64_t frame, uint64_t slots, uint64_t root)
{
    env->slots = (uint32_t)slots;
    env->account = frame_at(frame)->owner;
    env->root = (uint32_t)root;
    frame_ref(slots);
    frame_ref(root);
    cell_init(&env->cell, frame, KIND_ENV);
}

struct result
env_make(struct account *account, uint64_t frame, uint64_t into, struct slots *slots, uint64_t root)
{
    uint32_t owner;
    struct env *env;
    int error = frame_check_unused(account, frame);

    if (!error)
        error = frame_check(account, root, FRAME_PT4);
    if (!error)
        error = slot_check_empty(into);
    if (error)
        return epoch_error(error);
    owner = frame_at(frame)->owner;
    if (frame_at(root)->owner != owner || frame_at(frame_of(slots))->owner != owner)
        return result_error(E_PERM);
    env = frame_become_part(frame, FRAME_ENV, sizeof(*env));
    env_create(env, frame, frame_of(slots), root);
    slot_fill(into, &env->cell);
    return result_ok(0);
}

void
env_release(struct env *env)
{
    frame_unref(env->slots);
    frame_unref(env->root);
}
