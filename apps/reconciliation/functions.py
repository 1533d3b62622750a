"""What a transaction's input asked a token to do. Pure; selectors of ERC-20, ERC-3643 (T-REX 4.1.6) and proxies."""

AGENT_ACTS = {
    "0x40c10f19": "mint",
    "0x9dc29fac": "burn",
    "0x68573107": "batchMint",
    "0x9fc1d0e7": "forcedTransfer",
    "0x42a47abc": "batchForcedTransfer",
    "0x4a6cc677": "batchBurn",
    "0x9285948a": "recoveryAddress",
    "0x125c4a33": "freezePartialTokens",
    "0x1fe56f7d": "unfreezePartialTokens",
    "0xfc7e5fa8": "batchFreezePartialTokens",
    "0x4710362d": "batchUnfreezePartialTokens",
    "0xc69c09cf": "setAddressFrozen",
    "0x1a7af379": "batchSetAddressFrozen",
    "0x8456cb59": "pause",
    "0x3f4ba83a": "unpause",
}
OWNER_ACTS = {
    "0x84e79842": "addAgent",
    "0x97a6278e": "removeAgent",
    "0x3659cfe6": "upgradeTo",
    "0x4f1ef286": "upgradeToAndCall",
    "0x92dd9d65": "setImplementationAuthority",
    "0xf38d2491": "useTREXVersion",
    "0x71673bd0": "addAndUseTREXVersion",
    "0x025b22bc": "updateImplementation",
}
HOLDER_ACTS = {
    "0xa9059cbb": "transfer",
    "0x23b872dd": "transferFrom",
    "0x88d695b2": "batchTransfer",
}
SELECTOR = 10  # hex digits, with 0x


def selector_of(data: str) -> str:
    """The function selector of a call's input, empty where there is none."""
    return data[:SELECTOR] if len(data) >= SELECTOR else ""


def function_of(selector: str) -> str:
    """The function's name, empty for one we do not know."""
    return (AGENT_ACTS | OWNER_ACTS | HOLDER_ACTS).get(selector, "")


def is_agents(selector: str) -> bool:
    """Whether only an agent of the token may call it."""
    return selector in AGENT_ACTS
