/* What callers and clockwork of the load generator share. */
#include "wire.h"

enum { WATCHED = 8, BURST = 64, TENTHS = 400000 };

enum phase { IDLE, DIALLING, SETTING_UP, OPEN, TEARING_DOWN };

struct channel {
    struct text request, want[2]; /* request, then response and event as they must come */
    int stage;                    /* 0: response wanted, 1: event wanted, -1: nothing */
    bool known;                   /* MRCPv2: whose tag the answers bear */
};

struct link {
    int fd, have, flying, exchanges, next;
    enum phase phase;
    bool owes; /* an answer to an event */
    uint64_t sent;
    struct channel *channels;
    struct text answer, teardown;
    char asked[DIGITS]; /* CSeq of a SETUP or TEARDOWN without an answer */
    char rest[TEXT]; /* of a message that is still coming */
};

struct options {
    bool rtsp, stream, churn, hold, silent;
    int port, links, depth, channels, calls, exchanges, rate, watched;
    double warm, seconds;
    clockid_t watch[WATCHED];
};

struct reading {
    uint64_t count, at, cpu[WATCHED + 1]; /* the last one is our own */
};

extern struct options o;
extern struct reading from, to, now; /* when counting began, when it ended, and the present */
extern bool timed, stopping;         /* the warm-up runs or is over; no new exchanges */
extern uint64_t start;               /* when the warm-up is over */

/* callers.c, or calls.c for those who set their sessions up by SIP */
extern int epoll, opened, opening, flying, target;
extern uint64_t repeated;       /* messages that came once more, as somebody missed a deadline */
extern uint64_t longest;        /* nanoseconds an exchange of sessions to be held took */
extern unsigned shares[2];      /* sessions on backend a, on backend b */
extern uint32_t tenths[TENTHS]; /* how many exchanges took so many tenths of a microsecond */
bool fits(void); /* do the options go together? */
void make_links(void);
void dial_some(void);
bool visit_next(void); /* begin one more exchange on some sessions that are held; false: all have had theirs */
void heard(struct link *l, uint32_t events);
uint64_t begin_due(uint64_t due); /* begin so many exchanges; how many found no idle session */
