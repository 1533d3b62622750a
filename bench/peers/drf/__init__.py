"""A Django project as the tutorials make one: DRF with its defaults, and one view that inserts a row."""
