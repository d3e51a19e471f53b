/* The messages that generator and backend exchange, and the helpers both need.
 *
 * A text is a message with holes of fixed width: a number (CSeq and request-id are one and the same here), a channel id
 * and the tag that tells which backend spoke. Both sides fill the holes and compare whole messages, so an octet that a
 * proxy changed, dropped or doubled is an error and never a good figure.
 */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NUMBER "##########"
#define TAG '?'
#define CHANNEL "Channel-Identifier: "
#define SESSION "Session: "
#define NO_ID "0000000000000000"
#define URI "rtsp://127.0.0.1/media/speechrecognizer"

enum { DIGITS = 10, ID = 16, TEXT = 640, PATTERN = 1 << 20, READ = 1 << 20 };

struct text {
    int len, holes, hole[2]; /* where numbers stand */
    int id, tag;             /* where the channel or session id and the tag stand, 0: nowhere */
    char octets[TEXT];
};

static inline void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static inline void *must(void *memory)
{
    if (!memory)
        die("out of memory");
    return memory;
}

static inline void find_holes(struct text *t)
{
    char *at = t->octets;
    t->len = (int)strlen(t->octets);
    for (t->holes = 0; t->holes < 2 && (at = strstr(at, NUMBER)); at += DIGITS)
        t->hole[t->holes++] = (int)(at - t->octets);
    if ((at = strstr(t->octets, CHANNEL)))
        t->id = (int)(at - t->octets) + (int)strlen(CHANNEL);
    else
        t->id = (at = strstr(t->octets, SESSION)) ? (int)(at - t->octets) + (int)strlen(SESSION) : 0;
    at = strchr(t->octets, TAG);
    t->tag = at ? (int)(at - t->octets) : 0;
}

static inline void put_number(struct text *t, const char *digits)
{
    for (int i = 0; i < t->holes; i++)
        memcpy(t->octets + t->hole[i], digits, DIGITS);
}

/* An RTSP message; `session` and `body` may be empty. */
static inline void rtsp(struct text *t, const char *first, const char *session, const char *more, const char *body)
{
    char length[64] = "";
    if (*body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    snprintf(t->octets, TEXT, "%s\r\nCSeq: " NUMBER "\r\n%s%s%s%s%s\r\n%s", first, *session ? SESSION : "", session,
             *session ? "\r\n" : "", more, length, body);
    find_holes(t);
}

/* An MRCPv2 message whose length has three digits. */
static inline void mrcp(struct text *t, const char *first, const char *channel, const char *more)
{
    int length = 0;
    for (int pass = 0; pass < 2; pass++)
        length = snprintf(t->octets, TEXT, "MRCP/2.0 %03d %s\r\n" CHANNEL "%s@speechrecog\r\n%s", length, first, channel, more);
    find_holes(t);
}

#define RECOGNIZE_FIELDS                                                                                               \
    "Content-Type: text/uri-list\r\nNo-Input-Timeout: 5000\r\nRecognition-Timeout: 10000\r\n"                         \
    "Confidence-Threshold: 0.5\r\n"
#define RECOGNIZE_BODY "Content-Length: 27\r\n\r\nsession:request1@form-level"
#define V1 "Content-Type: application/mrcp\r\n"

/* The messages of one MRCPv1 session. */
struct rtsp_texts {
    struct text request, response, event, answer, teardown;
};

static inline void rtsp_texts(struct rtsp_texts *t, const char *session)
{
    static struct rtsp_texts usual;
    if (usual.request.len && strlen(session) == ID) { /* writing them anew for each session would cost as much as the rest */
        struct text *all[] = {&t->request, &t->response, &t->event, &t->answer, &t->teardown};
        *t = usual;
        for (int i = 0; i < 5; i++)
            memcpy(all[i]->octets + all[i]->id, session, ID);
        return;
    }
    rtsp(&t->request, "ANNOUNCE " URI " RTSP/1.0", session, V1,
         "RECOGNIZE " NUMBER " MRCP/1.0\r\n" RECOGNIZE_FIELDS "Recognizer-Start-Timers: true\r\n" RECOGNIZE_BODY);
    rtsp(&t->response, "RTSP/1.0 200 OK", session, V1, "MRCP/1.0 " NUMBER " 200 IN-PROGRESS\r\n\r\n");
    rtsp(&t->event, "ANNOUNCE " URI " RTSP/1.0", session, V1,
         "RECOGNITION-COMPLETE " NUMBER " COMPLETE MRCP/1.0\r\nCompletion-Cause: 000 success\r\n\r\n");
    rtsp(&t->answer, "RTSP/1.0 200 OK", session, "", "");
    rtsp(&t->teardown, "TEARDOWN " URI " RTSP/1.0", session, "", "");
    if (strlen(session) == ID)
        usual = *t;
}

/* The three messages of one MRCPv2 exchange. */
static inline void mrcp_texts(const char *channel, struct text *request, struct text *response, struct text *event)
{
    mrcp(request, "RECOGNIZE " NUMBER, channel,
         RECOGNIZE_FIELDS "Start-Input-Timers: true\r\nSpeech-Complete-Timeout: 800\r\nSpeech-Incomplete-Timeout: 1500\r\n"
                          "Sensitivity-Level: 0.5\r\nN-Best-List-Length: 1\r\n" RECOGNIZE_BODY);
    mrcp(response, NUMBER " 200 IN-PROGRESS", channel, "Logging-Tag: ?\r\n\r\n");
    mrcp(event, "RECOGNITION-COMPLETE " NUMBER " COMPLETE", channel,
         "Completion-Cause: 000 success\r\nLogging-Tag: ?\r\n\r\n");
}

#define SDP_OF(who, port, way)                                                                                         \
    "v=0\r\no=" who " 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " port " RTP/AVP 0 101\r\n"     \
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=" way "\r\n"

/* The octets of a long stream: the same megabyte again and again, each position unlike its neighbours. */
static inline char *pattern(void)
{
    char *octets = must(malloc(2 * PATTERN));
    uint32_t x = 1;
    for (int i = 0; i < PATTERN; i++)
        octets[i] = octets[i + PATTERN] = (char)((x = x * 1664525 + 1013904223) >> 24);
    return octets;
}

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t))
        die("a clock can't be read: %s", strerror(errno));
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline struct sockaddr_in loopback(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static inline void watch(int epoll, int fd, uint32_t what, void *owner)
{
    struct epoll_event e = {.events = what, .data.ptr = owner};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
        die("epoll: %s", strerror(errno));
}

static inline void no_delay(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* Messages are small against any socket buffer, so a short write is somebody not reading. */
static inline void send_all(int fd, const char *octets, int len)
{
    ssize_t sent = send(fd, octets, (size_t)len, MSG_NOSIGNAL);
    if (sent != len)
        die("sent %zd of %d octets: %s", sent, len, sent < 0 ? strerror(errno) : "the peer does not read");
}

/* The end of the RTSP message at `octets`, or 0 when some of it is still to come. */
static inline int rtsp_end(const char *octets, int have)
{
    const char *head = memmem(octets, (size_t)have, "\r\n\r\n", 4);
    if (!head)
        return 0;
    int len = (int)(head + 4 - octets);
    const char *field = memmem(octets, (size_t)len, "\r\nContent-Length: ", 18);
    if (field)
        len += atoi(field + 18);
    return len <= have ? len : 0;
}
