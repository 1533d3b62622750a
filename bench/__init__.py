"""`make bench`: each file here measures one thing against a peer, in one run, so that only the ratio matters.

A benchmark is a module with NAME, UNIT, `ours() -> Sample`, `peer() -> Sample`, and optionally `prepare()` and
`finish()`. The runner alternates ours and peer five times and prints the medians as one JSON line.
"""
