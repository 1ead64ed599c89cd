/* SPDX-License-Identifier: MIT */
/*
 * wait.pml - a model of sleeping on a word and being woken (kernel/wait.c, abi/event.h), for spin.
 *
 * Two partners hand a turn back and forth, ROUNDS times each, as libraries do: change the word,
 * fence, look at the count of the frame, and wake if it is not 0. Beside them one wakes whenever
 * it likes, and one sleeps on another word of the same frame until all is over: circles are by
 * frame, so each wake is for both. Stores stand in a buffer of their processor until a fence or
 * until memory takes them, as the architecture allows.
 *
 * Everybody comes to an end: spin finds no state in which some sleep and nobody can wake them.
 * Left out by -D, each must be found:
 *   NO_LOOK   wait does not look again at the word once its waiter is counted (PLANT_WAIT_LOOK)
 *   NO_FENCE  the changer reads the count before its store is seen by all
 *   LATE      the waiter is counted behind the second look
 * test/model/run.sh runs them.
 */
#define PARTNERS 2
#define OTHER 2 /* who waits for the other word */
#define ROUNDS 3

byte turn = 0;
bool over = false; /* the other word of the frame */

bool buffered[PARTNERS]; /* a store of that partner to `turn` which memory has not taken yet */
byte store[PARTNERS];

bool lock = false;  /* the kernel's */
byte count = 0;     /* exposed: clauses in the frame's circle */
bool in_circle[3];  /* W1: iff asleep */
byte ended = 0;

inline kernel_enter() { atomic { !lock -> lock = true } }
inline kernel_leave() { lock = false }

/* A store to `turn` goes through the buffer; there is one at most, for each hand-off fences. */
inline turn_store(me, value)
{
    atomic { store[me] = value; buffered[me] = true }
}

inline fence(me)
{
    atomic {
        if
        :: buffered[me] -> turn = store[me]; buffered[me] = false
        :: else
        fi
    }
}

inline clause_join(me)
{
    d_step { in_circle[me] = true; count++ }
}

inline clause_leave(me)
{
    d_step { in_circle[me] = false; count-- }
}

/* All of the circle; who is woken runs its wait again (W3). */
inline wake()
{
    byte i;
    kernel_enter();
    for (i : 0 .. 2) {
        if
        :: in_circle[i] -> clause_leave(i)
        :: else
        fi
    }
    kernel_leave()
}

/* The call `wait`, until the word is what the caller wants; `holds` is read at each look. */
inline wait(me, holds)
{
    do
    :: kernel_enter();
       if
       :: holds -> kernel_leave(); break
       :: else
       fi;
#ifndef LATE
       clause_join(me);
#endif
#ifndef NO_LOOK
       if
       :: holds ->
#ifndef LATE
          clause_leave(me);
#endif
          kernel_leave(); break
       :: else
       fi;
#endif
#ifdef LATE
       clause_join(me);
#endif
       kernel_leave();
       !in_circle[me] /* asleep */
    od
}

proctype partner(byte me)
{
    byte round, seen;

    for (round : 1 .. ROUNDS) {
        wait(me, (!buffered[me] && turn == me)); /* one's own store, 1 - me, is seen first */
        turn_store(me, 1 - me);
#ifndef NO_FENCE
        fence(me);
#endif
        seen = count;
        if
        :: seen -> wake()
        :: else
        fi;
        fence(me) /* every way into the kernel, every interrupt */
    }
    atomic { ended++; over = (ended == PARTNERS) }
    seen = count;
    if
    :: seen -> wake()
    :: else
    fi
}

proctype other()
{
    wait(OTHER, (over))
}

/* Wakes for nothing: interrupts, other words of the frame. */
proctype intruder()
{
    wake();
    wake()
}

/* Takes stores out of the buffers whenever it likes. */
proctype memory()
{
end:
    do
    :: atomic { buffered[0] -> turn = store[0]; buffered[0] = false }
    :: atomic { buffered[1] -> turn = store[1]; buffered[1] = false }
    od
}

init
{
    atomic { run partner(0); run partner(1); run other(); run intruder(); run memory() }
}
