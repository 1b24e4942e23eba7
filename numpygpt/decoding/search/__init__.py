"""Other ways of looking for a text than one token at a time."""
