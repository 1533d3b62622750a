"""The sequencer: from waiting commands to one committed batch.

books.py    the matchers in memory, loaded from open orders
funds.py    what each account has available while a batch is decided
deciding.py commands in, effects out; writes nothing
writing.py  effects in, one commit out
"""
