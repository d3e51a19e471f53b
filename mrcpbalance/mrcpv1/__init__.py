"""What an RTSP connection of a caller decides (MRCPv1)."""
