"""`make demo`: a program outside the product, that speaks to it as its users do: HTTP and JSON-RPC, nothing else.

It imports nothing from apps/. Investors' keys stay here: they sign, approve and pay their own gas. Only the rogue goes
past the product, into its database.
"""
