"""The product's own project with one more address: the same insert on the HTTP kit."""
