"""What an unrecognised connection decides."""
