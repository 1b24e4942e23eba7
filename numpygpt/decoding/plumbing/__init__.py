"""What callers pass in, what they get back, and what a config means."""
