"""The nodes: which of them is asked, what each takes in one question, and how one that lags or lies is left."""
