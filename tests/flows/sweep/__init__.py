"""The bad-input sweep: what the API offers, what never to accept, and books to try it on."""
