/* Boards on pseudo-terminals for `./bench serial`: each takes numbered lines and says ok, at once or so many times a second.
 *
 *   board PORTS LINES_A_SECOND ADVANCED
 *
 * Prints the name of each port on a line of its own. When standard input ends it prints, for each port, the lines that it took and the
 * longest time in milliseconds that it waited for one after it had said ok (while a print was under way), and goes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MOST 64
#define TEMPERATURES (-2)

struct port {
    int board, host;
    char line[256];
    int length;
    long lines, owed[64], first, count;
    double due, answered, longest;
    int printing;
};

static struct port ports[MOST];
static double every;
static int advanced;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void say(struct port *port, const char *text) {
    if (write(port->board, text, strlen(text)) < 0) return;
}

static void answer(struct port *port) {
    char text[64];
    long number = port->owed[port->first];
    port->first = (port->first + 1) % 64;
    port->count--;
    if (number == TEMPERATURES) strcpy(text, "ok T:21.0 /0.0 B:21.0 /0.0 @:0\n");
    else if (advanced && number >= 0) snprintf(text, sizeof text, "ok N%ld P15 B4\n", number);
    else strcpy(text, "ok\n");
    say(port, text);
    port->answered = now();
}

static void take(struct port *port) {
    char *command = strchr(port->line, ' ');
    long number = port->line[0] == 'N' ? atol(port->line + 1) : -1;
    int is_move = command && command[1] == 'G';
    if (is_move && port->printing && port->answered > 0 && port->count == 0) {
        double waited = now() - port->answered;
        if (waited > port->longest) port->longest = waited;
    }
    port->printing = is_move;
    port->lines += is_move;
    if (strstr(port->line, "M115")) say(port, "FIRMWARE_NAME:Marlin bench EXTRUDER_COUNT:1\nCap:AUTOREPORT_TEMP:0\nCap:SDCARD:0\n");
    /* Answered in its turn, like everything else. */
    if (strstr(port->line, "M105")) number = TEMPERATURES;
    if (strstr(port->line, "M114")) say(port, "X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0\n");
    if (port->count < 64) { port->owed[(port->first + port->count) % 64] = number; port->count++; }
    if (every == 0) answer(port);
}

int main(int argc, char **argv) {
    int many = atoi(argv[1]);
    double rate = atof(argv[2]);
    advanced = atoi(argv[3]);
    every = rate > 0 ? 1 / rate : 0;
    struct pollfd polled[MOST + 1];
    for (int at = 0; at < many; at++) {
        struct port *port = &ports[at];
        port->board = posix_openpt(O_RDWR | O_NOCTTY);
        grantpt(port->board);
        unlockpt(port->board);
        /* Kept open, so that reading does not fail while no host has it. */
        port->host = open(ptsname(port->board), O_RDWR | O_NOCTTY);
        struct termios how;
        tcgetattr(port->host, &how);
        cfmakeraw(&how);
        tcsetattr(port->host, TCSANOW, &how);
        fcntl(port->board, F_SETFL, O_NONBLOCK);
        polled[at] = (struct pollfd){ port->board, POLLIN, 0 };
        printf("%s\n", ptsname(port->board));
    }
    fflush(stdout);
    polled[many] = (struct pollfd){ 0, POLLIN, 0 };
    for (;;) {
        poll(polled, many + 1, every > 0 ? 1 : -1);
        for (int at = 0; at < many; at++) {
            struct port *port = &ports[at];
            if (polled[at].revents & POLLIN) {
                char bytes[4096];
                ssize_t got = read(port->board, bytes, sizeof bytes);
                for (ssize_t byte = 0; byte < got; byte++) {
                    if (bytes[byte] != '\n') { if (port->length < 250) port->line[port->length++] = bytes[byte]; continue; }
                    port->line[port->length] = 0;
                    if (port->length > 0) take(port);
                    port->length = 0;
                }
            }
            if (every > 0) {
                double at_now = now();
                while (port->count > 0 && port->due <= at_now) {
                    port->due = port->due < at_now - 0.1 ? at_now + every : port->due + every;
                    answer(port);
                }
            }
        }
        if (polled[many].revents & (POLLIN | POLLHUP)) {
            char byte;
            if (read(0, &byte, 1) <= 0) break;
        }
    }
    for (int at = 0; at < many; at++) printf("%ld %.3f\n", ports[at].lines, ports[at].longest * 1000);
    return 0;
}
