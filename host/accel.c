/* SPDX-License-Identifier: MIT */
/*
 * accel.c - KVM or emulation. A /dev/kvm that opens is no proof: some machines offer one on a
 * processor without virtualisation, and guests hang there; so the processor's flags decide too.
 */
#include "host/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/say.h"

enum {
    KVM_API_VERSION = 12, /* the only one there ever was since Linux 2.6.22 */
    KVM_GET_API_VERSION = 0xae00,
    KVM_CREATE_VM = 0xae01,
    LINE_BYTES = 8192,
    WHY_BYTES = 128,
};

/* The word of a line "flags : a b c" that names virtualisation; NULL: it is not such a line. */
static const char *
virtualisation_of(char *line)
{
    static const char *const known[] = {"vmx", "svm"};
    char *rest;

    if (strncmp(line, "flags", 5) != 0)
        return NULL;
    for (char *word = strtok_r(line, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest))
        for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
            if (!strcmp(word, known[i]))
                return known[i];
    return NULL;
}

/* What the processor shows: "vmx", "svm", or NULL. */
static const char *
virtualisation(void)
{
    char line[LINE_BYTES];
    const char *found = NULL;
    FILE *from = fopen("/proc/cpuinfo", "re");

    while (from && !found && fgets(line, sizeof line, from))
        found = virtualisation_of(line);
    if (from)
        fclose(from);
    return found;
}

/* Does an open /dev/kvm make machines?  Another hypervisor may have the processor. why: if not. */
static int
kvm_makes(int fd, char why[WHY_BYTES])
{
    int version = ioctl(fd, KVM_GET_API_VERSION, 0), machine;

    if (version >= 0 && version != KVM_API_VERSION) {
        snprintf(why, WHY_BYTES, "/dev/kvm speaks version %d, not %d", version, KVM_API_VERSION);
        return 0;
    }
    machine = version < 0 ? -1 : ioctl(fd, KVM_CREATE_VM, 0);
    if (machine < 0)
        snprintf(why, WHY_BYTES, "/dev/kvm makes no machine: %s", strerror(errno));
    else
        close(machine);
    return machine >= 0;
}

/* Does KVM work here?  why: in words, either way. */
static int
kvm_works(char why[WHY_BYTES])
{
    const char *flag = virtualisation();
    int fd, works;

    if (!flag) {
        snprintf(why, WHY_BYTES, "the processor shows neither vmx nor svm");
        return 0;
    }
    fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, WHY_BYTES, "/dev/kvm: %s", strerror(errno));
        return 0;
    }
    works = kvm_makes(fd, why);
    close(fd);
    if (works)
        snprintf(why, WHY_BYTES, "the processor shows %s, and /dev/kvm works", flag);
    return works;
}

int
accel_choose(const struct options *o, const char **accel)
{
    char why[WHY_BYTES] = "as asked for";
    int kvm = 0;

    if (o->accel != ACCEL_TCG)
        kvm = kvm_works(why);
    if (o->accel == ACCEL_KVM && !kvm)
        return say_fail(EXIT_TOOL, "--accel kvm: %s: use --accel tcg, or auto", why);
    *accel = kvm ? "kvm" : "tcg";
    if (o->verbose || o->accel == ACCEL_AUTO_SAID)
        say("accelerator %s: %s", *accel, why);
    return 0;
}
