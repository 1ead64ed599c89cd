/* SPDX-License-Identifier: MIT */
/* libos/exo/layout.h - offsets that assembly and C share; asserted beside each structure. */
#pragma once

/* struct upcall_page */
#define PAGE_MASK 0
#define PAGE_DEPTH 4
#define PAGE_PENDING 8
#define PAGE_EVENT 32 /* 1 << UPCALL_EVENT */
#define PAGE_SAVE 256
#define SAVE_BYTES 256
#define SAVE_WORDS 23 /* up to ss */
#define SAVE_RIP 144
#define SAVE_RFLAGS 160
#define SAVE_RSP 168
#define SAVE_GS 192

/* struct context: behind the upcall page; gs */
#define HERE_SELF 1280
#define HERE_BUSY 1292
#define HERE_PREEMPT 1296
#define HERE_CURRENT 1304
#define HERE_READY 1312
#define HERE_READY_TAIL 1320
#define HERE_READY_NONE 1328
#define HERE_IDLE_STACK 1336
#define HERE_ROLLER 1352
#define HERE_ROLLER_RSP 1360
#define HERE_HELD 1368
#define HERE_N_LOCKS 1404
#define HERE_HOLDER 1412
#define HERE_LOCKS 1416 /* lock[] */

/* struct thread */
#define THREAD_NEXT 0
#define THREAD_RSP 8
#define THREAD_FS 16
#define THREAD_VECTORS 40
#define THREAD_SAVE 256

/* struct semaphore */
#define SEMAPHORE_LOCK 0
#define SEMAPHORE_COUNT 4
#define SEMAPHORE_HEAD 8
#define SEMAPHORE_TAIL 16
