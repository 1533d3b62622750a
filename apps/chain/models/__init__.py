"""Tables of the chain room. Rows about the chain are kept for ever: a reorganisation marks, nothing deletes."""
