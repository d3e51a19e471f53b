"""A session-sticky, protocol-aware proxy for MRCP."""
