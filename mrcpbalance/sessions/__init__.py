"""Which key sticks to which session and backend, what a session did, and why it ended."""
