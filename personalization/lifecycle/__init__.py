"""Stage 6, messages: who is due, decided again when it is sent, at most once."""
