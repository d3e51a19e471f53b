"""The wire formats of MRCP, free of input and output: bytes in, messages out."""
