/* cycles NUMBER: so many lives of a producer leave no memory, thread or descriptor behind. */
#include "drop_in.h"

#include <dirent.h>

static long entries(const char *folder) {
    DIR *open = opendir(folder);
    long count = 0;
    if (open == NULL) {
        return -1;
    }
    while (readdir(open) != NULL) {
        count++;
    }
    closedir(open);
    return count;
}

static long resident_kib(void) {
    char line[128];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) {
            break;
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return kib;
}

static void life(void) {
    CProducer *producer = started(CreateProducer("drop-in-cycle"));
    CMessage *message = text_message("Cycle", "c");
    CSendResult result;
    STATUS(SendMessageSync(producer, message, &result), OK);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
    /* The embedded cluster is in this process and would keep what it got. */
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
}

static int cycles;

static void nothing_grows(void) {
    long threads, descriptors, before, grown;
    int index;
    for (index = 0; index < cycles / 5; index++) {
        life();
    }
    threads = entries("/proc/self/task");
    descriptors = entries("/proc/self/fd");
    before = resident_kib();
    for (index = 0; index < cycles; index++) {
        life();
    }
    grown = resident_kib() - before;
    printf("%d cycles: %ld KiB more\n", cycles, grown);
    CHECK(grown < 1024);
    CHECK(entries("/proc/self/task") == threads);
    /* The cluster may still hold the last connection of a producer. */
    CHECK(entries("/proc/self/fd") <= descriptors + 2);
}

int main(int argc, char **argv) {
    cycles = argc > 1 ? atoi(argv[1]) : 1000;
    drop_in_cluster("cycles");
    RUN(nothing_grows);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
