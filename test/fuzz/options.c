/* SPDX-License-Identifier: MIT */
/*
 * options.c - any words to host/options.c, parted by 0 in the input: what parses keeps O1, what
 * does not is told (O2; the user's bytes in it are escaped where it is printed, host/say.c).
 */
#include <string.h>
#include "abi/error.h"
#include "host/options.h"
#include "test/fuzz/fuzz.h"

enum { WORDS_MAX = 100 };

static void
list_require(const struct options_list *list)
{
    REQUIRE(list->n <= OPTIONS_REPEATS);
    for (unsigned i = 0; i < list->n; i++)
        REQUIRE(list->word[i]);
}

static void
options_require(const struct options *o, int argc, char **argv)
{
    REQUIRE(o->memory_bytes && o->beside_memory_bytes);
    REQUIRE(!o->name || options_name_ok(o->name));
    list_require(&o->environment);
    list_require(&o->beside);
    list_require(&o->kernel_words);
    list_require(&o->gdb_words);
    for (unsigned i = 0; i < o->environment.n; i++)
        REQUIRE(strchr(o->environment.word[i], '=') > o->environment.word[i]);
    REQUIRE(o->verb != VERB_HELP || o->topic);
    REQUIRE(o->verb != VERB_IMAGE || *o->image);
    if (o->verb == VERB_RUN || o->verb == VERB_GDB || o->verb == VERB_IMAGE)
        REQUIRE(o->n_program >= 1 && *o->program[0]);
    if (o->program)
        REQUIRE(o->program >= argv && o->program + o->n_program == argv + argc);
}

static void
words_require(int argc, char **argv)
{
    struct options o;
    uint64_t bytes;
    int r = options_parse(&o, argc, argv);
    if (r == 0) {
        options_require(&o, argc, argv);
    } else {
        REQUIRE(r == -E_INVAL && o.error[0] && memchr(o.error, 0, sizeof o.error));
    }
    for (int i = 0; i < argc; i++) {
        r = options_size(argv[i], &bytes);
        REQUIRE(r == 0 || r == -E_INVAL || r == -E_RANGE);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *argv[WORDS_MAX + 2] = {NULL};
    int argc = 0;
    argv[argc++] = strdup("tessera");
    while (n && argc <= WORDS_MAX) {
        const uint8_t *end = memchr(bytes, 0, n);
        size_t length = end ? (size_t)(end - bytes) : n;
        argv[argc++] = strndup((const char *)bytes, length);
        bytes += end ? length + 1 : length;
        n -= end ? length + 1 : length;
    }
    words_require(argc, argv);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return 0;
}
