"""Test support: the two fixtures' database work. Not imported by the product."""
