/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/exo.h - all that a library OS starts from.
 *
 *     int exo_main(const struct start_page *start) { return console_print("hello\n"); }
 */
#pragma once
#include "libos/exo/start.h"     /* what one begins with, and how one ends */
#include "libos/exo/console.h"   /* the channel to the host */
#include "libos/exo/context.h"   /* what we run on */
#include "libos/exo/contexts.h"  /* more of them, on other processors */
#include "libos/exo/lock.h"      /* short exclusion */
#include "libos/exo/print.h"     /* formatted output */
#include "libos/exo/pool.h"      /* frames */
#include "libos/exo/space.h"     /* address spaces */
#include "libos/exo/exception.h" /* their names */
#include "libos/exo/upcall.h"    /* faults, exceptions, foreign calls, events */
#include "libos/exo/clock.h"     /* time */
#include "libos/exo/report.h"    /* saying how a program died */
#include "libos/exo/region.h"    /* whose addresses are whose; demand paging */
#include "libos/exo/malloc.h"    /* memory of any size */
#include "libos/exo/thread.h"    /* threads, and what they wait on */
#include "libos/exo/program.h"   /* loading an executable */
#include "libos/exo/user.h"      /* serving it */
#include "libos/exo/random.h"    /* what nobody foresees */
