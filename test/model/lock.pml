/* SPDX-License-Identifier: MIT */
/*
 * lock.pml - a model of the kernel's lock (kernel/lock.h), for spin.
 *
 * CPUS processors take and leave it for ever. Never are two inside, nobody is stuck, and who waits
 * is overtaken at most LIMIT times, counted where it has looked in between: PATIENCE before it
 * claims, and behind its claim once by each other that claims, in turn, and once by each that had
 * looked before. With HOST one waiter at a time is `away`, and comes back when the host likes, or
 * never (STUCK); then there is no such bound, but nobody is stuck.
 * Left out by -D, each must be found:
 *   NO_STAND  who comes does not look at claims
 *   NO_TURN   claimants take it in any order
 *   NO_HONOUR the lock is left to a claimant though it has been free for long (with HOST, STUCK)
 * test/model/run.sh runs them.
 */
#define CPUS 3
#define PATIENCE 1
#define LIMIT (PATIENCE + 2 * (CPUS - 1))

bool taken = false;
bool claims[CPUS];
byte last = 0;
byte inside = 0;
byte away = CPUS; /* who is; CPUS: nobody */
bool waits[CPUS];
bool looked[CPUS]; /* since it was last overtaken: who does not look, does not run */
byte overtaken[CPUS];

/* The claims in the order of processors from last on: mine is the first, or there are none. */
#define NEXT(n) ((last + n) % CPUS)
#define NONE (!claims[0] && !claims[1] && !claims[2])
#ifdef NO_TURN
#define FIRST(me) (NONE || claims[me])
#else
#define FIRST(me)                                                                                  \
    (NONE || (claims[NEXT(1)] -> NEXT(1) == me :                                                   \
              (claims[NEXT(2)] -> NEXT(2) == me : last == me)))
#endif
/* It has been free for long: whose turn it is does not run. Claimants look less long than others. */
#ifdef NO_HONOUR
#define STALE(me) false
#else
#define STALE(me)                                                                                  \
    (away != CPUS && away != me && claims[away] && (claims[me] || !claims[3 - me - away]))
#endif

#ifdef HOST
#define BOUND(i) overtaken[i] = (overtaken[i] > PATIENCE -> PATIENCE : overtaken[i])
#else
#define BOUND(i) assert(overtaken[i] <= LIMIT)
#endif

#define TIRED(me) (overtaken[me] >= PATIENCE && !claims[me])
#define CLAIM(me) claims[me] = claims[me] || TIRED(me)

/* Behind it, the lock is ours. Those that wait and run have been overtaken. */
inline enter(me)
{
    taken = true;
    for (i : 0 .. CPUS - 1) {
        if
        :: waits[i] && looked[i] && i != me && i != away ->
            looked[i] = false;
            overtaken[i]++;
            BOUND(i)
        :: else
        fi
    }
    inside++;
    assert(inside == 1)
}

proctype cpu(byte me)
{
    byte i;
    bool may;

    do
    :: atomic { waits[me] = true; looked[me] = true; overtaken[me] = 0 }
#ifdef NO_STAND
       may = true;
#else
       may = NONE; /* a step of its own: a claim may come behind it */
#endif
       if
       :: atomic { may && !taken -> enter(me) }
       :: atomic { !may || taken -> skip }
          do
          :: me != away;
             if
             :: atomic { !taken && FIRST(me) -> looked[me] = true }
                if
                :: atomic { !taken -> enter(me); break }
                :: atomic { taken -> CLAIM(me) }
                fi
             :: atomic { !taken && STALE(me) -> enter(me); break }
             :: atomic {
                    (taken || !FIRST(me)) && (!looked[me] || TIRED(me)) -> looked[me] = true;
                    CLAIM(me)
                }
             fi
          od
       fi;
       atomic { waits[me] = false; inside-- }
       if
       :: claims[me] -> last = me; claims[me] = false
       :: else
       fi;
       taken = false
    od
}

/* The host takes a waiter off its processor, and gives it one again or not. */
proctype host()
{
    byte i;

end:
    do
    :: atomic { away == CPUS -> select(i : 0 .. CPUS - 1); if :: waits[i] -> away = i :: else fi }
#ifndef STUCK
    :: away != CPUS -> away = CPUS
#endif
    od
}

init
{
    atomic { run cpu(0); run cpu(1); run cpu(2) }
#ifdef HOST
    run host()
#endif
}
