"""The running process, and the only room that touches sockets for traffic."""
