"""What differences are called, by their evidence. Pure: everything it judges was read before."""
