"""Addresses that two processes share while one takes over from the other.

Either each has a socket of its own on the port (`SO_REUSEPORT`), or both have inherited the same socket. In the first case the
kernel would spread newcomers over both; a program of one instruction sends them all to one of the two instead. It belongs to all
sockets of the port, and counts them in the order in which they came: the process that was there first keeps getting every
newcomer until it stands aside. Where a kernel takes no such program, newcomers are spread, and none is lost for it.
"""

import contextlib
import ctypes
import enum
import socket
from typing import Final, Protocol

SO_ATTACH_REUSEPORT_CBPF: Final = 51  # linux/socket.h; the socket module doesn't name it
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_FIRST, _NEXT = 0, 1  # a number that no socket has means any of them


class Sharing(enum.Enum):
    """Who else may have what comes to a socket's address."""

    NOBODY = "nobody"
    PORT = "port"  # another process's socket on the same port
    SOCKET = "socket"  # whoever inherited this same socket


class Front(Protocol):
    """What listens at an address that may be shared."""

    sharing: Sharing

    def stand_aside(self) -> None:
        """Leave newcomers to the other process."""

    def finish(self) -> None:
        """Take those who have come, then no more."""


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jump_true", ctypes.c_ubyte),
        ("jump_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def share(sock: socket.socket) -> None:
    """Let other sockets of ours be bound to the same port; before `bind`."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def queue_up(sock: socket.socket) -> None:
    """Leave newcomers to the process that was here first, if there is one; after `bind` or `listen`."""
    _steer(sock, _FIRST)


def stand_aside(sock: socket.socket) -> None:
    """Leave newcomers to the process that came next, if there is one."""
    _steer(sock, _NEXT)


def _steer(sock: socket.socket, number: int) -> None:
    instruction = _Instruction(_RETURN, 0, 0, number)
    program = _Program(1, ctypes.pointer(instruction))
    with contextlib.suppress(OSError):  # a kernel or a sandbox without it; or the socket is closed
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, bytes(program))
