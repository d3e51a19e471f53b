/* The SIP and SDP that callers and backends exchange to set a call up, and how both read them.
 *
 * Messages are written from fixed templates; of what comes back, header fields are found by their usual long names.
 */
#include "wire.h"

enum { DATAGRAM = 4096, BUFFER = 4 << 20, NAME = 64 };

#define SESSION_PART(who) "v=0\r\no=" who " 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
#define AUDIO(port, way)                                                                                               \
    "m=audio " port " RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=" way          \
    "\r\na=ptime:20\r\na=mid:1\r\n"
#define OFFERED_AUDIO AUDIO("4000", "sendonly")
#define AUDIO_OF(tag) ((tag) == 'a' ? AUDIO("5000", "recvonly") : AUDIO("6000", "recvonly"))
#define OFFER                                                                                                          \
    SESSION_PART("caller") "m=application 9 TCP/MRCPv2 1\r\na=setup:active\r\na=connection:%s\r\n"                     \
                           "a=resource:speechrecog\r\na=cmid:1\r\n" OFFERED_AUDIO
#define ANSWER                                                                                                         \
    SESSION_PART("server") "m=application %d TCP/MRCPv2 1\r\na=setup:passive\r\na=connection:%s\r\n"                   \
                           "a=channel:%s@speechrecog\r\na=cmid:1\r\n%s"

/* A message as it came: its octets, ended by a zero, and where its body begins. */
struct said {
    char *octets, *body;
    int len;
};

static inline int udp_socket(int *port)
{
    struct sockaddr_in any = loopback(0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){BUFFER}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){BUFFER}, sizeof(int));
    if (fd < 0 || bind(fd, (void *)&any, sizeof any))
        die("no socket for SIP: %s", strerror(errno));
    getsockname(fd, (void *)&any, &(socklen_t){sizeof any});
    *port = ntohs(any.sin_port);
    return fd;
}

/* The value of a header field, and its length; a message that lacks it is an error. */
static inline const char *field(const struct said *m, const char *name, int *len)
{
    char start[NAME];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    char *at = strstr(m->octets, start);
    if (!at || at >= m->body)
        die("a SIP message without %s:\n%s", name, m->octets);
    at += strlen(start);
    *len = (int)(strstr(at, "\r\n") - at);
    return at;
}

static inline bool field_is(const struct said *m, const char *name, const char *value)
{
    int len;
    const char *at = field(m, name, &len);
    return len == (int)strlen(value) && !memcmp(at, value, (size_t)len);
}

/* Take one datagram whose Content-Length is true; false: none is waiting. */
static inline bool take_datagram(int fd, struct said *m, char *room, struct sockaddr_in *from)
{
    int len;
    ssize_t got = recvfrom(fd, room, DATAGRAM - 1, 0, (void *)from, &(socklen_t){sizeof *from});
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        die("SIP's socket fails: %s", strerror(errno));
    room[got] = 0;
    m->octets = room;
    m->len = (int)got;
    if (!(m->body = strstr(room, "\r\n\r\n")))
        die("a SIP message without an end:\n%s", room);
    m->body += 4;
    if (atoi(field(m, "Content-Length", &len)) != room + got - m->body)
        die("a SIP message of another length than it says:\n%s", room);
    return true;
}
