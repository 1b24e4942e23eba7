"""What a text must be, and when it ends."""
