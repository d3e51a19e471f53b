/* The backend's side of SIP. A call is known by its number, which stands in our tag and in its channel id. */
#include "agent.h"

enum { CALLS = 1 << 17 };

enum state { FREE, INVITED, STANDING, ENDED };

struct invited {
    uint64_t key; /* a hash of its Call-ID */
    uint32_t number;
    enum state state;
};

struct agent {
    int fd, port, control_port;
    char tag;
    uint32_t calls;
    struct invited call[CALLS];
    uint32_t by_key[CALLS];
};

static char in[DATAGRAM], out[DATAGRAM];

struct agent *make_agent(int epoll, char tag, int control_port)
{
    struct agent *a = must(calloc(1, sizeof *a));
    a->tag = tag;
    a->control_port = control_port;
    a->fd = udp_socket(&a->port);
    printf(" %d", a->port);
    watch(epoll, a->fd, EPOLLIN, a);
    return a;
}

bool stands(const struct agent *a, const char *channel_id)
{
    char digits[ID];
    memcpy(digits, channel_id + 1, ID - 1);
    digits[ID - 1] = 0;
    uint32_t number = (uint32_t)strtoul(digits, NULL, 16);
    const struct invited *c = &a->call[number % CALLS];
    return c->number == number && (c->state == INVITED || c->state == STANDING);
}

static uint64_t key_of(const struct said *m)
{
    int len;
    const char *id = field(m, "Call-ID", &len);
    uint64_t key = 14695981039346656037u;
    for (int i = 0; i < len; i++)
        key = (key ^ (uint8_t)id[i]) * 1099511628211u;
    return key;
}

/* The call an ACK or BYE is about, by our tag and its Call-ID. */
static struct invited *meant(struct agent *a, const struct said *m)
{
    int len;
    uint32_t number = 0;
    const char *to = field(m, "To", &len), *tag = memmem(to, (size_t)len, ";tag=", 5);
    if (!tag || tag[5] != a->tag || sscanf(tag + 6, "%8x", &number) != 1)
        die("backend %c: no tag of ours:\n%s", a->tag, m->octets);
    struct invited *c = &a->call[number % CALLS];
    if (c->number != number || c->key != key_of(m))
        die("backend %c: no such call:\n%s", a->tag, m->octets);
    return c;
}

static struct invited *admit(struct agent *a, const struct said *m)
{
    uint64_t key = key_of(m);
    struct invited *c = &a->call[a->by_key[key % CALLS] % CALLS];
    if (c->key == key && c->state == INVITED)
        return c; /* it comes again */
    c = &a->call[++a->calls % CALLS];
    if (c->state == INVITED || c->state == STANDING)
        die("backend %c: more than %d calls", a->tag, CALLS);
    *c = (struct invited){.key = key, .number = a->calls, .state = INVITED};
    a->by_key[key % CALLS] = a->calls;
    return c;
}

/* Status line and the fields a response repeats (RFC 3261, 8.2.6.2); `c`: the tag to add to To. */
static int repeat(const struct agent *a, const struct said *m, const struct invited *c)
{
    static const char *const repeated[] = {"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: ", "Record-Route: "};
    int len = sprintf(out, "SIP/2.0 200 OK\r\n");
    for (const char *line = strstr(m->octets, "\r\n") + 2, *next; line < m->body - 2; line = next) {
        next = strstr(line, "\r\n") + 2;
        for (int i = 0; i < 6; i++)
            if (!strncmp(line, repeated[i], strlen(repeated[i]))) {
                memcpy(out + len, line, (size_t)(next - line));
                len += (int)(next - line);
                if (c && i == 2)
                    len += sprintf(out + len - 2, ";tag=%c%08x\r\n", a->tag, c->number) - 2;
            }
    }
    return len;
}

static int accept_call(struct agent *a, const struct said *m)
{
    char sdp[1024], id[ID + 1];
    bool existing = strstr(m->body, "\r\na=connection:existing\r\n");
    if (!strstr(m->body, "\r\n" OFFERED_AUDIO) || !strstr(m->body, "\r\na=resource:speechrecog\r\n"))
        die("backend %c: a changed offer:\n%s", a->tag, m->octets);
    const struct invited *c = admit(a, m);
    snprintf(id, sizeof id, "s%015x", c->number);
    int body = snprintf(sdp, sizeof sdp, ANSWER, a->control_port, existing ? "existing" : "new", id, AUDIO_OF(a->tag));
    int len = repeat(a, m, c);
    return len + sprintf(out + len,
                         "Contact: <sip:speech@127.0.0.1:%d>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
                         a->port, body, sdp);
}

static int end_call(struct agent *a, const struct said *m)
{
    struct invited *c = meant(a, m);
    if (c->state == INVITED)
        die("backend %c: a BYE before the ACK:\n%s", a->tag, m->octets);
    c->state = ENDED;
    int len = repeat(a, m, NULL);
    return len + sprintf(out + len, "Content-Length: 0\r\n\r\n");
}

void answer_calls(struct agent *a)
{
    struct sockaddr_in from;
    for (struct said m; take_datagram(a->fd, &m, in, &from);) {
        int len = 0;
        if (!strncmp(m.octets, "INVITE ", 7))
            len = accept_call(a, &m);
        else if (!strncmp(m.octets, "BYE ", 4))
            len = end_call(a, &m);
        else if (strncmp(m.octets, "ACK ", 4))
            die("backend %c: an unexpected message:\n%s", a->tag, m.octets);
        else if (meant(a, &m)->state == INVITED)
            meant(a, &m)->state = STANDING;
        if (len && sendto(a->fd, out, (size_t)len, 0, (void *)&from, sizeof from) != len)
            die("backend %c: SIP can't be sent: %s", a->tag, strerror(errno));
    }
}
