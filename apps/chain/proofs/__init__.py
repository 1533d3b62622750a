"""What a block's own hashes prove about an answer: pure functions, no Django, no network, no clock."""
