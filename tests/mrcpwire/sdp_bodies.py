"""Session descriptions of every shape that UniMRCP 1.8.0 and scripted peers sent in recordings; " / " is CRLF."""

from typing import Final


def _body(text: str) -> bytes:
    return b"".join(line.encode("ascii") + b"\r\n" for line in text.split(" / "))


_TEXTS: Final = {
    "rtsp client 138": (
        "v=0 / o=UniMRCPClient 0 0 IN IP4 127.0.0.1 / s=- / c=IN IP4 127.0.0.1 / t=0 0 / m=audio 6000 "
        "RTP/AVP 0 96 / a=rtpmap:96 PCMU/16000 / a=recvonly"
    ),
    "rtsp client 250": (
        "v=0 / o=UniMRCPClient 0 0 IN IP4 127.0.0.1 / s=- / c=IN IP4 127.0.0.1 / t=0 0 / m=audio 4000 "
        "RTP/AVP 0 8 96 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:8 PCMA/8000 / a=rtpmap:96 L16/8000 / "
        "a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20"
    ),
    "rtsp client 274": (
        "v=0 / o=UniMRCPClient 0 0 IN IP4 127.0.0.1 / s=- / c=IN IP4 127.0.0.1 / t=0 0 / m=audio 4000 "
        "RTP/AVP 0 8 9 96 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:8 PCMA/8000 / a=rtpmap:9 G722/8000 / "
        "a=rtpmap:96 L16/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / "
        "a=ptime:20"
    ),
    "rtsp client 274+": (
        "v=0 / o=UniMRCPClient 0 0 IN IP4 127.0.0.1 / s=- / c=IN IP4 127.0.0.1 / t=0 0 / m=audio 4000 "
        "RTP/AVP 0 8 9 96 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:8 PCMA/8000 / a=rtpmap:9 G722/8000 / "
        "a=rtpmap:96 L16/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / "
        "a=ptime:20"
    ),
    "rtsp script 161": (
        "v=0 / o=- 0 0 IN IP4 127.0.0.1 / s=- / c=IN IP4 127.0.0.1 / t=0 0 / m=audio 46000 RTP/AVP 0 101 / "
        "a=rtpmap:0 PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=sendrecv"
    ),
    "rtsp server 133": (
        "v=0 / o=UniMRCPServer 0 0 IN IP4 127.0.0.2 / s=- / c=IN IP4 127.0.0.2 / t=0 0 / m=audio 5000 "
        "RTP/AVP 0 / a=rtpmap:0 PCMU/8000 / a=sendonly"
    ),
    "rtsp server 189": (
        "v=0 / o=UniMRCPServer 0 0 IN IP4 127.0.0.2 / s=- / c=IN IP4 127.0.0.2 / t=0 0 / m=audio 5000 "
        "RTP/AVP 0 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / "
        "a=sendrecv"
    ),
    "rtsp server 201": (
        "v=0 / o=UniMRCPServer 0 0 IN IP4 127.0.0.2 / s=- / c=IN IP4 127.0.0.2 / t=0 0 / m=audio 5000 "
        "RTP/AVP 0 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / "
        "a=sendonly / a=ptime:20"
    ),
    "rtsp server 201+": (
        "v=0 / o=UniMRCPServer 0 0 IN IP4 127.0.0.2 / s=- / c=IN IP4 127.0.0.2 / t=0 0 / m=audio 5002 "
        "RTP/AVP 0 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / "
        "a=recvonly / a=ptime:20"
    ),
    "rtsp server port 0 206": (
        "v=0 / o=UniMRCPServer 0 0 IN IP4 127.0.0.2 / s=- / c=IN IP4 127.0.0.2 / t=0 0 / m=audio 0 RTP/AVP "
        "0 8 96 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:8 PCMA/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 "
        "telephone-event/8000"
    ),
    "sip client recorder, new 414": (
        "v=0 / o=UniMRCPClient 2534869711332597856 5565325124163098617 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:recorder / a=cmid:1 / m=audio 4000 RTP/AVP 0 8 9 96 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:8 PCMA/8000 / a=rtpmap:9 G722/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 "
        "telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / a=mid:1"
    ),
    "sip client speakverify, new 417": (
        "v=0 / o=UniMRCPClient 2659894986794374033 5063511976907611007 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speakverify / a=cmid:1 / m=audio 4000 RTP/AVP 0 8 9 96 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:8 PCMA/8000 / a=rtpmap:9 G722/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 "
        "telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / a=mid:1"
    ),
    "sip client speechrecog, new 417": (
        "v=0 / o=UniMRCPClient 7760344591530052208 8324424681086401844 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechrecog / a=cmid:1 / m=audio 4002 RTP/AVP 0 8 9 96 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:8 PCMA/8000 / a=rtpmap:9 G722/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 "
        "telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / a=mid:1"
    ),
    "sip client speechsynth port 0 247": (
        "v=0 / o=UniMRCPClient 4163413736137559447 2913500932006411412 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 0 TCP/MRCPv2 1 / a=resource:speechsynth / a=cmid:1 / m=audio "
        "6000 RTP/AVP 0 96 / a=rtpmap:96 PCMU/16000 / a=recvonly / a=mid:1"
    ),
    "sip client speechsynth, existing 398": (
        "v=0 / o=UniMRCPClient 2824670556361045323 1512180312896095382 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:existing / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 4002 RTP/AVP 0 8 96 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:8 PCMA/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 "
        "/ a=recvonly / a=ptime:20 / a=mid:1"
    ),
    "sip client speechsynth, new 281": (
        "v=0 / o=UniMRCPClient 4163413736137559447 2913500932006411410 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 6000 RTP/AVP 0 96 / a=rtpmap:96 PCMU/16000 / "
        "a=recvonly / a=mid:1"
    ),
    "sip client speechsynth, new 288": (
        "v=0 / o=UniMRCPClient 737152623017955985 3022515719783870951 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 14000 RTP/AVP 0 / a=rtpmap:0 PCMU/8000 / a=recvonly / "
        "a=ptime:20 / a=mid:1"
    ),
    "sip client speechsynth, new 393": (
        "v=0 / o=UniMRCPClient 2874829994210341410 8253992628815010017 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 4000 RTP/AVP 0 8 96 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:8 PCMA/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 "
        "/ a=recvonly / a=ptime:20 / a=mid:1"
    ),
    "sip client speechsynth, new 416": (
        "v=0 / o=UniMRCPClient 363037561568039121 3782735125854428952 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 4000 RTP/AVP 0 8 9 96 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:8 PCMA/8000 / a=rtpmap:9 G722/8000 / a=rtpmap:96 L16/8000 / a=rtpmap:101 "
        "telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / a=mid:1"
    ),
    "sip client speechsynth, speechrecog, new port 0 439": (
        "v=0 / o=UniMRCPClient 2874829994210341410 8253992628815010021 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 4000 RTP/AVP 0 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / a=mid:1 / "
        "m=application 0 TCP/MRCPv2 1 / a=resource:speechrecog / a=cmid:2 / m=audio 0 RTP/AVP 19 / a=mid:2"
    ),
    "sip client speechsynth, speechrecog, new, existing 631": (
        "v=0 / o=UniMRCPClient 2874829994210341410 8253992628815010019 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.1 / t=0 0 / m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:new / "
        "a=resource:speechsynth / a=cmid:1 / m=audio 4000 RTP/AVP 0 101 / a=rtpmap:0 PCMU/8000 / "
        "a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / a=mid:1 / "
        "m=application 9 TCP/MRCPv2 1 / a=setup:active / a=connection:existing / a=resource:speechrecog / "
        "a=cmid:2 / m=audio 4002 RTP/AVP 0 8 96 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:8 PCMA/8000 / "
        "a=rtpmap:96 L16/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / "
        "a=ptime:20 / a=mid:2"
    ),
    "sip script speechsynth, existing 254": (
        "v=0 / o=t 1 1 IN IP4 127.0.0.9 / s=- / c=IN IP4 127.0.0.9 / t=0 0 / m=application 9 TCP/MRCPv2 1 /"
        " a=setup:active / a=connection:existing / a=resource:speechsynth / a=cmid:1 / m=audio 46102 "
        "RTP/AVP 0 / c=IN IP4 127.0.0.1 / a=rtpmap:0 PCMU/8000 / a=recvonly / a=mid:1"
    ),
    "sip server port 0 207": (
        "v=0 / o=UniMRCPServer 506580288361117970 265463389249033932 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 0 TCP/MRCPv2 19 / m=audio 5002 RTP/AVP 0 / a=rtpmap:0 PCMU/8000 "
        "/ a=sendonly / a=mid:1"
    ),
    "sip server recorder, new 360": (
        "v=0 / o=UniMRCPServer 2731897841159735777 390507430326942153 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:74afe254e69d4eea@recorder / a=cmid:1 / m=audio 5010 RTP/AVP 0 101 / a=rtpmap:0 PCMU/8000"
        " / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / a=mid:1"
    ),
    "sip server speakverify, new 364": (
        "v=0 / o=UniMRCPServer 8071726936671928897 6811290960084485090 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:29051e4f991a4dbe@speakverify / a=cmid:1 / m=audio 5012 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / "
        "a=mid:1"
    ),
    "sip server speechrecog, new 363": (
        "v=0 / o=UniMRCPServer 583090457011065118 9164453306416212727 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:1b347554b27a46ca@speechrecog / a=cmid:1 / m=audio 5022 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / "
        "a=mid:1"
    ),
    "sip server speechsynth, existing 301": (
        "v=0 / o=UniMRCPServer 5377893221651999726 2046305793823854157 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:existing / "
        "a=channel:7a89bfe9c87548b1@speechsynth / a=cmid:1 / m=audio 5006 RTP/AVP 0 / a=rtpmap:0 PCMU/8000 "
        "/ a=sendonly / a=mid:1"
    ),
    "sip server speechsynth, existing 369": (
        "v=0 / o=UniMRCPServer 2483700637725290935 5515015215796110014 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:existing / "
        "a=channel:c1ffda57225c48f7@speechsynth / a=cmid:1 / m=audio 5010 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / "
        "a=mid:1"
    ),
    "sip server speechsynth, new 296": (
        "v=0 / o=UniMRCPServer 2786116389428191520 3388737408280081624 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:275bd807f9ea4a04@speechsynth / a=cmid:1 / m=audio 5000 RTP/AVP 0 / a=rtpmap:0 PCMU/8000 "
        "/ a=sendonly / a=mid:1"
    ),
    "sip server speechsynth, new 308": (
        "v=0 / o=UniMRCPServer 4332176253591861995 7829399711491207635 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.3 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:cb9c4c195a074d15@speechsynth / a=cmid:1 / m=audio 5000 RTP/AVP 0 / a=rtpmap:0 PCMU/8000 "
        "/ a=sendonly / a=ptime:20 / a=mid:1"
    ),
    "sip server speechsynth, new 364": (
        "v=0 / o=UniMRCPServer 2058315030623917379 5684217537231718862 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:91808b9fca0f4213@speechsynth / a=cmid:1 / m=audio 5020 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / "
        "a=mid:1"
    ),
    "sip server speechsynth, new port 0 417": (
        "v=0 / o=UniMRCPServer 3061656879832311507 6927325579713710292 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:2b0ea757793d4a50@speechsynth / a=cmid:1 / m=audio 5004 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / "
        "a=mid:1 / m=application 0 TCP/MRCPv2 19 / m=audio 0 RTP/AVP 19"
    ),
    "sip server speechsynth, speechrecog port 0 320": (
        "v=0 / o=UniMRCPServer 6223085169338331638 1625634245738173760 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 0 TCP/MRCPv2 1 / a=resource:speechsynth / a=resource:speechrecog"
        " / m=audio 0 RTP/AVP 0 8 96 101 / a=rtpmap:0 PCMU/8000 / a=rtpmap:8 PCMA/8000 / a=rtpmap:96 "
        "L16/8000 / a=rtpmap:101 telephone-event/8000"
    ),
    "sip server speechsynth, speechrecog, new, existing 622": (
        "v=0 / o=UniMRCPServer 3061656879832311507 6927325579713710291 IN IP4 192.0.2.2 / s=- / c=IN IP4 "
        "127.0.0.2 / t=0 0 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:new / "
        "a=channel:2b0ea757793d4a50@speechsynth / a=cmid:1 / m=audio 5004 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=sendonly / a=ptime:20 / "
        "a=mid:1 / m=application 1544 TCP/MRCPv2 1 / a=setup:passive / a=connection:existing / "
        "a=channel:2b0ea757793d4a50@speechrecog / a=cmid:2 / m=audio 5006 RTP/AVP 0 101 / a=rtpmap:0 "
        "PCMU/8000 / a=rtpmap:101 telephone-event/8000 / a=fmtp:101 0-15 / a=recvonly / a=ptime:20 / "
        "a=mid:2"
    ),
}

BODIES: Final = {name: _body(text) for name, text in _TEXTS.items()}
