"""What a control channel decides (MRCPv2 framing)."""
