/* The least that a host can be: sends a line, waits for ok, sends the next. Prints seconds and processor seconds.
 *
 *   pingpong PORT FILE */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    int port = open(argv[1], O_RDWR | O_NOCTTY);
    struct termios how;
    tcgetattr(port, &how);
    cfmakeraw(&how);
    tcsetattr(port, TCSANOW, &how);
    FILE *file = fopen(argv[2], "r");
    char command[256], line[300], heard[4096];
    double began = now();
    for (long number = 1; fgets(command, sizeof command, file); number++) {
        command[strcspn(command, "\n")] = 0;
        int length = snprintf(line, sizeof line, "N%ld %s", number, command);
        unsigned char sum = 0;
        for (int at = 0; at < length; at++) sum ^= line[at];
        length += snprintf(line + length, sizeof line - length, "*%d\n", sum);
        if (write(port, line, length) != length) return 1;
        for (int whole = 0; !whole;) {
            ssize_t got = read(port, heard, sizeof heard);
            if (got <= 0) return 1;
            for (ssize_t at = 0; at < got; at++) whole |= heard[at] == '\n';
        }
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("%f %f\n", now() - began, cpu);
    return 0;
}
